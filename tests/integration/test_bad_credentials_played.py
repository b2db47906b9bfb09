# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spoilt credentials as ansible-playbook runs modules and playbooks, at the highest verbosity: nothing comes back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import tally
from tests.unit import bad_credentials
from tests.unit.bad_credentials import BAD, NO_TEXT, Echo, Option, pieces

from .conftest import Desk
from .test_secrecy_modules import SHOW_ALL

ALL = os.environ.get("ROTOR_SWEEP") == "all"
PLAYBOOKS = ("plan", "rotate", "status", "ledger_verify", "rotate_ledger_key")
ASKING = ("plan", "rotate", "status")
MODULES, CONNECTIONS = bad_credentials.module_options(), bad_credentials.connection_options()
OPTIONS = [*MODULES, *CONNECTIONS] if ALL else [Option("github_secret", "token")]
WAYS = list(BAD) if ALL else ["line feed", "not latin-1"]


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as echo:
        yield echo


class Canaries:
    """Values that stand in a file of variables, since core shows the lines around a task that fails."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._values: dict[str, str] = {}
        self._pieces: dict[str, set[str]] = {}

    def new(self, bad: str, about: str) -> str:
        """A template that brings a spoilt canary."""
        canary, name = bad_credentials.canary(), f"canary_{len(self._pieces)}"
        self._pieces[about] = pieces(canary)
        if bad == NO_TEXT:  # no file of variables can hold it
            self._desk.environment[name] = BAD[bad](canary)
            return f"{{{{ lookup('env', '{name}') }}}}"
        self._values[name] = BAD[bad](canary)
        return f"{{{{ {name} }}}}"

    @property
    def file(self) -> Path:
        file = self._desk.home / "canaries.json"
        file.write_text(json.dumps(self._values))
        return file

    def shown(self, text: str) -> list[str]:
        return [about for about, parts in self._pieces.items() if any(part in text for part in parts)]


def play(desk: Desk, canaries: Canaries, playbook: str, *arguments: str) -> str:
    """The output and the log of a run that shows and keeps all that it can."""
    log = desk.home / "ansible.log"
    desk.environment |= SHOW_ALL | {"ANSIBLE_LOG_PATH": str(log)}
    outcome = desk.play(playbook, "-vvvv", "-e", f"@{canaries.file}", *arguments, timeout=600)
    return outcome.output + log.read_text()


def rescued(name: str, task: Mapping[str, Any], variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    told = {"ansible.builtin.debug": {"msg": [f"{name} was refused", "{{ ansible_failed_result }}"]}}
    return {"block": [{"name": name, "vars": dict(variables or {}), **task}], "rescue": [told]}


def write(desk: Desk, tasks: list[dict[str, Any]]) -> str:
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (desk.home / "tasks.json").write_text(json.dumps([play]))
    return str(desk.home / "tasks.json")


@pytest.mark.core
@pytest.mark.parametrize("owner", sorted({option.owner for option in OPTIONS}))
def test_no_task_shows_a_credential_that_cannot_be_sent(owner: str, desk: Desk, echo: Echo) -> None:
    canaries, tasks, names = Canaries(desk), [], []
    for option, bad in product(OPTIONS, WAYS):
        if option.owner == owner:
            names.append(f"{option}, {bad}")
            tasks.append(rescued(names[-1], *task(option, canaries.new(bad, names[-1]), echo.url)))

    said = play(desk, canaries, write(desk, tasks))

    assert canaries.shown(said) == []
    refused = [name for name in names if f"{name} was refused" in said]
    assert refused
    tally.add("bad credentials: tasks", cases=len(names), leaks=0)


def task(option: Option, given: str, url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """One of a module; or a plan that opens a connection, and its variables."""
    if option in MODULES:
        return {f"rotor.secrets.{option.owner}": bad_credentials.module_arguments(option, given, url)}, {}
    variables = {
        "secret_connections": bad_credentials.connections(option, given, url),
        "secret_map": {"SECRET": bad_credentials.secret(option)},
    }
    return {"rotor.secrets.rotation_plan": {"only": "SECRET"}}, variables


@pytest.mark.core
@pytest.mark.parametrize("playbook", ASKING if ALL else ["rotate"])
@pytest.mark.parametrize("bad", BAD if ALL else ["another header"])
def test_no_playbook_shows_a_credential_of_a_connection(playbook: str, bad: str, desk: Desk, echo: Echo) -> None:
    canaries, connections = Canaries(desk), desk.example["secret_connections"]
    for name in ("fly", "github"):
        option, given = Option(name, "token"), canaries.new(bad, name)
        connections[name] = bad_credentials.connection(option, given, echo.url)
    desk.override(secret_connections=connections)

    said = play(desk, canaries, f"rotor.secrets.{playbook}", "-e", "rotate_only=FLY_API_TOKEN")

    assert canaries.shown(said) == []
    if bad == "another header":
        assert "2 mistakes in the secret_* variables; nothing was done:" in said
        assert "secret_connections.fly.token: contains a line end" in said
        assert "secret_connections.github.token: contains a line end" in said
    tally.add("bad credentials: playbooks", cases=1, leaks=0)


@pytest.mark.core
@pytest.mark.parametrize("playbook", PLAYBOOKS if ALL else ["ledger_verify"])
@pytest.mark.parametrize("bad", BAD if ALL else ["line feed"])
def test_no_playbook_shows_the_key_of_the_ledger(playbook: str, bad: str, desk: Desk) -> None:
    canaries = Canaries(desk)
    desk.override(secret_ledger={"key": canaries.new(bad, "the key")})

    said = play(desk, canaries, f"rotor.secrets.{playbook}")

    assert "secret_ledger.key" in said
    assert canaries.shown(said) == []
    tally.add("bad credentials: playbooks", cases=1, leaks=0)
