# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's yes between two jobs, and all that must not stand for it; the report that a run took place."""

from __future__ import annotations

import json
import re

import pytest

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk
from .facts import command_after, effects, is_alive, minted

ROTATES = "rotor.secrets.rotate_fly_token"


@pytest.fixture
def asked(desk: Desk) -> tuple[Desk, str]:
    """The first job has rolled out, and waits for a yes to its run."""
    desk.edit("      after: 0s\n", "      after: 0s\n      confirm: true\n")
    outcome = desk.play("rotor.secrets.roll_out", "-e", "rotate_only=FLY_API_TOKEN")
    assert outcome.code == 0, outcome
    assert "WAITING  FLY_API_TOKEN" in outcome.output
    return desk, outcome.output


def yes_in(output: str) -> str:
    return re.findall(r"rotate_approve=(FLY_API_TOKEN:\w+)", output)[-1]


def test_another_job_says_yes_with_the_printed_command(world: Visitor, asked: tuple[Desk, str]) -> None:
    desk, output = asked
    before = effects(world)
    assert is_alive(world, OLD_TOKEN)

    said = desk.type(command_after(output, "then"))

    assert said.code == 0, said
    assert effects(world) == [*before, "dispatch", "revoke", "dispatch"], "its check, before and after"
    assert not is_alive(world, OLD_TOKEN)
    assert len(minted(world)) == 1
    trail = desk.play("rotor.secrets.ledger_verify", "-e", "ledger_secret=FLY_API_TOKEN")
    assert "approved" in trail.output


def test_a_schedule_waits_green_and_says_so(world: Visitor, asked: tuple[Desk, str]) -> None:
    desk, output = asked
    night = desk.play("rotor.secrets.revoke_due")
    assert night.code == 0, night
    assert yes_in(night.output) == yes_in(output)
    assert is_alive(world, OLD_TOKEN)


def test_an_answer_left_in_a_template_and_an_old_job_are_refused(world: Visitor, asked: tuple[Desk, str]) -> None:
    desk, output = asked
    stored = ("-e", f"rotate_approve={yes_in(output)}")
    assert desk.play("rotor.secrets.revoke", *stored).code == 0
    mutating = world.ask("counts")["mutating"]

    for job in ((ROTATES, "-e", "rotate_force=true"), ("rotor.secrets.revoke",)):
        again = desk.play(*job, *stored)
        assert again.code != 0
        assert f"nothing of FLY_API_TOKEN waits for a yes to run {yes_in(output).partition(':')[2]}" in again.output
    assert world.ask("counts")["mutating"] == mutating


def test_no_way_past_the_question_within_one_job(world: Visitor, asked: tuple[Desk, str]) -> None:
    """A task at which it is started, a hook that was rescued, and the yes of the very job that asks."""
    desk, output = asked
    run = yes_in(output).partition(":")[2]
    (desk.home / "fail.yml").write_text("- ansible.builtin.fail: {msg: no}\n")
    (desk.home / "past.yml").write_text(
        "- hosts: localhost\n"
        "  connection: local\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        "    - name: Here\n"
        f"      rotor.secrets.rotation_advance: {{run: {run}, until: revoked}}\n"
        "    - block:\n"
        "        - ansible.builtin.include_role: {name: rotor.secrets.rotate}\n"
        "          vars:\n"
        "            rotate_only: FLY_API_TOKEN\n"
        "            rotate_force: true\n"
        "            rotate_hooks: {before_revoke: fail.yml}\n"
        "      rescue:\n"
        "        - rotor.secrets.rotation_advance: {run: '{{ rotate_plan.run }}', until: revoked}\n"
        "    - ansible.builtin.include_role: {name: rotor.secrets.rotate}\n"
        "      vars:\n"
        "        rotate_only: FLY_API_TOKEN\n"
        "        rotate_resume: revoke\n"
        "        rotate_approve: 'FLY_API_TOKEN:{{ rotate_plan.run }}'\n"
    )
    outcome = desk.play("past.yml", "--start-at-task", "Here")
    assert "was rolled out in this very job" in outcome.output, outcome
    assert outcome.code != 0
    assert "revoke" not in effects(world)
    assert is_alive(world, OLD_TOKEN)


def test_the_end_of_a_run_is_written_to_a_host(world: Visitor, asked: tuple[Desk, str]) -> None:
    desk, _output = asked
    report = desk.home / "revoke_due.json"
    to = json.dumps({"rotate_report_to": {"host": "localhost", "path": str(report)}})
    outcome = desk.play("rotor.secrets.revoke_due", "-e", to)
    assert outcome.code == 0, outcome
    said = json.loads(report.read_text())
    assert said["states"] == {"FLY_API_TOKEN": "waiting"}
    assert said["counts"] == {"secrets": 1, "waiting": 1}
    assert said["failed"] is False
    assert said["run"] in outcome.output

    world.tell("faults", provider="fly", method="GET", path=".*", status=403, times=99)
    assert desk.play("rotor.secrets.revoke_due", "-e", to).code != 0
    assert json.loads(report.read_text())["states"] == {"FLY_API_TOKEN": "not_begun"}
    assert json.loads(report.read_text())["failed"] is True


def test_a_report_that_cannot_be_written_is_told_and_changes_nothing(world: Visitor, desk: Desk) -> None:
    to = json.dumps({"rotate_report_to": {"host": "localhost", "path": f"{desk.home}/nowhere/report.json"}})
    outcome = desk.rotate("-e", to)
    assert outcome.code == 0, outcome
    assert "NOT REPORTED  localhost: " in outcome.output
    assert not is_alive(world, OLD_TOKEN)


def test_a_wrong_place_for_the_report_is_refused_before_anything_is_done(world: Visitor, desk: Desk) -> None:
    to = json.dumps({"rotate_report_to": {"host": "nowhere", "connection": "fly", "path": "x"}})
    outcome = desk.rotate("-e", to)
    assert outcome.code != 0
    for words in ("give either host or connection", "path has to begin with a slash", "there is no host nowhere"):
        assert words in outcome.output
    assert effects(world) == []


def test_a_connection_to_which_nothing_is_put_is_refused(world: Visitor, desk: Desk) -> None:
    to = json.dumps({"rotate_report_to": {"connection": "fly", "path": "/x"}})
    outcome = desk.rotate("-e", to)
    assert "rotate_report_to: nothing is put to the connection fly" in outcome.output
    assert effects(world) == []
