# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary, through every thin module: what is secret turns up nowhere, and ``--check`` changes nothing."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.visitor import Visitor

from .canary import Watch
from .conftest import Desk
from .thin_modules import Systems, names, systems, write_play, wrong

SHOW_ALL = {
    "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
    "ANSIBLE_DISPLAY_TRACEBACK": "always",
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
    "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
    "ANSIBLE_PIPELINING": "1",
}
"""Pipelining is what the documentation asks of who gives a module a secret."""

whole_sweep = pytest.mark.skipif(
    os.environ.get("ROTOR_SECRECY") != "all", reason="takes long; ROTOR_SECRECY=all runs it, as `make chaos` does"
)


@pytest.fixture
def places(world: Visitor) -> Iterator[Systems]:
    with systems(world) as places:
        yield places


def run(desk: Desk, playbook: Path, *arguments: str) -> tuple[str, Watch]:
    desk.environment |= SHOW_ALL | {
        "ANSIBLE_LOG_PATH": str(desk.home / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(desk.home / "facts"),
    }
    with Watch(desk.home) as watch:
        outcome = desk.play(str(playbook), "-vvvv", *arguments, timeout=300)
        watch.read("the output", str(outcome))
    return outcome.output, watch


@whole_sweep
@pytest.mark.core
def test_no_module_shows_its_credentials_or_its_value_when_it_succeeds(
    places: Systems, desk: Desk, tmp_path: Path
) -> None:
    cases = places.cases(tmp_path / "app.env")
    playbook, values = write_play(desk, cases)

    output, watch = run(desk, playbook)

    assert {case.module for case in cases} == names()
    assert "was refused" not in output
    assert "rescued=0" in output
    assert "ansible.log" in watch.places
    assert watch.find(values) == []


@pytest.mark.core
def test_no_module_shows_its_credentials_or_its_value_when_it_fails(
    places: Systems, desk: Desk, tmp_path: Path
) -> None:
    cases = wrong(places.cases(tmp_path / "nowhere" / "app.env"))
    playbook, values = write_play(desk, cases)

    output, watch = run(desk, playbook)

    assert {case.module for case in cases if f"{case.module} was refused" in output} == names()
    assert watch.find(values) == []


def possessions(places: Systems) -> dict[str, Any]:
    """What the stand-in world has, without its counts of requests."""
    state: dict[str, Any] = places.world.ask("state")
    return state | {"infisical": state["infisical"]["folders"]}


@whole_sweep
@pytest.mark.core
def test_check_mode_of_every_module_changes_nothing(places: Systems, desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "app.env"
    cases = places.cases(file)
    playbook, values = write_play(desk, cases)
    before, state = places.mutating, possessions(places)

    output, watch = run(desk, playbook, "--check", "--diff")

    assert {case.module for case in cases} == names()
    assert "rescued=0" in output
    assert places.mutating == before
    assert possessions(places) == state
    assert not file.exists()
    assert watch.find(values) == []


def test_a_value_that_a_playbook_shows_by_itself_is_found(world: Visitor, desk: Desk) -> None:
    value = desk.environment["GITHUB_ADMIN_TOKEN"]
    playbook = desk.home / "leak.yml"
    playbook.write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n"
        "        msg: \"{{ lookup('env', 'GITHUB_ADMIN_TOKEN') | b64encode }}\"\n"
    )

    output, watch = run(desk, playbook)

    assert base64.b64encode(value.encode()).decode() in output
    assert watch.find([value]) == ["ansible.log", "the output"]
