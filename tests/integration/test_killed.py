# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed in the middle: nothing goes out afterwards, and the next run finishes with the credential already minted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk
from .facts import is_alive, minted, working

POINTS = {
    "the write to Fly": {"provider": "fly", "method": "POST", "path": "/apps/molecule-cp/secrets$"},
    "the update of a machine": {"provider": "fly", "method": "POST", "path": "/machines/[^/]+$"},
    "the write to GitHub": {"provider": "github", "method": "PUT", "path": "/actions/secrets/"},
    "the dispatch": {"provider": "github", "method": "POST", "path": "/dispatches$"},
    "the revocation": {"provider": "fly", "method": "POST", "path": "/graphql", "graphql": "deleteLimitedAccessToken"},
}


def held(world: Visitor) -> None:
    assert world.ask("gate", wait=30)["held"], "the run never came to this point"


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    _gone, alive = psutil.wait_procs(processes, timeout=20)
    return not alive


def finish(world: Visitor, desk: Desk) -> None:
    """The next run, and what must be true after it."""
    outcome = desk.rotate()
    assert outcome.code == 0, outcome
    assert working(world)
    assert not is_alive(world, OLD_TOKEN)
    assert world.violations() == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", POINTS)
def test_sigkill_leaves_no_worker_behind_and_the_next_run_finishes_with_one_mint(
    world: Visitor, desk: Desk, point: str, when: str
) -> None:
    world.tell("gate", when=when, **POINTS[point])
    process = desk.start(*desk.command("rotor.secrets.rotate_fly_token"))
    held(world)
    everybody = family(process)
    seen = world.ask("counts")["total"]

    process.kill()
    process.wait()
    world.tell("gate/release")

    assert gone(everybody)
    assert world.ask("counts")["total"] == seen
    finish(world, desk)
    assert len(minted(world)) == 1


@pytest.mark.core
def test_a_mint_whose_answer_arrives_after_the_kill_is_kept(world: Visitor, desk: Desk) -> None:
    world.tell("gate", provider="fly", method="POST", path="/graphql", graphql="createLimitedAccessToken", when="after")
    process = desk.start(*desk.command("rotor.secrets.rotate_fly_token"))
    held(world)
    everybody = family(process)

    process.kill()
    process.wait()
    world.tell("gate/release")

    assert gone(everybody)
    finish(world, desk)
    assert len(minted(world)) == 1


def test_a_mint_whose_answer_is_lost_leaves_no_orphan(world: Visitor, desk: Desk) -> None:
    world.tell("gate", provider="fly", method="POST", path="/graphql", graphql="createLimitedAccessToken", when="after")
    process = desk.start(*desk.command("rotor.secrets.rotate_fly_token"))
    held(world)
    everybody = family(process)

    for member in everybody:
        member.kill()
    process.wait()
    world.tell("gate/release")

    assert gone(everybody)
    finish(world, desk)
    assert len(minted(world)) == 2
    assert len(minted(world, alive=True)) == 1


@pytest.mark.core
def test_sighup_as_a_closed_terminal_sends_it_stops_everything(world: Visitor, desk: Desk) -> None:
    world.tell("gate", when="before", **POINTS["the write to GitHub"])
    process = desk.start(*desk.command("rotor.secrets.rotate_fly_token"), start_new_session=True)
    held(world)
    everybody = family(process)
    seen = world.ask("counts")["total"]

    os.killpg(process.pid, signal.SIGHUP)
    process.wait()
    world.tell("gate/release")

    assert gone(everybody)
    assert world.ask("counts")["total"] == seen
    finish(world, desk)
    assert len(minted(world)) == 1


@pytest.mark.core
def test_a_cancelled_ansible_runner_job_stops_everything(world: Visitor, desk: Desk, tmp_path: Path) -> None:
    world.tell("gate", when="before", **POINTS["the write to GitHub"])
    script = tmp_path / "job.py"
    script.write_text(_RUNNER)
    job = desk.start(sys.executable, str(script), str(tmp_path / "runner"), str(desk.inventory))
    held(world)
    everybody = family(job)
    seen = world.ask("counts")["total"]

    (tmp_path / "runner" / "cancel").touch()
    output, _none = job.communicate(timeout=60)
    world.tell("gate/release")

    assert "canceled" in output
    assert gone(everybody)
    assert world.ask("counts")["total"] == seen
    finish(world, desk)
    assert len(minted(world)) == 1


_RUNNER = """
import pathlib, sys
import ansible_runner
folder, inventory = map(pathlib.Path, sys.argv[1:])
folder.mkdir()
result = ansible_runner.run(
    private_data_dir=str(folder), playbook="rotor.secrets.rotate_fly_token", inventory=str(inventory), quiet=True,
    suppress_env_files=True, cancel_callback=(folder / "cancel").exists,
)
print(result.status)
"""
