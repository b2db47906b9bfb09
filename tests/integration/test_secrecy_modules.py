# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary, through every thin module: what is secret turns up nowhere, and ``--check`` changes nothing."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.visitor import Visitor

from .canary import Watch
from .conftest import Desk
from .thin_modules import ON_CONTROLLER, Systems, names, systems, write_play, wrong

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

sample = pytest.mark.skipif(os.environ.get("ROTOR_SECRECY") == "all", reason="the whole sweep runs instead")


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
        outcome = desk.play(str(playbook), "-vvvv", *arguments)
        watch.read("the output", str(outcome))
    return outcome.output, watch


def assert_nothing_shows(what: str, places: Systems, desk: Desk, watch: Watch, values: list[str]) -> None:
    assert watch.search(what, sorted(places.presented().union(values))) == []
    assert watch.inherited([desk.environment["ROTOR_LEDGER_KEY"]]) == []


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
    assert places.vault.credentials.difference(values), "no login gave out a token"
    assert_nothing_shows("modules, done", places, desk, watch, values)


@pytest.mark.parametrize(
    "every", [pytest.param(1, marks=[whole_sweep, pytest.mark.core]), pytest.param(8, marks=sample)]
)
def test_no_module_shows_its_credentials_or_its_value_when_it_fails(
    places: Systems, desk: Desk, tmp_path: Path, every: int
) -> None:
    cases = wrong(places.cases(tmp_path / "nowhere" / "app.env"))[::every]
    playbook, values = write_play(desk, cases)

    output, watch = run(desk, playbook)

    assert all(f"{case.module} was refused" in output for case in cases)
    assert every > 1 or {case.module for case in cases} == names()
    assert_nothing_shows("modules, refused", places, desk, watch, values)


def test_every_module_is_refused_before_a_file_that_would_stay_gets_its_credentials(
    places: Systems, desk: Desk, tmp_path: Path
) -> None:
    cases = [case for case in places.cases(tmp_path / "app.env") if case.module not in ON_CONTROLLER]
    playbook, values = write_play(desk, cases)
    desk.environment["ANSIBLE_KEEP_REMOTE_FILES"] = "1"
    before = places.mutating

    output, watch = run(desk, playbook)

    assert {case.module for case in cases if f"{case.module} was refused" in output} == names() - {*ON_CONTROLLER}
    assert output.count("ANSIBLE_KEEP_REMOTE_FILES would leave") >= len(cases)
    assert places.mutating == before
    assert not (tmp_path / "app.env").exists()
    assert_nothing_shows("modules, files kept", places, desk, watch, values)


@pytest.mark.core
def test_core_masks_what_a_module_or_an_action_was_given_in_another_spelling_too(world: Visitor, desk: Desk) -> None:
    pytest.importorskip("ansible.module_utils.secrets", reason="ansible-core masks from 2.22 on")
    desk.environment["MODULES"] = world.credentials["FLY_ADMIN_TOKEN"]
    given = ["MODULES", "GITHUB_ADMIN_TOKEN"]
    options = {"api_url": f"{world.url}/fly/v1", "app": "molecule-cp", "token": "{{ lookup('env', 'MODULES') }}"}
    by_module, by_action = (
        {"ansible.builtin.debug": {"msg": f"{name} is {{{{ lookup('env', '{name}') | b64encode }}}}"}} for name in given
    )
    plan = {"rotor.secrets.rotation_plan": {"only": "FLY_API_TOKEN"}}
    tasks = [{"rotor.secrets.fly_secret_info": options}, by_module, plan, by_action]
    playbook = desk.home / "masked.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))

    output, watch = run(desk, playbook)

    assert all(f"{name} is " in output for name in given)
    assert "failed=0" in output
    assert watch.find([desk.environment[name] for name in given]) == []


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
    assert_nothing_shows("modules, check mode", places, desk, watch, values)


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
