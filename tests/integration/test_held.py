# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that fails holds: red, with both credentials alive, and with the one command that goes on."""

from __future__ import annotations

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk, Outcome
from .facts import command_after, effects, holders, is_alive, minted, paragraph, working

PUBLISH = "publish-platform-image.yml"


def assert_held(world: Visitor, outcome: Outcome, *words: str) -> str:
    """Red, nothing revoked, nothing broken, and the last lines say all of it, once; returns the way on."""
    assert outcome.code != 0
    assert "failed=1" in outcome.output
    (new,) = minted(world, alive=True)
    assert outcome.output.count("HELD") == 1
    message = outcome.output[outcome.output.index("HELD  ") :]
    said = paragraph(message, "FLY_API_TOKEN")
    for word in (*words, f"({new})", f"({OLD_TOKEN})", "no revocation recorded"):
        assert word in said, said
    assert is_alive(world, OLD_TOKEN)
    assert "revoke" not in effects(world)
    assert world.violations() == []
    assert "Traceback" not in outcome.output
    return command_after(message, "go on")


def assert_finished(world: Visitor, outcome: Outcome) -> None:
    assert outcome.code == 0, outcome
    assert working(world)
    assert not is_alive(world, OLD_TOKEN)
    assert len(minted(world)) == 1
    assert world.violations() == []


def test_a_failing_workflow_holds_and_the_command_it_prints_finishes_with_the_same_token(
    world: Visitor, desk: Desk
) -> None:
    world.tell("switch", failing_workflows=[PUBLISH])

    held = desk.rotate()

    go_on = assert_held(world, held, "HELD  ", "at 2 image publishing, verify", 'concluded "failure"', "github ")
    before = len(effects(world))
    world.tell("switch", failing_workflows=[])
    assert_finished(world, desk.type(go_on))
    assert effects(world)[before:] == ["dispatch", "revoke", "dispatch"]


def test_a_bad_machine_stops_the_rollout_before_the_next_machine(world: Visitor, desk: Desk) -> None:
    before = holders(world)
    world.tell("switch", bad_updates=1)
    desk.override(secret_consumers=with_patience(desk, seconds=2))

    held = desk.rotate()

    go_on = assert_held(world, held, "at 1 control plane, reload", "machine d8905e2c41e708")
    assert held.output.count("molecule-cp may run on it") > 1, "on the new one, and on the old one"
    assert effects(world).count("update") == 1
    assert holders(world)["github"] == before["github"]
    assert_finished(world, desk.type(go_on))


def test_a_check_that_says_no_holds_before_the_next_step(world: Visitor, desk: Desk) -> None:
    desk.edit('/cp/self-test", ', '/cp/self-test", retries: 1, every: 1s, ')
    world.tell("faults", provider="molecule", path="/cp/self-test", kind="status", status=500, times=0)

    held = desk.rotate()

    go_on = assert_held(world, held, "at 1 control plane, verify", "GET ", "500")
    assert "write github" not in effects(world)
    world.http.delete(f"{world.url}/oracle/faults")
    assert_finished(world, desk.type(go_on))


def with_patience(desk: Desk, seconds: int) -> dict[str, object]:
    consumers = desk.example["secret_consumers"]
    consumers["molecule-cp"]["timeout"] = seconds
    return consumers
