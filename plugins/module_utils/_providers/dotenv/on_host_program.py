# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read dotenv files, set and remove their keys. The program runs on the host, by itself, on Python 3.9 or later.

However many tasks name a file, it is read and replaced once. The program prints one line of JSON with an answer for
each task, which holds fingerprints and no value.
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
import re
import signal
import stat
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 4 * 1024 * 1024
ATTEMPTS = 5
PATIENCE = 30  # seconds to wait for another one of us

# Where a statement ends, for each reader: at the newline that follows what its expression matches.
_IN_DOUBLE = rb'"(?:[^"\\]|\\.)*"'
_ENDS = {
    reader: re.compile(expression, re.DOTALL)
    for reader, expression in {
        # quotes anywhere, and a comment after a blank
        "shell": rb"(?:[^'\"\\\n#]+|'[^']*'|" + _IN_DOUBLE + rb"|\\.|(?<=[ \t;])#[^\n]*|#)*",
        # quotes at the beginning of a value, one after the other; a backslash before the end goes on
        "systemd": rb"[^=\r\n]*(?:=(?:[ \t]*(?:'[^']*'|" + _IN_DOUBLE + rb"))*[ \t]*"
        rb"(?:(?:\\.|[^'\" \t\r\n\\])(?:\\.|[^\r\n\\])*)?)?\r?",
        # one quoted value, and after it the next statement
        "compose": rb"(?:(?!#)[^=:\n]*[=:][ \t\v\f\r]*(?:'(?:[^'\\]|\\.)*'|" + _IN_DOUBLE + rb")[ \t\v\f\r]*)*"
        rb"(?:#[^\n]*|[^=:\n]*(?:[=:][ \t\v\f\r]*(?:[^'\" \t\v\f\r\n][^\n]*)?)?)",
    }.items()
}
_NAMES = {"compose": "docker compose", "systemd": "systemd", "shell": "a shell"}
_COMMENT = re.compile(rb"\s*[#;]")
_ASSIGNMENT = re.compile(rb"(?P<lead>[ \t]*(?:export[ \t]+)?)(?P<name>[A-Za-z_]\w*)(?P<sign>[ \t]*[=:])", re.ASCII)
# What a shell does after an assignment, on the same line; a semicolon alone may be a part of an unquoted value.
# One character a turn: with several, a long word that ends otherwise would be tried in each way of cutting it up.
_WORD = rb"(?:[^'\"\\\s;&|]|'[^']*'|" + _IN_DOUBLE + rb"|\\.)*"
_COMMAND = re.compile(_WORD + rb"[ \t]*[;&|]+(?:[ \t]+[^\s#]|(?:export|declare|readonly|typeset|unset)\b)", re.DOTALL)
_EXPORT = re.compile(_WORD + rb"[ \t]*;[ \t]*export[ \t]+([A-Za-z_]\w*)[ \t;]*(?:#[^\n]*)?\n?", re.ASCII | re.DOTALL)
# What all three readers take for the same value.
_ALIKE = [
    re.compile(expression + rb"[ \t]*\n?", re.DOTALL)
    for expression in (
        rb"([A-Za-z0-9_./:@%+,=^{}\[\]?*!-]*)",
        rb"'((?:[^'\\]|\\[^'])*)'",
        rb'"((?:[^"\\$`]|\\["\\$])*)"',
    )
]


