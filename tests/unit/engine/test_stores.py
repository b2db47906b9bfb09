# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine asks of stores: that every one can keep a value before any gets it, and whose a copy is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PendingApprovalError
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World


@pytest.fixture
def play(make_play: Callable[..., Play], world: World) -> Play:
    """One secret in two boxes, the second of another kind."""
    for box in ("first", "second"):
        world.put(box, {})
    kinds = {"cloud": "test.fake.cloud", "other": "test.fake.cloud"}
    secret = {
        "issuer": {"type": "test.fake.token", "connection": "cloud"},
        "rollout": [
            {"name": "one", "copies": [{"store": "cloud", "box": "first"}]},
            {"name": "two", "copies": [{"store": "other", "box": "second"}]},
        ],
        "revoke": {"accept": "life"},
    }
    connections = {name: {"type": kind, "world": world.name} for name, kind in kinds.items()}
    return make_play(secret_map={"TOKEN": secret}, connections=connections)


def test_a_value_that_one_store_cannot_keep_is_written_to_none(play: Play, world: World) -> None:
    play.connections["other"]["type"] = "test.fake.narrow"

    assert play.rotate("TOKEN")["held"] == ["TOKEN"]

    assert (
        "nothing was written, since not every store can keep it: box second: TOKEN: the value is longer" in play.output
    )
    assert world.containers["first"] == {}
    assert world.containers["second"] == {}


def test_a_value_that_came_to_fit_goes_on_without_another_mint(play: Play, world: World) -> None:
    play.connections["other"]["type"] = "test.fake.narrow"
    play.rotate("TOKEN")
    play.connections["other"]["type"] = "test.fake.cloud"

    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 1


def test_a_copy_that_belongs_to_another_ledger_is_not_touched(play: Play, world: World) -> None:
    world.stamps["second"] = "7f3a0000"

    assert play.rotate("TOKEN")["failed"]

    assert "box second belongs to another ledger, 7f3a0000" in play.output
    assert world.mutations == []


def test_a_copy_of_another_ledger_may_be_taken_over_by_name(play: Play, world: World) -> None:
    world.stamps["second"] = "7f3a0000"

    assert not play.rotate("TOKEN", forget=("other:second",))["failed"], play.output
    assert "TOKEN" in world.containers["second"]


def test_a_write_that_waits_for_approval_holds_and_may_still_take_effect(play: Play, world: World) -> None:
    world.fail("write", PendingApprovalError("somebody has to approve"), "second")

    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert "somebody has to approve" in play.output
    assert "other:second may hold it" in "; ".join(doubts(play))
    assert world.counted("revoke") == 0

    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 1


def doubts(play: Play) -> list[str]:
    state = play.state("TOKEN")
    return [f"{intent.target} may hold it" for intent in state.intents if intent.kind == "write" and intent.unresolved]


def test_the_plan_says_where_a_pair_cannot_be_written_at_once(play: Play, world: World) -> None:
    play.connections["other"]["type"] = "test.fake.narrow"
    play.map["TOKEN"]["rollout"][1]["copies"][0]["keys"] = {"A": "${token}", "B": "x${token}"}

    play.plan("TOKEN", check=True)

    assert "box second takes 1 key at a time: for a moment its keys do not match" in play.output
    assert "box first takes" not in play.output
