# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary: no value that anybody in the world has ever had turns up anywhere, whatever a run goes through."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import core_masking, masking
from tests.sandbox.visitor import Visitor

from .canary import Watch
from .conftest import OLD_TOKEN, Desk
from .facts import is_alive, working

LISTENER = """
  listener:
    type: command
    host: localhost
    command: test -n "$(cat)"
    stdin: "${token}"
"""
REPORT = """
- name: Ours
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Try
      block:
        - name: Rotate
          ansible.builtin.include_role:
            name: rotor.secrets.rotate
          vars:
            rotate_only: FLY_API_TOKEN
      rescue:
        - name: Show all that there is to see
          ansible.builtin.debug:
            msg: ["{{ ansible_failed_task }}", "{{ ansible_failed_result }}", "{{ hostvars['localhost'] }}"]
        - name: Ask where everything is
          rotor.secrets.rotation_status:
          register: status
        - name: Show the answer
          ansible.builtin.debug:
            msg: ["{{ status }}", "{{ rotate_plan }}", "{{ rotate_progress }}"]
"""


@pytest.fixture
def planted() -> str:
    """Random, since the process list is everybody's; with characters that each spelling writes in its own way."""
    first, second = secrets.token_hex(8), secrets.token_hex(8)
    return f'FlyV1 fm2_{first}/+"=\\\\é,fm2_{second}~?>ü'


def secrets_of(world: Visitor, desk: Desk) -> list[str]:
    return [*world.ask("credentials")["values"], desk.environment["ROTOR_LEDGER_KEY"]]


def watched(desk: Desk, playbook: str = "rotor.secrets.rotate_fly_token") -> Watch:
    """A whole run at the highest verbosity, with all that Ansible can be told to show and to keep."""
    desk.environment |= {
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
        "ANSIBLE_DISPLAY_TRACEBACK": "always",
        "ANSIBLE_LOG_PATH": str(desk.home / "ansible.log"),
    }
    with Watch(desk.home) as watch:
        watch.read("the output", str(desk.play(playbook, "-vvvv")))
    return watch


def assert_nothing_shows(world: Visitor, desk: Desk, *watches: Watch) -> None:
    values = secrets_of(world, desk)
    for watch in watches:
        assert (watch.search("a token's rotation", values), watch.inherited(values)) == ([], [])


@pytest.mark.core
def test_no_value_shows_anywhere_in_a_whole_run(world: Visitor, desk: Desk) -> None:
    desk.environment["ANSIBLE_KEEP_REMOTE_FILES"] = "1"
    desk.edit("    owner: platform\n", "    owner: platform\n    retain: current\n")
    connections = {
        "fly": {"url": "{{ lookup('env', 'FLY_API_URL') }}", "graphql_url": "{{ lookup('env', 'FLY_GRAPHQL_URL') }}"},
        "github": {"url": "{{ lookup('env', 'GITHUB_API_URL') }}"},
    }
    for name, options in connections.items():
        options |= {"type": name, "token": f"{{{{ lookup('env', '{name.upper()}_ADMIN_TOKEN') }}}}"}
    desk.override(secret_connections=connections)

    watch = watched(desk)

    assert working(world)
    assert {"ansible.log", "state/rotor.secrets/ledger.db", "state/rotor.secrets/ledger.db-wal"} <= watch.places
    assert any(place.startswith("command line") for place in watch.find(["rotor.secrets.rotate_fly_token"]))
    assert_nothing_shows(world, desk, watch)


@pytest.mark.core
def test_no_value_shows_in_a_held_run_or_in_what_a_rescue_and_a_registered_result_can_print(
    world: Visitor, desk: Desk
) -> None:
    desk.edit("\nsecret_map:", f"{LISTENER}\nsecret_map:")
    desk.edit("reload: [molecule-cp]", "reload: [molecule-cp, listener]")
    world.tell("switch", failing_workflows=["publish-platform-image.yml"])
    playbook = desk.home / "site.yml"
    playbook.write_text(REPORT)

    watch = watched(desk, str(playbook))

    assert is_alive(world, OLD_TOKEN)
    for shown in (
        "listener reloaded on host localhost",
        "HELD  FLY_API_TOKEN at 2 image publishing",
        "inventory_hostname_short",
        "may_run_on",
    ):
        assert {"ansible.log", "the output"} <= set(watch.find([shown])), shown
    assert_nothing_shows(world, desk, watch)


def test_no_value_shows_when_a_run_is_killed_in_the_middle_and_the_next_one_resumes(world: Visitor, desk: Desk) -> None:
    world.tell("gate", provider="github", method="PUT", path="/actions/secrets/", when="after")
    with Watch(desk.home) as watch:
        process = desk.start(*desk.command("rotor.secrets.rotate_fly_token", "-vvvv"))
        assert world.ask("gate", wait=120)["held"]
        process.kill()
        watch.look()
        world.tell("gate/release")
        watch.read("the output", process.communicate()[0])

    resumed = watched(desk)

    assert working(world)
    assert_nothing_shows(world, desk, watch, resumed)


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda value: value.removeprefix("FlyV1 "),
        lambda value: value.rpartition(",")[2],
        lambda value: f'"{quote(value)}"',
        lambda value: quote(value, safe=""),
        json.dumps,
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    ],
)
def test_the_canary_finds_a_value_in_every_spelling_and_place(
    tmp_path: Path, planted: str, spell: Callable[[str], str]
) -> None:
    text = f"before {spell(planted)} after"
    watch = Watch(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()", text], stdin=subprocess.PIPE) as child:
        watch.look()
        child.communicate(b"\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\xff\x00" + text.encode())
    watch.look()
    watch.read("the output", text)

    found = watch.find([planted])
    assert found == [f"command line of {Path(sys.executable).name} ({child.pid})", "deep/file", "the output"]
    assert watch.find(["something else entirely"]) == []


def test_the_canary_finds_a_value_in_a_file_that_is_gone_at_the_end(tmp_path: Path, planted: str) -> None:
    with Watch(tmp_path) as watch:
        (tmp_path / "gone").write_text(planted)
        watch.look()
        (tmp_path / "gone").unlink()

    assert watch.find([planted]) == ["gone"]


def test_the_canary_finds_a_value_in_a_file_of_a_moment(tmp_path: Path, planted: str) -> None:
    with Watch(tmp_path) as watch:
        (tmp_path / "new").mkdir()
        path = tmp_path / "new" / "gone"
        with path.open("w") as file:
            while not watch.holds(path):
                pass
            file.write(planted)
            path.unlink()

    assert watch.find([planted]) == ["new/gone"]


def test_the_canary_finds_a_value_in_the_environment_of_a_process(tmp_path: Path, planted: str) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={"PLANTED": planted}) as child:
        watch = Watch(tmp_path)
        while not watch.inherited([planted]):  # it may not have begun to run its program
            watch.look()
        child.communicate(b"\n")

    assert watch.inherited([planted]) == [f"environment of {Path(sys.executable).name} ({child.pid})"]
    assert watch.inherited(["something else entirely"]) == []


def test_a_core_that_can_mask_knows_every_value(planted: str) -> None:
    core = pytest.importorskip("ansible.module_utils.secrets", reason="ansible-core masks from 2.22 on")
    masking.register(planted)

    core_masking.register_with_core()

    assert planted not in core.mask_secrets(f"before {planted} after")
    assert quote(planted, safe="") not in core.mask_secrets(quote(planted, safe=""))
