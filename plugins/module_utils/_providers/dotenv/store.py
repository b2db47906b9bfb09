# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dotenv files on inventory hosts as a store: read, compared and replaced by one command on the host.

Values go there through the command's standard input, and do not come back: the host makes fingerprints of them.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Container, Mapping, Sequence
from functools import cache
from pkgutil import get_data
from typing import Any

from ..._core.clock import Clock
from ..._core.contracts import Evidence, Limits, Options, Schema, Store
from ..._core.credential import SecretValue
from ..._core.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnavailableError,
    UnexpectedAnswerError,
)
from ..._core.fingerprints import Fingerprints
from ..._core.hosts import HostAnswer, HostCommand, HostConnection
from . import spelling

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,499}", re.ASCII)
_SHELLS_OWN = {"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID", "_"}
"""A shell keeps these to itself, and some stop at a file that sets one."""
_MODE = re.compile(r"0?[0-7]{3}")
_BOOTSTRAP = (
    "import json,sys; sys.version_info < (3, 9) and sys.exit(127); "
    'task = json.load(sys.stdin); program = {"__name__": "program"}; '
    'exec(task.pop("program"), program); program["main"](task)'
)
_NOTHING_DONE = "nothing_done"
"""The code of an error of which the host says that it has changed nothing."""
_PROBLEMS: dict[str, type[RotorError]] = {
    "missing": NotFoundError,
    "denied": PermissionDeniedError,
    "conflict": ConflictError,
    "refused": InvalidRequestError,
    "failed": UnavailableError,
}


class DotenvConnection(HostConnection):
    """To the inventory host that Ansible is at work on."""


class DotenvFile(Store):
    readable = True
    on_host = True
    limits = Limits(value_bytes=127 * 1024)
    """Linux hands a program 128 KiB for one variable with its name."""
    schema = Schema(
        properties={
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
                "description": "A new file's mode; 0600 unless said.",
            },
            "owner": {"type": "string", "minLength": 1, "description": "Owner of a new file."},
            "group": {"type": "string", "minLength": 1, "description": "Group of a new file."},
        },
        required=("host", "path"),
    )
    connection: DotenvConnection

    def __init__(
        self, connection: Any, *, clock: Clock, fingerprint: Fingerprints | None = None, owner_tag: str = ""
    ) -> None:
        """With fingerprints of its own, since hosts get their key."""
        super().__init__(connection, clock=clock, fingerprint=fingerprint, owner_tag=owner_tag)
        self.fingerprint = self.fingerprint.narrowed("dotenv")

    @classmethod
    def label(cls, container: Options) -> str:
        return f"dotenv file {container['host']}:{container['path']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return f"{container['host']}:{posixpath.normpath(container['path'])}"

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        problems = [] if container["path"].startswith("/") else ["path: it is not absolute"]
        if not _MODE.fullmatch(container.get("mode") or "0600"):
            problems.append('mode: it is no mode such as "0640"')
        return problems + [f"{key}: {problem}" for key in keys if (problem := _name_problem(key))]

    @classmethod
    def reject_values(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        strange = {key: spelling.problem(value.reveal()) for key, value in values.items()}
        return super().reject_values(container, values) + [f"{key}: {why}" for key, why in strange.items() if why]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        answer = self._run(container, {"operation": "look", "keys": list(keys)})
        return self._read(f"reading {self.label(container)}", answer)

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        doing = f"writing to {self.label(container)}"
        problems = self.validate(container, list(values)) + self.reject_values(container, values)
        if problems:
            raise InvalidRequestError(f"{doing}: {'; '.join(problems)}; nothing was sent")
        wanted = {key: self.fingerprint(value) for key, value in values.items()}
        task = {
            "operation": "change",
            "values": {key: spelling.quoted(value.reveal()) for key, value in values.items()},
            "wanted": wanted,
            "since": None if since is None else _prints(since, values),
        }
        return self._changed(doing, container, task)

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        task = {"operation": "change", "values": dict.fromkeys(keys), "wanted": {}, "since": None}
        return self._changed(f"deleting from {self.label(container)}", container, task)

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """By fingerprints alone: the file's date changes with its other keys, too."""
        return _prints(recorded) == _prints(observed)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return f"file written {evidence['modified'][11:19]}" if evidence.get("modified") else "absent"

    def _changed(self, doing: str, container: Options, task: dict[str, Any]) -> Evidence:
        """Where no answer came, looking tells whether it is done."""
        try:
            answer = self._run(container, task)
            return self._read(doing, answer)
        except (UnavailableError, UnexpectedAnswerError) as lost:
            if lost.code == _NOTHING_DONE:
                raise
            unknown = OutcomeUnknownError(f"{lost.message}: whether it is done is unknown", hint=lost.hint)
        try:
            seen = self.observe(container, list(task["values"]))
        except RotorError:
            raise unknown from None
        if _prints(seen) != task["wanted"]:
            raise unknown
        return seen

    def _run(self, container: Options, task: Mapping[str, Any]) -> HostAnswer:
        if self.connection.host is None:
            raise ConfigurationError(
                "a dotenv file is worked on where Ansible is at its host",
                hint="Run it through the role rotor.secrets.rotate",
            )
        document = {
            **task,
            "program": _program(),
            "path": container["path"],
            "create": bool(container.get("create")),
            "mode": container.get("mode") or "0600",
            "owner": container.get("owner") or "",
            "group": container.get("group") or "",
            "fingerprint_key": self.fingerprint.key().reveal(),
        }
        python = shlex.join(shlex.split(self._python()))
        line = f"exec {python} -I -c {shlex.quote(_BOOTSTRAP)}"
        return self.connection.host(HostCommand(line, stdin=SecretValue(json.dumps(document))))

    def _python(self) -> str:
        """As the inventory names it, where whoever is at work on the host knows that."""
        return getattr(self.connection.host, "python", "python3")

    def _read(self, doing: str, answer: HostAnswer) -> Evidence:
        found = _last_line(answer)
        if "problem" in found:
            kind = _PROBLEMS[found["problem"]]
            raise kind(f"{doing}: {found['message']}", hint=found["hint"], code=_NOTHING_DONE)
        if "keys" in found and answer.code == 0:
            return found
        if answer.code == 127:
            raise ConfigurationError(
                f"{doing}: the host has no {self._python()}, or one older than 3.9",
                hint="Install Python 3.9 or later there, or name it in ansible_python_interpreter",
            )
        raise UnexpectedAnswerError(
            f"{doing}: the command on the host ended with code {answer.code} and without an answer",
            hint="Is become right for this host? With -vvv Ansible shows what was printed; no value is in it",
        )


def _name_problem(name: str) -> str:
    if not _NAME.fullmatch(name):
        return "a name has letters of ASCII, digits and underscores, no digit in front, and at most 500 of them"
    return "a shell keeps this name to itself" if name in _SHELLS_OWN else ""


def _prints(evidence: Evidence, only: Container[str] | None = None) -> dict[str, str]:
    seen = evidence["keys"].items()
    return {key: facts["fingerprint"] for key, facts in seen if only is None or key in only}


def _last_line(answer: HostAnswer) -> dict[str, Any]:
    """What our program said; a host may print lines of its own before."""
    try:
        found = json.loads(answer.stdout.rstrip().rpartition("\n")[2])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@cache
def _program() -> str:
    return (get_data(__package__, "on_host_program.py") or b"").decode()
