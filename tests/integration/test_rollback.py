# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``rotate_resume: rollback`` goes back where the one rule allows it, and nowhere else."""

from __future__ import annotations

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk
from .facts import command_after, effects, holders, is_alive, minted, paragraph, working

PUBLISH = "publish-platform-image.yml"


def test_before_anything_was_written_the_new_token_is_revoked_and_nothing_else_changes(
    world: Visitor, desk: Desk
) -> None:
    world.tell("faults", provider="fly", method="POST", path="/apps/molecule-cp/secrets$", status=403)
    held = desk.rotate()
    assert held.code != 0

    back = desk.type(command_after(held.output, "go back"))

    assert back.code == 0, back
    assert minted(world, alive=True) == []
    assert effects(world) == ["mint", "revoke"]
    assert set(holders(world).values()) == {OLD_TOKEN}
    assert working(world)
    assert world.violations() == []
    assert paragraph(back.output[back.output.rindex("BACK") :], "FLY_API_TOKEN")


def test_with_the_value_kept_the_old_token_is_written_back_everywhere_proven_and_the_new_one_revoked(
    world: Visitor, desk: Desk
) -> None:
    desk.edit("    owner: platform\n", "    owner: platform\n    retain: current\n")
    assert desk.rotate().code == 0
    (first,) = minted(world)
    world.tell("switch", failing_workflows=[PUBLISH])
    held = desk.rotate("-e", "rotate_force=true")
    assert held.code != 0
    world.tell("switch", failing_workflows=[])
    before = len(effects(world))

    back = desk.type(command_after(held.output, "go back"))

    assert back.code == 0, back
    assert minted(world, alive=True) == [first]
    assert set(holders(world).values()) == {first}
    assert working(world)
    assert effects(world)[before:] == [
        "write fly",
        *["lease", "update", "release"] * 3,
        "write github",
        "dispatch",
        "revoke",
        "dispatch",
    ]
    assert world.violations() == []


def test_with_the_old_value_unknown_going_back_is_refused_with_the_reason_and_nothing_changes(
    world: Visitor, desk: Desk
) -> None:
    world.tell("switch", failing_workflows=[PUBLISH])
    held = desk.rotate()
    assert "go back:  not possible: the old value of fly app molecule-cp, github " in held.output
    before = world.ask("counts")["mutating"]

    refused = desk.rotate("-e", "rotate_resume=rollback")

    assert refused.code != 0
    assert "there is no way back: the old value of fly app molecule-cp, github " in refused.output
    assert world.ask("counts")["mutating"] == before
    assert is_alive(world, OLD_TOKEN)
    assert len(minted(world, alive=True)) == 1
