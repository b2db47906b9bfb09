# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export what stores hold: into a file on the task's host, or into the environment of one command there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pkgutil import get_data
from typing import Any

from ...module_utils._core.clock import Clock
from ...module_utils._core.credential import SecretValue
from ...module_utils._core.errors import ConfigurationError
from ...module_utils._core.hosts import HostAnswer, HostCommand
from ...module_utils._core.outside_text import printable
from ...module_utils._providers.dotenv.resources import FILE, Secrets
from ...module_utils._providers.dotenv.store import DotenvConnection, DotenvFile
from .._engine.session import Session
from .on_host import TaskHost

Values = Mapping[str, SecretValue]
_OF_FILE = ("mode", "owner", "group", "readers")
OPTIONS: dict[str, dict[str, Any]] = {
    "from": {"type": "list", "elements": "dict", "required": True},
    "path": {"type": "str"},
    **{name: FILE[name] for name in _OF_FILE},
    "command": {"type": "list", "elements": "str"},
    "chdir": {"type": "str"},
}
RULES: dict[str, Any] = {
    "required_one_of": [("path", "command")],
    "mutually_exclusive": [("path", "command")],
    "required_by": {**dict.fromkeys(_OF_FILE, "path"), "chdir": "command"},
}


def collect(session: Session, places: Sequence[Mapping[str, Any]]) -> Values:
    """Read every value that is to be exported, by the name that its variable gets."""
    found: dict[str, SecretValue] = {}
    for place in places:
        names = _names(place["keys"]) if "keys" in place else {}
        container = {option: value for option, value in place.items() if option != "keys"}
        values = session.export(container, list(dict.fromkeys(names.values())))
        named = {name: values[key] for name, key in (names or dict(zip(values, values, strict=True))).items()}
        if twice := [name for name, value in named.items() if found.get(name, value) != value]:
            what = f"from: {', '.join(twice)} comes from two places, with different values"
            raise ConfigurationError(what, hint="Name the keys of each place, or rename one: keys: {NAME: KEY}")
        found |= named
    if problems := [f"{name}: {why}" for name in found if (why := DotenvFile.name_problem(name))]:
        raise ConfigurationError(f"from: {'; '.join(problems)}", hint="Rename it: keys: {NAME: KEY}")
    return found


def _names(keys: Any) -> dict[str, str]:
    """Map the name of each variable to its key."""
    if isinstance(keys, list):
        pairs = [(key, key) for key in keys]
    else:
        pairs = list(keys.items()) if isinstance(keys, Mapping) else []
    if not pairs or not all(_is_name(key) for _name, key in pairs):
        raise ConfigurationError(
            "from: keys are a list of names, with one at least",
            hint="keys: [KEY, …], or keys: {NAME: KEY, …}; leave keys out for all of them",
        )
    return {str(name): str(key) for name, key in pairs}


def _is_name(key: Any) -> bool:
    return isinstance(key, str) and bool(key)


class ExportedFile(Secrets):
    """A dotenv file that nobody else can read; keys of it that are not exported stay as they are."""

    def __init__(self, options: Mapping[str, Any], values: Values, host: TaskHost, clock: Clock) -> None:
        connection = DotenvConnection({}, clock=clock)
        connection.host = host
        items = [{"name": name, "value": value.reveal()} for name, value in values.items()]
        params = {**options, "create": True, "secrets": items, "state": "present"}
        super().__init__(params, host.name, connection)
        self.container = {**self.container, "mode": self.container.get("mode") or "0600", "private": True}


def run(host: TaskHost, command: list[str], chdir: str | None, values: Values, *, check: bool) -> dict[str, Any]:
    """Run a command with the values in its environment and nowhere else; what it prints comes back masked."""
    names = sorted(values)
    if not command or not command[0]:
        raise ConfigurationError("command: it names no program", hint="command: [PROGRAM, ARGUMENT, …]")
    if odd := [name for name in names if "\0" in values[name].reveal()]:
        raise ConfigurationError(f"from: {', '.join(odd)}: a variable cannot hold a NUL character")
    if check:
        return {"changed": False, "skipped": True, "names": names, "msg": "The command would have been run"}
    document = {"variables": {name: value.reveal() for name, value in values.items()}, "command": command}
    program = (get_data(__package__, "on_host_run.py") or b"").decode()
    line = f'exec {shlex.join([*shlex.split(host.python), "-I", "-c", program])} "$LC_CTYPE"'
    answer = host(HostCommand(line, chdir, SecretValue(json.dumps(document)), catch=True))
    result = {"changed": True, "rc": answer.code, "output": _masked(answer, values), "names": names}
    if answer.code:
        what = f"the command ended with code {answer.code} on host {host.name}"
        result |= {"failed": True, "msg": f"{what}, and printed: {result['output'] or 'nothing'}"}
    return result


def _masked(answer: HostAnswer, values: Values) -> str:
    """Return the end of what a command printed, line by line as printable text."""
    text = answer.masked([value.reveal() for value in values.values()])
    return "\n".join(map(printable, text.splitlines()))
