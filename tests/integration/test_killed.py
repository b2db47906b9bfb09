# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed in the middle: nothing goes out afterwards, and the next run finishes with the credential already minted.

Some points, with `ansible-playbook` itself; tests/chaos goes over all of them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk
from .facts import is_alive, minted, working

MINT = {"provider": "fly", "method": "POST", "path": "/graphql", "graphql": "createLimitedAccessToken"}
POINTS = {
    "the update of a machine": {"provider": "fly", "method": "POST", "path": "/machines/[^/]+$"},
    "the write to GitHub": {"provider": "github", "method": "PUT", "path": "/actions/secrets/"},
    "the revocation": {"provider": "fly", "method": "POST", "path": "/graphql", "graphql": "deleteLimitedAccessToken"},
}


Stop = Callable[[subprocess.Popen[str]], None]


def stopped_at(world: Visitor, point: dict[str, str], when: str, job: subprocess.Popen[str], stop: Stop) -> None:
    """Stop a run while a request of it is held at the gate; nothing of it may live on, or be heard of again."""
    assert world.ask("gate", wait=120)["held"], f"the run never came to {point}"
    parent = psutil.Process(job.pid)
    everybody = [parent, *parent.children(recursive=True)]
    seen = world.ask("counts")["total"]

    stop(job)
    job.wait(300)
    world.tell("gate/release")

    _gone, alive = psutil.wait_procs(everybody, timeout=120)
    assert not alive
    assert world.ask("counts")["total"] == seen, f"something was sent {when} the end"


def rotation(world: Visitor, desk: Desk, point: dict[str, str], when: str, **options: Any) -> subprocess.Popen[str]:
    world.tell("gate", when=when, **point)
    return desk.start(*desk.command("rotor.secrets.rotate_fly_token"), **options)


def finish(world: Visitor, desk: Desk, *, mints: int = 1) -> None:
    """The next run, and what must be true after it."""
    outcome = desk.rotate()
    assert outcome.code == 0, outcome
    assert working(world)
    assert not is_alive(world, OLD_TOKEN)
    assert len(minted(world)) == mints
    assert len(minted(world, alive=True)) == 1
    assert world.violations() == []


@pytest.mark.parametrize(("point", "when"), [("the update of a machine", "before"), ("the revocation", "after")])
def test_sigkill_leaves_no_worker_behind_and_the_next_run_finishes_with_one_mint(
    world: Visitor, desk: Desk, point: str, when: str
) -> None:
    job = rotation(world, desk, POINTS[point], when)
    stopped_at(world, POINTS[point], when, job, subprocess.Popen.kill)
    finish(world, desk)


def test_a_mint_whose_answer_arrives_after_the_kill_is_kept(world: Visitor, desk: Desk) -> None:
    job = rotation(world, desk, MINT, "after")
    stopped_at(world, MINT, "after", job, subprocess.Popen.kill)
    finish(world, desk)


def test_a_mint_whose_answer_is_lost_leaves_no_orphan(world: Visitor, desk: Desk) -> None:
    def kill_all(job: subprocess.Popen[str]) -> None:
        for member in [*psutil.Process(job.pid).children(recursive=True), job]:
            member.kill()

    job = rotation(world, desk, MINT, "after")
    stopped_at(world, MINT, "after", job, kill_all)
    finish(world, desk, mints=2)


@pytest.mark.core
def test_sighup_as_a_closed_terminal_sends_it_stops_everything(world: Visitor, desk: Desk) -> None:
    point = POINTS["the write to GitHub"]

    def as_in_a_terminal() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup

    job = rotation(world, desk, point, "before", start_new_session=True, preexec_fn=as_in_a_terminal)
    stopped_at(world, point, "before", job, lambda job: os.killpg(job.pid, signal.SIGHUP))
    finish(world, desk)


@pytest.mark.core
def test_a_cancelled_ansible_runner_job_stops_everything(world: Visitor, desk: Desk, tmp_path: Path) -> None:
    point = POINTS["the write to GitHub"]
    world.tell("gate", when="before", **point)
    desk.override(secret_ledger={"allow_ephemeral": True})  # the tests' home is a temporary folder
    script = tmp_path / "job.py"
    script.write_text(_RUNNER)
    job = desk.start(sys.executable, str(script), str(tmp_path / "runner"), str(desk.inventory))
    stopped_at(world, point, "before", job, lambda _job: (tmp_path / "runner" / "cancel").touch())
    assert job.stdout
    assert "canceled" in job.stdout.read()
    finish(world, desk)


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
