# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep copies in files on inventory hosts: one command on the host reads, compares and replaces a file.

Values go there through the command's standard input, and do not come back: the host makes fingerprints of them.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from abc import abstractmethod
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pkgutil import get_data
from typing import Any, ClassVar

from .clock import Clock
from .contracts import Evidence, Options
from .credential import SecretValue
from .errors import (
    ConfigurationError,
    ForeignChangeError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnavailableError,
    UnexpectedAnswerError,
)
from .fingerprints import Fingerprints
from .hosts import HostAnswer, HostCommand, HostConnection, HostRequest, HostStore, answered

_MODE = re.compile(r"0?[0-7]{3}")
_BOOTSTRAP = (
    "import json,sys; sys.version_info < (3, 9) and sys.exit(127); "
    'document = json.load(sys.stdin); program = {"__name__": "program"}; '
    'exec(document.pop("program"), program); program["main"](document)'
)
_NOTHING_DONE = "nothing_done"
"""The code of an error of which the host says that it has changed nothing."""
_PROBLEMS: dict[str, type[RotorError]] = {
    "missing": NotFoundError,
    "denied": PermissionDeniedError,
    "conflict": ForeignChangeError,
    "refused": InvalidRequestError,
    "failed": UnavailableError,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"type": "string", "minLength": 1, "description": "The inventory host that has the file."},
    "path": {
        "type": "string",
        "pattern": "^/",
        "description": "The file's absolute path. A link is followed, and stays.",
    },
    "create": {"type": "boolean", "description": "Make the file if it is missing; false unless said."},
    "mode": {
        "type": "string",
        "pattern": "^0?[0-7]{3}$",
        "description": 'A new file\'s mode, such as "0640"; 0600 unless said.',
    },
    "owner": {"type": "string", "minLength": 1, "description": "Owner of a new file."},
    "group": {"type": "string", "minLength": 1, "description": "Group of a new file."},
}
"""The options of a container, which a store may add to.

Code may set beside them ``private``: no link is followed, and a file that others could read, or that has an access
list, is refused; and ``look_only``, for a file that is never written: a look asks for no right to write it.
"""


