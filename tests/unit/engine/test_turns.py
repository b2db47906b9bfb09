# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where two identities take turns: the one in use is never touched, and one that has its grace is not free."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import assert_at_rest, assert_nothing_is_left_to_do, done, plays
from tests.unit.engine.quick import quick_runs


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_runs():
        yield


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    with plays(tmp_path) as make:
        yield make


def test_the_identity_in_use_is_never_given_a_new_value(ready: Callable[..., Play]) -> None:
    play = ready("roles")
    turns = []
    for _turn in range(3):
        assert not play.rotate("TOKEN", force=True)["failed"], play.output
        current = play.state("TOKEN").current
        turns.append(current.provider_id if current else None)
        play.world.clock.pass_(days=1)
    assert turns == ["one", "two", "one"]
    assert_at_rest(play)


def test_which_identity_is_in_use_has_to_be_known(ready: Callable[..., Play]) -> None:
    play = ready("roles")
    play.setting["url"] += ".new"
    del play.map["TOKEN"]["issuer"]["current_id"]
    assert play.rotate("TOKEN")["failed"]
    assert "name it in issuer.current_id" in play.output
    assert play.world.mutations == []


def test_an_identity_in_its_grace_is_not_free(ready: Callable[..., Play]) -> None:
    play = ready("roles", revoke={"after": "5d"})
    play.world.clock.pass_(days=9)
    play.rotate("TOKEN")
    assert play.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}
    play.world.log.clear()
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "its identity is not free before that" in play.output
    assert play.world.mutations == []
    play.world.clock.pass_(days=6)
    assert play.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}, play.output
    ends = ["test app", "test ci", "revoke", "activate"]
    assert done(play)[:4] == ends, "it ends by the one rule before its next turn"
    assert play.world.violations == []


def test_going_back_locks_the_new_one_out_and_leaves_the_old_one_as_it_is(ready: Callable[..., Play]) -> None:
    play = ready("roles")
    play.world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.services["ci"].breaks_at = None
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert_at_rest(play)
    assert_nothing_is_left_to_do(play)