class Problem(Exception):  # noqa: N818 - not all of them are errors
    """Report why a task was not done. ``kind``: missing, denied, conflict, refused or failed; nothing was changed."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.answer = {"problem": kind, "message": message, "hint": hint}


class Statement:
    """Hold one piece of the file: an assignment with its whole value, a comment, an empty line, anything else."""

    def __init__(self, text: bytes, *, shell: bool) -> None:
        self.text = text
        match = _ASSIGNMENT.match(text)
        self.name = match["name"].decode() if match else None
        self.lead = match["lead"] if match else b""
        self.goes_on = False
        """Whether a shell finds a command behind the assignment, which would be lost with the old value."""
        if shell and match and match["sign"] == b"=" and _COMMAND.match(text, match.end()):
            exported = _EXPORT.fullmatch(text, match.end())
            self.goes_on = exported is None or exported[1] != match["name"]
            self.lead += b"" if self.goes_on or b"export" in self.lead else b"export "
        self.value = _value(text[match.end() :]) if match and match["sign"] == b"=" else None
        """None where the readers differ."""


def _value(text: bytes) -> bytes | None:
    for expression in _ALIKE:
        match = expression.fullmatch(text)
        if match:
            return re.sub(rb"\\(.)", rb"\1", match[1]) if text.startswith(b'"') else match[1]
    return None


def statements(text: bytes, readers: list[str] | None = None) -> list[Statement]:
    """Split a file into statements; Problem where its readers (by default all three) disagree on where one ends."""
    readers = readers or [*_NAMES]
    if text.startswith(b"\xef\xbb\xbf"):
        raise Problem("refused", "the file begins with a byte order mark, which a shell takes for a part of a name")
    found = []
    start = 0
    while start < len(text):
        end = _end(text, start, readers)
        if end is None:
            line = text.count(b"\n", 0, start) + 1
            *names, last = [name for reader, name in _NAMES.items() if reader in readers]
            who = f"{', '.join(names)} and {last} do not agree" if names else f"{last} does not tell"
            hint = "Put quotes around its value, or close them; or say in readers who reads the file"
            raise Problem("refused", f"{who} where the statement of line {line} ends", hint)
        found.append(Statement(text[start:end], shell="shell" in readers))
        start = end
    return found


def _end(text: bytes, start: int, readers: list[str]) -> int | None:
    line = text.find(b"\n", start)
    line = len(text) if line < 0 else line
    content = text[start:line]
    if _COMMENT.match(content):
        return None if content.endswith(b"\\") and "systemd" in readers else line + 1
    if not re.search(rb"['\"\\]|\r.", content):
        return line + 1
    ends = {_ENDS[reader].match(text, start).end() for reader in readers}  # type: ignore[union-attr]  # all match
    end = ends.pop()
    return end + 1 if not ends and text[end : end + 1] in (b"", b"\n") else None


def facts(found: list[Statement], keys: list[str], macs: list[hmac.HMAC]) -> dict[str, dict[str, object]]:
    """Return the fingerprint of each key's value, or of its text where the readers would read different values."""
    seen: dict[str, dict[str, object]] = {}
    for key in keys:
        own = [statement for statement in found if statement.name == key]
        if not own:
            continue
        if any(statement.goes_on for statement in own):
            raise Problem(
                "refused",
                f"behind {key}= a shell finds another command on the same line, which would be lost",
                "Put it into a line of its own, or quotes around the value; or say in readers who reads the file",
            )
        values = {statement.value for statement in own}
        value = values.pop()
        if values or value is None:
            value = b"\0".join([b"", *(statement.text for statement in own)])
        seen[key] = {"fingerprint": _fingerprint(macs, value)}
        if len(own) > 1:
            seen[key]["lines"] = len(own)
    return seen


def edited(found: list[Statement], values: dict[str, str | None]) -> bytes:
    """Replace the values of keys, add new keys at the end, and remove those whose value is None.

    Our lines end with a newline alone: a shell takes a carriage return for a part of the value.
    """
    there = {statement.name for statement in found}
    text = b"".join(_rewritten(statement, values) for statement in found)
    new = [key for key, value in values.items() if value is not None and key not in there]
    if new and text and not text.endswith(b"\n"):
        text += b"\n"
    return text + b"".join(_line(key, values[key]) for key in new)


def _rewritten(statement: Statement, values: dict[str, str | None]) -> bytes:
    if statement.name is None or statement.name not in values:
        return statement.text
    value = values[statement.name]
    return b"" if value is None else statement.lead + _line(statement.name, value)


def _line(key: str, value: str | None) -> bytes:
    return f"{key}={value}\n".encode()


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
                raise Problem("refused", f"it has more than {MOST_BYTES} bytes, so that it is no dotenv file")
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
def opened(path: str, *, lock: bool) -> Iterator[File]:
    """Open the file behind a path and its links; a ``lock`` is that of its folder, which leaves no lock file behind."""
    folder, name = os.path.split(os.path.realpath(path))
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


