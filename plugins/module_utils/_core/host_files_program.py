# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read files of entries, set and remove some. The program runs on the host, by itself, on Python 3.9 or later.

However many tasks name a file, it is read and replaced once. The program prints one line of JSON with an answer for
each task, which holds fingerprints and no value. A store's ``format`` comes as text beside it, and has ``statements``,
which splits a file into statements, ``line``, which spells one, and ``Refusal`` for a file that is to be left alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import hashlib
import hmac
import json
import os
import pwd
import signal
import stat
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 4 * 1024 * 1024
ATTEMPTS = 5
_OF_FILE = ("operation", "path", "create", "mode", "owner", "group", "readers", "private", "look_only")
"""What tasks share that are done with one reading and one replacement."""
PATIENCE = 30  # seconds to wait for another one of us


class Problem(Exception):  # noqa: N818 - not all of them are errors
    """Report why a task was not done. ``kind``: missing, denied, conflict, refused or failed; nothing was changed."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.answer = {"problem": kind, "message": message, "hint": hint}


def facts(found: list[Any], keys: list[str], macs: list[hmac.HMAC]) -> dict[str, dict[str, object]]:
    """Return the fingerprint of each key's value, or of its text where the readers would read different values."""
    seen: dict[str, dict[str, object]] = {}
    for key in keys:
        own = [statement for statement in found if statement.name == key]
        if not own:
            continue
        for statement in own:
            if statement.refusal:
                raise Problem("refused", *statement.refusal)
        values = {statement.value for statement in own}
        value = values.pop()
        if values or value is None:
            value = b"\0".join([b"", *(statement.text for statement in own)])
        seen[key] = {"fingerprint": _fingerprint(macs, value)}
        if len(own) > 1:
            seen[key]["lines"] = len(own)
    return seen


def edited(form: Any, found: list[Any], values: dict[str, str | None]) -> bytes:
    """Replace the values of keys, add new keys at the end, and remove those whose value is None."""
    there = {statement.name for statement in found}
    text = b"".join(_rewritten(form, statement, values) for statement in found)
    new = {key: value for key, value in values.items() if value is not None and key not in there}
    if new and text and not text.endswith(b"\n"):
        text += b"\n"
    return text + b"".join(form.line(key, value) for key, value in new.items())


def _rewritten(form: Any, statement: Any, values: dict[str, str | None]) -> bytes:
    if statement.name is None or statement.name not in values:
        text: bytes = statement.text
        return text
    value = values[statement.name]
    return b"" if value is None else statement.lead + form.line(statement.name, value)


