# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, as a user runs it: FLY_API_TOKEN changes in both places, in the runbook's order."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import yaml

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, ROOT, Desk
from .facts import effects, holders, is_alive, last_word, minted, paragraph, working

LONGEST_ROTATION = 60
LONGEST_IDLE_RUN = 16
ANSIBLES_OWN = ("PLAY ", "TASK ", "included: ", "ok: ", "changed: ", "skipping: ", "localhost ")


@pytest.mark.core
def test_one_command_rotates_both_places_and_the_world_agrees(world: Visitor, desk: Desk) -> None:
    outcome = desk.rotate()

    assert outcome.code == 0, outcome
    new = minted(world)
    assert len(new) == 1
    assert holders(world) == dict.fromkeys(holders(world), new[0])
    assert working(world)
    assert not is_alive(world, OLD_TOKEN)
    assert world.violations() == []


def test_the_order_is_the_runbooks(world: Visitor, desk: Desk) -> None:
    desk.rotate()

    assert effects(world) == [
        "mint",
        "write fly",
        *["lease", "update", "release"] * 3,
        "write github",
        "dispatch",
        "revoke",
        "dispatch",  # the check once more
    ]


def test_the_calls_of_a_rotation_are_counted(world: Visitor, desk: Desk) -> None:
    """Preflight, mint, write, reload, prove, revoke: what each system is asked, and no more than is needed."""
    world.tell("switch", machine_seconds=0, run_seconds=0)  # nothing to wait for: no polling

    desk.rotate()

    asked = world.ask("requests")["requests"]
    effects = ("mint", "write", "write", "make a release", "close it", "dispatch", "revoke", "dispatch")
    assert sum(r["mutating"] for r in asked) == len(effects) + 3 * 3
    assert Counter(last_word(r) for r in asked if not r["mutating"]) == {
        # the plan: who are we, what may we, how are things; once each
        "fly tokens/current": 1 + 1 + 1 + 1,  # and whether the new one is accepted, lives, and the old one is not ours
        "fly organization": 1 + 1 + 1 + 1,  # its id for the mint; the lists before the revoke and after it
        "fly apps": 1,
        "fly app": 1,  # its current release
        "fly secrets": 1 + 1 + 1,  # and right before the write and before the revoke: has somebody been here?
        "fly machines": 1 + 1 + 1,  # and whether those of now all have it
        "fly machine": 3 + 2,  # each under its lease; the two that run, until they are well
        "fly wait": 2,
        "github rate_limit": 1,
        "github repository": 1 + 1,  # once in each task
        "github public-key": 1,
        "github secrets": 1 + 1,  # in the plan, and before the revoke
        "github secret": 1 + 1,  # before the write, and the evidence after it
        "github environments": 1,  # what hides it
        "github workflow": 1,
        "github runs": 1 + 1,  # what is under way; what was queued before the write
        "github run": 1 + 1,  # of each check
        "molecule health": 1 + 1,
        "molecule self-test": 1 + 1,  # and once more after the revoke
    }


def test_the_summary_names_what_changed_where_and_the_grade_of_the_proof(desk: Desk) -> None:
    output = desk.rotate().output

    for expected in (
        "PLAN  run",
        "nothing has been changed",
        "write   fly app molecule-cp: FLY_API_TOKEN",
        "write   github Molecule-AI/molecule-monorepo: FLY_API_TOKEN",
        "DONE  FLY_API_TOKEN",
        "fingerprint",
        "proof: provider",
        "audit trail:",
    ):
        assert expected in output


def test_running_it_again_changes_nothing(world: Visitor, desk: Desk) -> None:
    desk.rotate()
    before = world.ask("counts")["mutating"]

    again = desk.rotate()

    assert again.code == 0, again
    assert "nothing to do" in again.output
    assert "changed=0" in again.output
    assert world.ask("counts")["mutating"] == before


def test_a_forced_rotation_with_the_value_kept_ends_in_a_refused_proof(world: Visitor, desk: Desk) -> None:
    desk.edit("    owner: platform\n", "    owner: platform\n    retain: current\n")
    desk.rotate()

    second = desk.rotate("-e", "rotate_force=true")

    assert second.code == 0, second
    assert "proof: refused" in second.output
    assert world.violations() == []


@pytest.mark.core
def test_output_of_a_rotation_is_short_and_mostly_about_the_secret(desk: Desk) -> None:
    lines = desk.rotate().output.splitlines()

    assert len(lines) <= LONGEST_ROTATION
    ansibles = [line for line in lines if not line or line.startswith(ANSIBLES_OWN)]
    assert len(ansibles) <= len(lines) / 2, ansibles