def look(tasks: list[dict[str, Any]], macs: list[hmac.HMAC]) -> list[dict[str, Any]]:
    with opened(tasks[0]["path"], lock=False) as file:
        file.read()
        _check(file, tasks[0])
        file.check_rights()
        found = statements(file.text, tasks[0]["readers"])
        return [_seen(file, found, task["keys"], macs) for task in tasks]


def change(tasks: list[dict[str, Any]], macs: list[hmac.HMAC]) -> list[dict[str, Any]]:
    """Set or remove the keys of each task that are as they were; keep what others change beside them."""
    readers = tasks[0]["readers"]
    with opened(tasks[0]["path"], lock=True) as file:
        for _attempt in range(ATTEMPTS):
            file.read()
            _check(file, tasks[0])
            found = statements(file.text, readers)
            before = [_seen(file, found, list(task["values"]), macs) for task in tasks]
            answers = [_settled(task, before[number]) for number, task in enumerate(tasks)]
            left = [number for number, answer in enumerate(answers) if answer is None]
            if left:
                file.check_rights()
                values = {key: value for number in left for key, value in tasks[number]["values"].items()}
                text = edited(found, values)
                if not file.replace(text, tasks[0]):
                    continue
                found = statements(text, readers)
            done = [_seen(file, found, list(task["values"]), macs) for task in tasks]
            return [answer or done[number] for number, answer in enumerate(answers)]
    raise Problem("failed", f"somebody else wrote it each of {ATTEMPTS} times", "Run again once nobody does")


def _seen(file: File, found: list[Statement], keys: list[str], macs: list[hmac.HMAC]) -> dict[str, Any]:
    """Return the facts of a task's keys, or their problem, which is not that of other tasks on the file."""
    try:
        return {"keys": facts(found, keys, macs), **file.describe()}
    except Problem as problem:
        return problem.answer


def _settled(task: dict[str, Any], before: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer to what is done already, or cannot be done; None where it is left to do."""
    if "problem" in before:
        return before
    now = fingerprints(before["keys"])
    if now != task["wanted"] and task["since"] not in (None, now):
        changed = f"somebody else has changed {_changed(now, task['since'])}"
        return Problem("conflict", changed).answer
    return before if now == task["wanted"] else None


def _check(file: File, task: dict[str, Any]) -> None:
    if file.state is None and not task["create"]:
        raise Problem("missing", "the file is not there", "Make it, or set create: true")


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
    odd = {errno.EISDIR: "it is no regular file", errno.EBUSY: "it is a mount point, which cannot be replaced"}
    if error.errno in odd:
        return Problem("refused", odd[error.errno])
    return Problem("failed", f"the host's system says: {message}")


def _stop(number: int, frame: object) -> None:  # noqa: ARG001 - every handler gets one
    raise SystemExit(128 + number)


def _of_file(tasks: list[dict[str, Any]], macs: list[hmac.HMAC]) -> list[dict[str, Any]]:
    try:
        return (look if tasks[0]["operation"] == "look" else change)(tasks, macs)
    except Problem as problem:
        return [problem.answer] * len(tasks)
    except OSError as error:
        return [_problem_of(error).answer] * len(tasks)


def main(document: dict[str, Any]) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that what lies beside the file is removed
        signal.signal(number, _stop)
    tasks, macs = document["tasks"], _macs(document["fingerprint_key"])
    by_file: dict[str, list[int]] = {}
    for place, task in enumerate(tasks):
        file = [task[name] for name in ("operation", "path", "create", "mode", "owner", "group", "readers")]
        by_file.setdefault(json.dumps(file), []).append(place)
    answers = [{} for _task in tasks]  # type: list[dict[str, Any]]
    for places in by_file.values():
        for answer in reversed(_of_file([tasks[place] for place in places], macs)):
            answers[places.pop()] = answer
    sys.stdout.write(json.dumps({"answers": answers}) + "\n")
