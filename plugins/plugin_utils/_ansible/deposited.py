# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a value from a person: at the controlling terminal, or from a file that nobody else can read.

It is never a variable, which results, logs, artifacts and the process list would show.
"""

from __future__ import annotations

import json
import os
import select
import stat
import subprocess
import termios
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...module_utils._core import references
from ...module_utils._core.clock import Clock
from ...module_utils._core.contracts import Handwork
from ...module_utils._core.credential import SecretValue
from ...module_utils._core.errors import ConfigurationError
from .._engine.job import Job
from .._engine.session import Session
from .invocation import variables_of_playbooks

WITHIN = 300.0
"""Seconds that a person has to type a value."""
_TICK = 0.2
_LONGEST_LINE = 4095
"""Bytes that a terminal takes of a line; it drops the rest."""
_OTHER_WAY = "Put it into a file that only you can read, and name that: -e deposit_file=PATH"
_AGAIN = "Nothing was kept. Run it again"
_KNOWN = "Type it at the prompt, or name a file. Whatever was given as a variable is known by now: make another one"


def refuse_variables(names: Iterable[str]) -> None:
    """Raise ConfigurationError for a variable that may be the value itself."""
    known = [name for name in variables_of_playbooks() if name.startswith("deposit_")]
    for name in names:
        if name.startswith("deposit_") and name not in known:
            near = get_close_matches(name, known, 1, 0.85)
            what = "a value never comes as a variable, which the process list, logs and the job's record would show"
            raise ConfigurationError(f"{name}: {what}", hint=f"Did you mean {near[0]}?" if near else _KNOWN)


class Source:
    """Where the value of one deposit comes from: a file or a key that is named, or else a person at the terminal."""

    def __init__(
        self, task_vars: Mapping[str, Any], options: Mapping[str, Any], session: Session, clock: Clock, *, check: bool
    ) -> None:
        """With ``check``, nothing will be read."""
        self._job = Job.of(task_vars)
        self._secret, self._file, self._place = options["secret"], options["file"], options["from"]
        if self._file and self._place:
            raise ConfigurationError("deposit_file and deposit_from are given", hint="A value comes in one way")
        self._session, self._clock = session, clock
        named = self._file or self._place or check
        self._device = None if named else terminal_of(os.getppid(), self._job)
        self._left = ""

    def read(self, handwork: Handwork, fields: Sequence[str]) -> dict[str, SecretValue]:
        """Take the value of each field."""
        if self._device is None:
            return self._read_stored(fields) if self._place else self._read_file(fields)
        if handwork.several_lines:
            raise ConfigurationError(f"a value of {self._secret} has several lines", hint=_OTHER_WAY)
        names = [f"{self._secret}, {field}" for field in fields] if len(fields) > 1 else [self._secret]
        prompts = [f"{name} (it is not shown): " for name in names]
        prompts[0] = f"{handwork.where}: {handwork.make}\n{prompts[0]}"
        return dict(zip(fields, ask(self._device, prompts, self._clock), strict=True))

    def _read_stored(self, fields: Sequence[str]) -> dict[str, SecretValue]:
        place, keys = _split(self._place, fields)
        values, where = self._session.stored(place, list(keys.values()))
        self._left = f"{where}, in all of its versions"
        if list(keys) == [""]:
            return in_fields(values[0].reveal(), where, fields)
        return dict(zip(keys, values, strict=True))

    def _read_file(self, fields: Sequence[str]) -> dict[str, SecretValue]:
        self._left = "the credential of the job" if self._job.runner else self._file
        return in_fields(read_file(self._file), f"the file {self._file}", fields)

    @property
    def left_over(self) -> list[str]:
        """Say what still holds the value beside the ledger."""
        return [f"  delete:   {self._left}, which still holds the value"] if self._left else []


# -- a terminal ---------------------------------------------------------------------------------------------------


def terminal_of(process: int, job: Job) -> Path:
    """Return the device of a process's controlling terminal; ConfigurationError where no person sits at one."""
    if job.runner:
        raise ConfigurationError(
            f"{job.runner} runs this, so no person can type a value, whatever its terminal looks like",
            hint="Give the job a credential that is a file, and name that: deposit_file, or ROTOR_DEPOSIT_FILE",
        )
    with suppress(OSError, subprocess.SubprocessError):  # a worker has left the session, and so /dev/tty
        line = ["/bin/ps", "-o", "tty=", "-p", str(process)]
        found = subprocess.run(line, capture_output=True, text=True, timeout=10, check=True, env={})  # noqa: S603
        if (name := found.stdout.strip()).strip("?-"):
            return Path("/dev", name)
    raise ConfigurationError("there is no terminal at which a person could type a value", hint=_OTHER_WAY)


def ask(device: Path, prompts: Sequence[str], clock: Clock) -> list[SecretValue]:
    """Read a line for each prompt at a terminal that does not show it."""
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"cannot open the terminal {device}: {error.strerror}", hint=_OTHER_WAY) from None
    try:
        with _unseen(descriptor):
            deadline = clock.monotonic() + WITHIN
            return [
                _asked(descriptor, f"\n{prompt}" if number else prompt, deadline, clock)
                for number, prompt in enumerate(prompts)
            ]
    finally:
        os.close(descriptor)