class HostFileStore(HostStore):
    """A store of files of one format, in each of which a key has a line or more."""

    readable = True
    what: ClassVar[str]
    """What people call such a file; its fingerprints are taken with a key of that name."""
    format: ClassVar[tuple[str, str]]
    """The package and the file of the program that knows the format, for :mod:`.host_files_program`."""
    connection: HostConnection

    def __init__(
        self, connection: Any, *, clock: Clock, fingerprint: Fingerprints | None = None, owner_tag: str = ""
    ) -> None:
        """Take fingerprints with a key for this kind of store alone, since hosts are given that key."""
        super().__init__(connection, clock=clock, fingerprint=fingerprint, owner_tag=owner_tag)
        self.fingerprint = self.fingerprint.narrowed(self.what.partition(" ")[0])

    @classmethod
    def label(cls, container: Options) -> str:
        return f"{cls.what} {container['host']}:{container['path']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        path = container["path"].lstrip("/")  # POSIX lets // mean something else, which no host of ours does
        return f"{container['host']}:{posixpath.normpath(f'/{path}')}"

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        problems = [] if container["path"].startswith("/") else ["path: it is not absolute"]
        if not _MODE.fullmatch(container.get("mode") or "0600"):
            problems.append('mode: it is no mode such as "0640"')
        return problems + [f"{key}: {problem}" for key in keys if (problem := cls.name_problem(key))]

    @classmethod
    def reject_values(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        strange = {key: cls.value_problem(container, value.reveal()) for key, value in values.items()}
        return super().reject_values(container, values) + [f"{key}: {why}" for key, why in strange.items() if why]

    @classmethod
    @abstractmethod
    def name_problem(cls, key: str) -> str:
        """Say why a file can have no such key; empty where it can."""

    @classmethod
    @abstractmethod
    def value_problem(cls, container: Options, value: str) -> str:
        """Say why a file cannot keep a value; empty where it can."""

    @classmethod
    def spelled(cls, container: Options, value: str) -> str:
        """Spell a value as it stands in a file."""
        return value

    @classmethod
    def readers(cls, container: Options) -> list[str]:
        """List who reads the file, for its format."""
        return []

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        return answered(self._run([self._deletion(container, keys)])[0])

    def answers(self, requests: Sequence[HostRequest]) -> list[Evidence | RotorError]:
        return self._run([self._task(request) for request in requests])

    def _task(self, request: HostRequest) -> _Task:
        """Build the host's task; one with a value that no spelling keeps is an error, and is not sent."""
        container, values = request.container, request.values
        if values is None:
            look = {"operation": "look", "keys": [*request.keys]}
            return self._described(f"reading {self.label(container)}", container, look)
        doing = f"writing to {self.label(container)}"
        problems = self.validate(container, list(values)) + self.reject_values(container, values)
        if problems:
            return _Task(doing, container, {}, InvalidRequestError(f"{doing}: {'; '.join(problems)}; nothing was sent"))
        about = {
            "operation": "change",
            "keys": [*request.keys],
            "values": {key: self.spelled(container, value.reveal()) for key, value in values.items()}
            | dict.fromkeys(request.gone),
            "wanted": {key: self.fingerprint(value) for key, value in values.items()},
            "since": None if request.since is None else _prints(request.since, {*values, *request.gone}),
        }
        return self._described(doing, container, about)

    def _deletion(self, container: Options, keys: Sequence[str]) -> _Task:
        about = {"operation": "change", "keys": [*keys], "values": dict.fromkeys(keys), "wanted": {}, "since": None}
        return self._described(f"deleting from {self.label(container)}", container, about)

    def _described(self, doing: str, container: Options, about: Mapping[str, Any]) -> _Task:
        return _Task(doing, container, {**about, "readers": self.readers(container)})

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare fingerprints alone: the file's date changes with its other keys, too."""
        return _prints(recorded) == _prints(observed)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return f"file written {evidence['modified'][11:19]}" if evidence.get("modified") else "absent"

    def _run(self, tasks: Sequence[_Task]) -> list[Evidence | RotorError]:
        """Run one command for all tasks; where no answer came, a second one looks whether the changes are made."""
        sent = [task for task in tasks if task.refusal is None]
        answers = iter(self._send(sent) if sent else [])
        results = [task.refusal or next(answers) for task in tasks]
        lost = [number for number, result in enumerate(results) if tasks[number].changes and _is_lost(result)]
        seen = self._send([tasks[number].look() for number in lost]) if lost else []
        for number, now in zip(lost, seen, strict=True):
            about = tasks[number].about
            done = not isinstance(now, RotorError) and _prints(now, about["values"]) == about["wanted"]
            results[number] = now if done else _unknown(results[number])
        return results

    def _send(self, tasks: Sequence[_Task]) -> list[Evidence | RotorError]:
        try:
            answer = self._execute(tasks)
        except RotorError as error:
            return [error] * len(tasks)
        found = _last_line(answer).get("answers")
        if answer.code == 0 and isinstance(found, list) and len(found) == len(tasks):
            return [self._read(task, each) for task, each in zip(tasks, found, strict=True)]
        return [self._unanswered(task, answer.code) for task in tasks]

    def _execute(self, tasks: Sequence[_Task]) -> HostAnswer:
        if self.connection.host is None:
            raise ConfigurationError(
                f"a {self.what} is worked on where Ansible is at its host",
                hint="Run it through the role rotor.secrets.rotate",
            )
        document = {
            "program": _text(__package__ or "", "host_files_program.py"),
            "format": _text(*self.format),
            "fingerprint_key": self.fingerprint.key().reveal(),
            "tasks": [task.document for task in tasks],
        }
        python = shlex.join(shlex.split(self._python()))
        line = f"exec {python} -I -c {shlex.quote(_BOOTSTRAP)}"
        return self.connection.host(HostCommand(line, stdin=SecretValue(json.dumps(document))))

    def _python(self) -> str:
        """Return the host's Python, as the inventory names it where that is known."""
        return getattr(self.connection.host, "python", "python3")

    def _read(self, task: _Task, found: Any) -> Evidence | RotorError:
        if isinstance(found, dict) and "problem" in found:
            return told(task.doing, found)
        return found if isinstance(found, dict) and "keys" in found else self._unanswered(task, 0)

    def _unanswered(self, task: _Task, code: int) -> RotorError:
        if code == 127:
            return ConfigurationError(
                f"{task.doing}: the host has no {self._python()}, or one older than 3.9",
                hint="Install Python 3.9 or later there, or name it in ansible_python_interpreter",
            )
        return UnexpectedAnswerError(
            f"{task.doing}: the command on the host ended with code {code} and without an answer",
            hint="Is become right for this host? With -vvv Ansible shows what was printed; no value is in it",
        )


@dataclass(frozen=True)
class _Task:
    """Describe one task for the program on the host."""

    doing: str
    container: Options
    about: Mapping[str, Any]
    refusal: RotorError | None = None
    """Why it is not sent."""

    @property
    def changes(self) -> bool:
        return "wanted" in self.about

    def look(self) -> _Task:
        """Return the task that finds out whether this one is done."""
        about = {name: self.about[name] for name in ("keys", "readers")}
        return replace(self, about={"operation": "look", **about})

    @property
    def document(self) -> dict[str, Any]:
        """Return what the host's program is told."""
        return {
            **self.about,
            "path": self.container["path"],
            "create": bool(self.container.get("create")),
            "mode": self.container.get("mode") or "0600",
            "owner": self.container.get("owner") or "",
            "group": self.container.get("group") or "",
            "private": bool(self.container.get("private")),
            "look_only": bool(self.container.get("look_only")),
        }


def told(doing: str, found: Mapping[str, str]) -> RotorError:
    """Build the error of what the program says it has not done."""
    return _PROBLEMS[found["problem"]](f"{doing}: {found['message']}", hint=found["hint"], code=_NOTHING_DONE)


def _is_lost(result: Evidence | RotorError) -> bool:
    return isinstance(result, UnavailableError | UnexpectedAnswerError) and result.code != _NOTHING_DONE


def _unknown(lost: Any) -> OutcomeUnknownError:
    return OutcomeUnknownError(f"{lost.message}: whether it is done is unknown", hint=lost.hint)


def _prints(evidence: Evidence, only: Container[str] | None = None) -> dict[str, str]:
    seen = evidence["keys"].items()
    return {key: facts["fingerprint"] for key, facts in seen if only is None or key in only}


def _last_line(answer: HostAnswer) -> dict[str, Any]:
    """Parse the last line, which is our program's; a host may print lines of its own before."""
    try:
        found = json.loads(answer.stdout.rstrip().rpartition("\n")[2])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@cache
def _text(package: str, file: str) -> str:
    return (get_data(package, file) or b"").decode()