@pytest.mark.core
def test_output_without_anything_to_do_is_short(desk: Desk) -> None:
    desk.rotate()

    lines = desk.rotate().output.splitlines()

    assert len(lines) <= LONGEST_IDLE_RUN
    assert len([line for line in lines if line]) <= LONGEST_IDLE_RUN - 4


def test_blank_fields_of_a_survey_are_defaults(world: Visitor, desk: Desk) -> None:
    names = yaml.safe_load((ROOT / "roles" / "rotate" / "defaults" / "main.yml").read_text())
    blank = json.dumps(dict.fromkeys(set(names) - {"rotate_only"}, ""))

    outcome = desk.rotate("-e", blank)

    assert outcome.code == 0, outcome
    assert working(world)


def test_a_play_of_several_hosts_is_refused(world: Visitor, desk: Desk) -> None:
    (desk.inventory / "hosts.ini").write_text("localhost ansible_connection=local\nother ansible_connection=local\n")
    playbook = desk.home / "site.yml"
    playbook.write_text("- hosts: all\n  gather_facts: false\n  roles: [rotor.secrets.rotate]\n")

    outcome = desk.play(str(playbook))

    assert outcome.code != 0
    assert "this play has several hosts. Rotate in a play of its own, on localhost" in outcome.output
    assert world.ask("counts")["total"] == 0


@pytest.mark.core
def test_a_role_in_a_playbook_of_ones_own_runs_the_hooks_in_order(desk: Desk) -> None:
    hooks = ("before_issue", "before_roll_out", "before_revoke", "after")
    for hook in hooks:
        (desk.home / f"{hook}.yml").write_text(f'- name: Hook\n  ansible.builtin.debug:\n    msg: "hook-{hook}-ran"\n')
    playbook = desk.home / "site.yml"
    files = ", ".join(f"{hook}: {hook}.yml" for hook in hooks)  # beside the playbook
    playbook.write_text(
        "- name: Ours\n  hosts: localhost\n  gather_facts: false\n  tasks:\n"
        "    - name: Rotate\n      ansible.builtin.include_role:\n        name: rotor.secrets.rotate\n"
        f"      vars:\n        rotate_only: FLY_API_TOKEN\n        rotate_hooks: {{{files}}}\n"
    )

    outcome = desk.play(str(playbook))

    assert outcome.code == 0, outcome
    words = [f'"hook-{hooks[0]}-ran"']
    for phase, hook in zip(("Issue", "Roll out", "Revoke"), hooks[1:], strict=True):
        words += [f": {phase}] *", f'"hook-{hook}-ran"']
    places = [outcome.output.index(word) for word in words]
    assert places == sorted(places)


def test_a_hook_is_looked_for_beside_the_playbook_that_imports_ours(world: Visitor, desk: Desk) -> None:
    folder = desk.home / "ours"
    folder.mkdir()
    (folder / "stop.yml").write_text("- name: Stop\n  ansible.builtin.fail:\n    msg: nobody has approved\n")
    playbook = folder / "site.yml"
    playbook.write_text(
        "- import_playbook: rotor.secrets.rotate_fly_token\n  vars: {rotate_hooks: {before_roll_out: stop.yml}}\n"
    )

    stopped = desk.play(str(playbook))

    assert stopped.code != 0
    assert "nobody has approved" in stopped.output
    assert effects(world) == ["mint"]
    said = paragraph(stopped.output[stopped.output.index("OPEN  ") :], "FLY_API_TOKEN")
    (new,) = minted(world)
    for words in (f"({new})   held by nobody", f"({OLD_TOKEN})", "no revocation recorded", "go on:", "go back:"):
        assert words in said


def test_a_hook_without_its_file_is_told_before_anything_is_asked(world: Visitor, desk: Desk) -> None:
    outcome = desk.rotate("-e", '{"rotate_hooks": {"after": "nowhere.yml"}}')

    assert outcome.code != 0
    assert f"rotate_hooks.after: there is no file {desk.home}/nowhere.yml" in outcome.output
    assert world.ask("counts")["total"] == 0


def test_start_at_a_later_task_fails_without_a_plan(world: Visitor, desk: Desk) -> None:
    outcome = desk.rotate("--start-at-task", "Carry out the plan")

    assert outcome.code != 0
    assert "the plan was left out" in outcome.output
    assert world.ask("counts")["total"] == 0