def _asked(descriptor: int, prompt: str, deadline: float, clock: Clock) -> SecretValue:
    os.write(descriptor, prompt.encode())
    line = _line(descriptor, deadline, clock)
    if _has_input(descriptor):
        raise ConfigurationError("several lines were given at the prompt", hint=_OTHER_WAY)
    if len(line) >= _LONGEST_LINE:
        raise ConfigurationError("the line is longer than a terminal takes", hint=_OTHER_WAY)
    return _value(references.text_of(line), "the prompt")


@contextmanager
def _unseen(descriptor: int) -> Iterator[None]:
    """Do not show what is typed; drop what is left of it, which a shell would run and remember."""
    before = termios.tcgetattr(descriptor)
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, quiet)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
        os.write(descriptor, b"\n")


def _line(descriptor: int, deadline: float, clock: Clock) -> bytes:
    while not _has_input(descriptor):
        clock.check()
        if clock.monotonic() > deadline:
            raise ConfigurationError(f"nobody gave a value within {WITHIN / 60:.0f} minutes", hint="Run it again")
    return os.read(descriptor, _LONGEST_LINE + 1)


def _has_input(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], _TICK)[0])


# -- a file -------------------------------------------------------------------------------------------------------


def read_file(path: str) -> str:
    """Read a file that its owner alone can read; ConfigurationError says all that is wrong with it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        link = "it is a link" if Path(path).is_symlink() else getattr(error, "strerror", "no file has such a path")
        raise ConfigurationError(f"deposit_file: {path} is not read: {link}", hint="Name the file itself") from None
    with os.fdopen(descriptor, "rb") as file:
        if problems := list(_problems(Path(path), os.fstat(descriptor))):
            raise ConfigurationError(
                f"deposit_file: {path} is not read: {'; '.join(problems)}",
                hint="It is to be a file of your own with the mode 0600, outside of any repository",
            )
        return references.text_of(file.read(4 * references.LONGEST))


def _problems(path: Path, found: os.stat_result) -> Iterator[str]:
    if not stat.S_ISREG(found.st_mode):
        yield "it is no regular file"
    if found.st_nlink > 1:
        yield "it has another name, under which it would stay"
    if found.st_uid != os.geteuid():
        yield "it belongs to somebody else"
    if stat.S_IMODE(found.st_mode) & 0o177:
        yield f"its mode is {stat.S_IMODE(found.st_mode):04o}, and not 0600"
    if any((folder / ".git").exists() for folder in path.resolve().parents):
        yield "it is in a git repository"


# -- the fields of a value ------------------------------------------------------------------------------------------


def in_fields(text: str, source: str, fields: Sequence[str]) -> dict[str, SecretValue]:
    """Take a text for the value of the only field, or for a JSON object of several fields."""
    if len(fields) == 1:
        return {fields[0]: _value(text, source)}
    try:
        pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise ConfigurationError(f"{source} has no JSON object of {', '.join(fields)}", hint=_AGAIN)
    if problems := list(_misfits(pairs, fields)):
        raise ConfigurationError(f"{source}: {'; '.join(problems)}", hint=_AGAIN)
    return {field: _value(value, f"{field} in {source}") for field, value in pairs}


def _misfits(pairs: Sequence[tuple[str, Any]], fields: Sequence[str]) -> Iterator[str]:
    """Say what is wrong with the members of an object; a name that nobody knows may be a value, and is not shown."""
    names = [name for name, _value in pairs]
    yield from (f"it has no {field}" for field in fields if field not in names)
    yield from (f"it has {field} twice" for field in fields if names.count(field) > 1)
    yield from (f"{name} is no text" for name, value in pairs if name in fields and not isinstance(value, str))
    if not set(names) <= {*fields}:
        yield f"it has others beside {', '.join(fields)}"


def _split(given: Mapping[str, Any], fields: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Split ``deposit_from`` into a container and the key of each field; of one key for all, the field is empty."""
    place = {option: value for option, value in given.items() if option not in ("key", "keys")}
    if ("key" in given) == ("keys" in given):
        raise ConfigurationError("deposit_from has either key or keys", hint="keys: {FIELD: KEY, …} names one a field")
    keys = {"": given["key"]} if "key" in given else given["keys"]
    if not isinstance(keys, Mapping) or not all(isinstance(key, str) and key for key in keys.values()):
        raise ConfigurationError("deposit_from: a key is the name of one", hint="key: KEY, or keys: {FIELD: KEY, …}")
    if "keys" in given and {*keys} != {*fields}:
        raise ConfigurationError(f"deposit_from.keys are not those of the fields {', '.join(fields)}")
    return place, dict(keys)


def _value(text: str, source: str) -> SecretValue:
    if len(text) > references.LONGEST:
        raise ConfigurationError(f"{source} is longer than {references.LONGEST} characters", hint=_AGAIN)
    try:
        return SecretValue(text)
    except ValueError:
        problem = "is not text" if text else "has no value"
        raise ConfigurationError(f"{source} {problem}", hint=_AGAIN) from None