class File:
    """Read and replace one file through its open folder, which nobody can exchange meanwhile."""

    def __init__(self, folder: int, name: str) -> None:
        self.folder = folder
        self.name = name
        self.text = b""
        self.attributes: dict[str, bytes] = {}
        self.state: os.stat_result | None = None
        """None: there is no such file."""

    def read(self) -> None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self.name, flags, dir_fd=self.folder)
        except FileNotFoundError:
            self.text, self.state = b"", None
            return
        with os.fdopen(descriptor, "rb") as file:
            self.state = os.fstat(descriptor)
            if not stat.S_ISREG(self.state.st_mode):
                raise Problem("refused", "it is no regular file")
            if self.state.st_size > MOST_BYTES:
                raise Problem("refused", f"it has more than {MOST_BYTES} bytes, so that it is none that people edit")
            self.text = file.read()
            self.attributes = _attributes(descriptor)

    def check_rights(self) -> None:
        """Raise Problem where a new file could not have the same owner and group."""
        state, user = self.state, os.geteuid()
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=self.folder):
            raise Problem("denied", f"user {_user(user)} may not write to its folder", _BECOME)
        if state and user != 0 and (state.st_uid != user or state.st_gid not in {os.getegid(), *os.getgroups()}):
            raise Problem("denied", f"it belongs to {_owner(state)}, which user {_user(user)} could not keep", _BECOME)
        if state and state.st_nlink > 1:
            raise Problem("refused", "it has hard links, and each would keep the old value", "Remove the other names")

    def replace(self, text: bytes, task: dict[str, str]) -> bool:
        """Replace the file; return False and leave it where somebody has written to it since it was read."""
        beside = f".{self.name}.rotor"
        with contextlib.suppress(FileNotFoundError):  # of one of us that was killed: we hold the lock
            os.unlink(beside, dir_fd=self.folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(beside, flags, 0o600, dir_fd=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                self._dress(descriptor, task)
                os.fsync(descriptor)
            if self._has_changed():
                return False
            os.rename(beside, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=self.folder)
        with contextlib.suppress(OSError):  # not every file system can; the new file itself is safe
            os.fsync(self.folder)
        return True

    def _dress(self, descriptor: int, task: dict[str, str]) -> None:
        """Give the new version its owner, access list and attributes, and its mode last: it is closed until then."""
        if _ACCESS_LIST in _attributes(descriptor):  # of the folder's default list, which the old version never had
            os.removexattr(descriptor, _ACCESS_LIST)
        if self.state is None:
            os.fchown(descriptor, _id(task["owner"], "owner"), _id(task["group"], "group"))
            os.fchmod(descriptor, int(task["mode"], 8))
            return
        os.fchown(descriptor, self.state.st_uid, self.state.st_gid)  # first, since it takes bits of the mode away
        for name, value in self.attributes.items():
            _set_attribute(descriptor, name, value)
        os.fchmod(descriptor, stat.S_IMODE(self.state.st_mode))

    def _has_changed(self) -> bool:
        try:
            now = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return self.state is not None
        return self.state is None or _version(now) != _version(self.state)

    def describe(self) -> dict[str, object]:
        try:
            state = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return {}
        return {
            "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(state.st_mtime)),
            "mode": f"{stat.S_IMODE(state.st_mode):04o}",
            "owner": _owner(state),
        }


_ACCESS_LIST = "system.posix_acl_access"
_BECOME = "Use become, as root or as the user to whom the file and its folder belong"


def _version(state: os.stat_result) -> tuple[int, ...]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _attributes(descriptor: int) -> dict[str, bytes]:
    """Return SELinux's label and the access lists; hashes of the content are left out."""
    try:
        names = {*os.listxattr(descriptor)} - {"security.ima", "security.evm"}
    except OSError:  # the file system has none
        return {}
    return {name: os.getxattr(descriptor, name) for name in names}


def _set_attribute(descriptor: int, name: str, value: bytes) -> None:
    if _attributes(descriptor).get(name) == value:
        return
    try:
        os.setxattr(descriptor, name, value)
    except OSError as error:
        raise Problem("denied", f"its attribute {name} cannot be kept: {error.strerror}", _BECOME) from None


def _user(number: int) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def _owner(state: os.stat_result) -> str:
    with contextlib.suppress(KeyError):
        return f"{_user(state.st_uid)}:{grp.getgrgid(state.st_gid).gr_name}"
    return f"{_user(state.st_uid)}:{state.st_gid}"


def _id(name: str, kind: str) -> int:
    """Return the number of a user or group; -1, which changes nothing, for an empty name."""
    if not name or name.isdigit():
        return int(name or -1)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name).pw_uid if kind == "owner" else grp.getgrnam(name).gr_gid
    raise Problem("refused", f"there is no {kind} {name} on the host")


@contextlib.contextmanager
def opened(path: str, *, lock: bool, links: bool = True) -> Iterator[File]:
    """Open the file behind a path and its links; a ``lock`` is that of its folder, which leaves no lock file behind.

    Without ``links``, a file that is one is refused when it is read.
    """
    folder, name = os.path.split(os.path.realpath(path) if links else path)
    if not name:
        raise Problem("refused", "it is no regular file")
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise Problem("missing", f"its folder {folder} is not there") from None
    try:
        if lock:
            _lock(descriptor)
        yield File(descriptor, name)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise Problem("failed", f"its folder has been locked for {PATIENCE} seconds", "Run again") from None
            time.sleep(0.05)
        except OSError:  # NFS may not lock folders; that nobody has written is looked at all the same
            return None


def value(form: Any, path: str, readers: list[str], key: str) -> bytes | None:
    """Return the value of a key, for whoever is on the host; None where there is none that all readers read alike."""
    try:
        with opened(path, lock=False) as file:
            file.read()
            values = {each.value for each in _statements(form, file.text, {"readers": readers}) if each.name == key}
    except OSError as error:
        raise _problem_of(error) from None
    if file.state is None:
        raise Problem("missing", "there is no such file")
    return values.pop() if len(values) == 1 else None


def look(form: Any, tasks: list[dict[str, Any]], macs: list[hmac.HMAC]) -> list[dict[str, Any]]:
    with opened(tasks[0]["path"], lock=False, links=not tasks[0]["private"]) as file:
        file.read()
        _check(file, tasks[0])
        if not tasks[0]["look_only"]:
            file.check_rights()
        found = _statements(form, file.text, tasks[0])
        return [_seen(file, found, task["keys"], macs) for task in tasks]


def change(form: Any, tasks: list[dict[str, Any]], macs: list[hmac.HMAC]) -> list[dict[str, Any]]:
    """Set or remove the keys of each task that are as they were; keep what others change beside them."""
    with opened(tasks[0]["path"], lock=True, links=not tasks[0]["private"]) as file:
        for _attempt in range(ATTEMPTS):
            file.read()
            _check(file, tasks[0])
            found = _statements(form, file.text, tasks[0])
            before = [_seen(file, found, task["keys"], macs) for task in tasks]
            answers = [_settled(task, before[number]) for number, task in enumerate(tasks)]
            left = [task for number, task in enumerate(tasks) if answers[number] is None]
            try:
                text = _rewrite(form, file, found, left)
            except (Problem, OSError) as problem:
                return _filled(answers, [_answer(problem)] * len(tasks))
            if text is not None:
                found = _statements(form, text, tasks[0])
                return _filled(answers, [_seen(file, found, task["keys"], macs) for task in tasks])
    lost = Problem("failed", f"somebody else wrote it each of {ATTEMPTS} times", "Run again once nobody does")
    return _filled(answers, [lost.answer] * len(tasks))


def _rewrite(form: Any, file: File, found: list[Any], left: list[dict[str, Any]]) -> bytes | None:
    """Make the changes that are left to do, and return the file's text; None if somebody else has written meanwhile."""
    if not left:
        return file.text
    file.check_rights()
    text = edited(form, found, {key: value for task in left for key, value in task["values"].items()})
    return text if file.replace(text, left[0]) else None


def _filled(answers: list[dict[str, Any] | None], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the tasks that were left the other answers: what befell them is not that of their neighbours."""
    return [answer or others[number] for number, answer in enumerate(answers)]


def _statements(form: Any, text: bytes, task: dict[str, Any]) -> list[Any]:
    try:
        found: list[Any] = form.statements(text, task["readers"])
    except form.Refusal as refusal:
        raise Problem("refused", *refusal.args) from None
    return found


def _seen(file: File, found: list[Any], keys: list[str], macs: list[hmac.HMAC]) -> dict[str, Any]:
    """Return the facts of a task's keys, or their problem, which is not that of other tasks on the file."""
    try:
        return {"keys": facts(found, keys, macs), **file.describe()}
    except Problem as problem:
        return problem.answer


def _settled(task: dict[str, Any], before: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer to what is done already, or cannot be done; None where it is left to do."""
    if "problem" in before:
        return before
    seen = {key: fact for key, fact in before["keys"].items() if key in task["values"]}
    now = fingerprints(seen)
    if now != task["wanted"] and task["since"] not in (None, now):
        changed = f"somebody else has changed {_changed(now, task['since'])}"
        return Problem("conflict", changed).answer
    return before if now == task["wanted"] else None


def _check(file: File, task: dict[str, Any]) -> None:
    if file.state is None and not task["create"]:
        raise Problem("missing", "the file is not there", "Make it, or set create: true")
    if file.state and task["private"]:
        mode, owners = stat.S_IMODE(file.state.st_mode), {os.geteuid(), _id(task["owner"], "owner")}
        if mode & ~int(task["mode"], 8):
            hint = f"chmod {task['mode']} it, or say that mode is {mode:04o}"
            raise Problem("refused", f"its mode is {mode:04o}, and not {task['mode']}", hint)
        if _ACCESS_LIST in file.attributes:
            raise Problem("refused", "it has an access list, which may let others in", "Remove that: setfacl -b")
        if file.state.st_uid not in owners:
            raise Problem("refused", f"it belongs to {_owner(file.state)}", "Remove it, or name its owner in owner")


def fingerprints(seen: dict[str, Any]) -> dict[str, object]:
    return {key: fact["fingerprint"] for key, fact in seen.items()}


def _changed(now: dict[str, object], since: dict[str, object]) -> str:
    return ", ".join(sorted(key for key in {*now, *since} if now.get(key) != since.get(key)))


def _macs(keys: str) -> list[hmac.HMAC]:
    """Make one HMAC for each fingerprint key; each takes the fingerprint that the one before it has made."""
    return [hmac.new(bytes.fromhex(key), digestmod=hashlib.sha256) for key in keys.split(",")]


def _fingerprint(macs: list[hmac.HMAC], value: bytes) -> str:
    for mac in macs:
        digest = mac.copy()
        digest.update(value)
        value = digest.hexdigest()[:12].encode()
    return value.decode()


def _problem_of(error: OSError) -> Problem:
    message = f"{error.strerror} ({errno.errorcode.get(error.errno or 0, 'unknown')})"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Problem("denied", f"user {_user(os.geteuid())} has no access: {message}", _BECOME)
    odd = {
        errno.ELOOP: "it is a link",
        errno.EISDIR: "it is no regular file",
        errno.EBUSY: "it is a mount point, which cannot be replaced",
    }
    if error.errno in odd:
        return Problem("refused", odd[error.errno])
    return Problem("failed", f"the host's system says: {message}")


def _answer(problem: Problem | OSError) -> dict[str, str]:
    return (_problem_of(problem) if isinstance(problem, OSError) else problem).answer


def _stop(number: int, frame: object) -> None:  # noqa: ARG001 - every handler gets one
    raise SystemExit(128 + number)


def _of_file(form: Any, tasks: list[dict[str, Any]], macs: list[hmac.HMAC]) -> list[dict[str, Any]]:
    try:
        return (look if tasks[0]["operation"] == "look" else change)(form, tasks, macs)
    except (Problem, OSError) as problem:
        return [_answer(problem)] * len(tasks)


def _form(text: str) -> Any:
    space = {"__name__": "form"}  # type: dict[str, Any]
    exec(text, space)  # noqa: S102 - it comes with this program
    return SimpleNamespace(**space)


def main(document: dict[str, Any]) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that what lies beside the file is removed
        signal.signal(number, _stop)
    form, tasks, macs = _form(document["format"]), document["tasks"], _macs(document["fingerprint_key"])
    by_file: dict[str, list[int]] = {}
    for place, task in enumerate(tasks):
        file = [task[name] for name in _OF_FILE]
        by_file.setdefault(json.dumps(file), []).append(place)
    answers = [{} for _task in tasks]  # type: list[dict[str, Any]]
    for places in by_file.values():
        for answer in reversed(_of_file(form, [tasks[place] for place in places], macs)):
            answers[places.pop()] = answer
    sys.stdout.write(json.dumps({"answers": answers}) + "\n")
