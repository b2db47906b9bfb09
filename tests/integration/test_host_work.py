# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on an inventory host: Ansible does it, the value goes there through standard input, and the ledger knows it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk
from .facts import command_after, effects, is_alive, minted, value_of, working

HOST = """\
all:
  hosts:
    app1:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""


@pytest.fixture
def hosted(desk: Desk) -> Desk:
    """The control plane's step has a consumer on host app1 as well, which gets the token on its standard input."""
    (desk.inventory / "hosts.yml").write_text(HOST)
    variables = desk.example
    consumers = variables["secret_consumers"] | {"worker": command(desk, fails=False)}
    variables["secret_map"]["FLY_API_TOKEN"]["rollout"][0]["reload"].append("worker")
    desk.override(secret_map=variables["secret_map"], secret_consumers=consumers)
    return desk


def command(desk: Desk, *, fails: bool) -> dict[str, Any]:
    line = f"sha256sum > {digest(desk)}" + ("; exit 7" if fails else "")
    return {"type": "command", "host": "app1", "command": line, "stdin": "${token}"}


def digest(desk: Desk) -> Path:
    return desk.home / "digest"


@pytest.mark.core
def test_a_command_on_a_host_gets_the_value_and_is_part_of_the_step(world: Visitor, hosted: Desk) -> None:
    outcome = hosted.rotate()

    assert outcome.code == 0, outcome
    (new,) = minted(world)
    value = value_of(world, new)
    assert digest(hosted).read_text().split()[0] == hashlib.sha256(value.encode()).hexdigest()
    assert "worker: on host app1, by Ansible" in outcome.output
    assert "worker reloaded on host app1" in outcome.output
    assert "worker (reloaded 20" in outcome.output
    assert value not in outcome.output
    assert working(world)
    assert not is_alive(world, OLD_TOKEN)
    assert world.violations() == []


def test_a_script_of_the_controller_gets_the_value_on_its_standard_input(world: Visitor, hosted: Desk) -> None:
    script = hosted.home / "reload.sh"
    script.write_text(f"sha256sum > {digest(hosted)}\necho done\n")
    consumers = hosted.example["secret_consumers"]
    worker = {"type": "command", "host": "app1", "script": str(script), "stdin": "${token}"}
    hosted.override(secret_consumers=consumers | {"worker": worker})
    outcome = hosted.rotate()
    assert outcome.code == 0, outcome
    (new,) = minted(world)
    value = value_of(world, new)
    assert digest(hosted).read_text().split()[0] == hashlib.sha256(value.encode()).hexdigest()
    assert value not in outcome.output
    assert world.violations() == []


def test_a_command_that_fails_holds_before_the_next_step_and_a_second_run_finishes(
    world: Visitor, hosted: Desk
) -> None:
    consumers = hosted.example["secret_consumers"]
    hosted.override(secret_consumers=consumers | {"worker": command(hosted, fails=True)})

    left_out = hosted.rotate("--limit", "app1")
    assert left_out.code == 0, left_out
    assert "no hosts matched" in left_out.output
    assert world.ask("counts")["total"] == 0

    held = hosted.rotate("--limit", "localhost")  # the work on hosts is no part of the play's

    assert held.code != 0
    assert "at 1 control plane, reload of worker: the command ended with code 7 on host app1" in held.output
    assert "write github" not in effects(world)
    assert is_alive(world, OLD_TOKEN)
    hosted.override(secret_consumers=consumers | {"worker": command(hosted, fails=False)})
    again = hosted.type(command_after(held.output, "go on"))
    assert again.code == 0, again
    assert working(world)
    assert len(minted(world)) == 1
    assert world.violations() == []


def test_log_that_quotes_the_value_is_looked_at_on_its_host_and_never_shown(world: Visitor, hosted: Desk) -> None:
    log, variables = hosted.home / "worker.log", hosted.example
    worker = {
        "type": "command",
        "host": "app1",
        "command": f"cat > {log}; echo ' refused' >> {log}",
        "stdin": "${token}",
    }
    check = {"type": "log", "host": "app1", "command": ["cat", str(log)], "must_not_match": "refused", "timeout": 20}
    step = variables["secret_map"]["FLY_API_TOKEN"]["rollout"][0]
    step["reload"].append("worker")
    step["verify"].append(check)
    consumers = variables["secret_consumers"] | {"worker": worker}
    hosted.override(secret_map=variables["secret_map"], secret_consumers=consumers)

    held = hosted.rotate("-vvv")

    assert held.code != 0
    (new,) = minted(world)
    assert value_of(world, new) in log.read_text()
    assert f"the output of cat {log} must not match refused: 1 line of it since" in held.output
    assert value_of(world, new) not in held.output
    assert is_alive(world, OLD_TOKEN)
    log.write_text("all is well\n")
    again = hosted.type(command_after(held.output, "go on"))
    assert again.code == 0, again
    assert "must not match refused, on host app1, by Ansible (proves life)" in again.output
    assert not is_alive(world, OLD_TOKEN)
    assert world.violations() == []


def test_files_that_would_keep_a_value_on_the_host_are_refused_before_anything_is_minted(
    world: Visitor, hosted: Desk
) -> None:
    hosted.environment["ANSIBLE_KEEP_REMOTE_FILES"] = "1"

    held = hosted.rotate()

    assert held.code != 0
    assert "ANSIBLE_KEEP_REMOTE_FILES would leave a value on host app1. Unset it, and run again" in held.output
    assert not digest(hosted).exists()
    assert effects(world) == []


def test_a_file_changed_right_before_the_revoke_keeps_the_old_token_alive(world: Visitor, desk: Desk) -> None:
    (desk.inventory / "hosts.yml").write_text(HOST)
    variables, file = desk.example, desk.home / "env"
    copy = {"store": "files", "host": "app1", "path": str(file), "create": True}
    variables["secret_map"]["FLY_API_TOKEN"]["rollout"][0]["copies"].append(copy)
    connections = variables["secret_connections"] | {"files": {"type": "dotenv"}}
    desk.override(secret_map=variables["secret_map"], secret_connections=connections)
    hook = desk.home / "hook.yml"
    line = f"printf FLY_API_TOKEN=old > {file}"
    hook.write_text(f"- name: Put it back\n  ansible.builtin.shell: {line}\n  changed_when: true\n")

    held = desk.rotate("-e", f'{{"rotate_hooks": {{"before_revoke": "{hook}"}}}}')

    assert held.code != 0
    assert f"dotenv file app1:{file} was changed by somebody else" in held.output
    assert is_alive(world, OLD_TOKEN)
    forgotten = desk.rotate("-e", f"rotate_forget='files:app1:{file}'")
    assert forgotten.code == 0, forgotten
    (new,) = minted(world)
    assert value_of(world, new) in file.read_text()
    assert not is_alive(world, OLD_TOKEN)
    assert world.violations() == []
