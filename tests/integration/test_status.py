# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``status`` tells which credential is where, what is unfinished, and what somebody has changed by hand."""

from __future__ import annotations

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk
from .facts import REPOSITORY, holders, minted, paragraph, working


def told(desk: Desk, *options: str) -> str:
    outcome = desk.play("rotor.secrets.status", *options)
    assert (outcome.code != 0) is bool(options), outcome
    assert "changed=0" in outcome.output
    return paragraph(outcome.output, "FLY_API_TOKEN")


def test_status_before_in_the_middle_and_after(world: Visitor, desk: Desk) -> None:
    before = told(desk)
    assert "unknown: this ledger knows no credential of it" in before
    assert "copy      fly app molecule-cp: unknown to this ledger" in before
    assert not desk.ledger.exists()

    world.tell("faults", provider="github", method="PUT", path="/actions/secrets/", status=403)
    assert desk.rotate().code != 0
    (new,) = minted(world)
    middle = told(desk, "-e", "status_fail_on=held,dead")
    assert "held, overdue, unfinished: a rotation is under way" in middle
    assert "  held      since 20" in middle
    assert f"({new})   accepted by its provider" in middle
    assert f"({OLD_TOKEN})   listed as valid" in middle
    assert "copy      fly app molecule-cp: rotor-" in middle
    assert f"copy      github {REPOSITORY}: unknown to this ledger" in middle
    assert "go on:    ansible-playbook rotor.secrets.rotate -i inventory -e rotate_only=FLY_API_TOKEN" in middle

    assert desk.rotate().code == 0
    after = told(desk)
    assert "up to date: " in after
    assert f"({new})   listed as valid" in after
    assert OLD_TOKEN not in after
    assert f"copy      github {REPOSITORY}: rotor-" in after
    assert "consumer  molecule-cp: rotor-" in after
    assert "go on" not in after


def test_a_copy_changed_by_hand_is_told_and_left_alone_until_it_is_forgotten(world: Visitor, desk: Desk) -> None:
    assert desk.rotate().code == 0
    by_hand = world.act("mint_fly_token", profile="deploy_organization", name="by-hand")
    world.act("set_fly_secret", app="molecule-cp", name="FLY_API_TOKEN", value=by_hand["token"])
    said = told(desk, "-e", '{"status_fail_on": ["drifted"]}')
    drifted = next(line for line in said.splitlines() if "copy      fly app molecule-cp: rotor-" in line)
    assert drifted.endswith("; CHANGED since by somebody else")
    mutations = world.ask("counts")["mutating"]

    refused = desk.rotate("-e", "rotate_force=true")

    assert refused.code != 0
    said = paragraph(refused.output, "FLY_API_TOKEN")
    assert "fly app molecule-cp was changed by somebody else" in said
    assert "-e rotate_forget=fly:molecule-cp" in said
    assert world.ask("counts")["mutating"] == mutations
    assert holders(world)["fly"] == by_hand["id"]

    forgotten = desk.rotate("-e", "rotate_force=true", "-e", "rotate_forget=fly:molecule-cp")

    assert forgotten.code == 0, forgotten
    assert working(world)
    assert set(holders(world).values()) == {minted(world)[-1]}
    assert world.violations("foreign") == []
