# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check makes is remembered until an attempt at that check has deleted it, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    CLEANED,
    LEFT,
    MADE,
    Checkpoint,
    Evidence,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError, StoppedError
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import SelfTest
from tests.unit.engine.world import World


class Maker:
    """In place of a check's ``run``: makes something, and fails, or deletes all that there is."""

    def __init__(self) -> None:
        self.fails: Callable[[], Exception | None] | None = lambda: CheckFailedError("it broke")
        self.alive: list[str] = []
        self.runs: list[str] = []

    def __call__(self, check: SelfTest, _credential: Credential, checkpoint: Checkpoint) -> Evidence:
        if check.options["service"] != "ci":
            return {}
        self.runs.append(check.of_run)
        left = list(checkpoint.recall().get(LEFT, ()))
        assert left == self.alive
        name = f"made-{len(self.runs)}"
        self.alive = [name]
        checkpoint.record({MADE: name, CLEANED: left})
        if self.fails and (error := self.fails()):
            raise error
        self.alive = []
        checkpoint.record({MADE: name, CLEANED: [*left, name]})
        return {}


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    maker = Maker()

    def run(check: SelfTest, *given: Any) -> Any:
        return maker(check, *given)

    monkeypatch.setattr(SelfTest, "run", run)
    return maker


@pytest.fixture
def play(make_play: Callable[..., Play], maker: Maker) -> Play:
    return make_play()


def test_next_attempt_is_told_what_the_last_one_left(play: Play, maker: Maker) -> None:
    for _attempt in range(3):
        assert play.rotate("TOKEN", force=True)["failed"]
    maker.fails = None
    assert not play.rotate("TOKEN")["failed"], play.output
    assert maker.alive == []
    assert len(set(maker.runs)) == 4
    assert all(maker.runs)


def test_attempt_after_a_stop_is_told_what_was_left(play: Play, maker: Maker) -> None:
    """As by a kill: the intent of the first one stays open."""

    def once() -> Exception:
        maker.fails = None
        return StoppedError("the run was asked to stop")

    maker.fails = once
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert (len(maker.runs), maker.alive) == (2, [])


def test_check_after_a_revoke_is_told_what_the_one_before_left(play: Play, maker: Maker, world: World) -> None:
    maker.fails = None
    assert not play.rotate("TOKEN")["failed"], play.output
    maker.fails = lambda: CheckFailedError("it broke") if world.counted("revoke") else None
    assert play.rotate("TOKEN", force=True)["failed"]
    assert (world.counted("revoke"), len(maker.alive)) == (1, 1)
    assert play.rotate("TOKEN")["failed"]
    maker.fails = None
    assert not play.rotate("TOKEN")["failed"], play.output
    assert maker.alive == []


def test_rollback_deletes_what_the_check_has_left(play: Play, maker: Maker) -> None:
    play.map["TOKEN"]["retain"] = "current"
    maker.fails = None
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    maker.fails = lambda: CheckFailedError("it broke")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert maker.alive
    maker.fails = None
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert maker.alive == []


def test_write_that_makes_a_check_run_again_forgets_nothing_that_it_made(
    play: Play, maker: Maker, world: World
) -> None:
    assert play.rotate("TOKEN", force=True)["failed"]
    assert maker.alive
    copies = play.map["TOKEN"]["rollout"][-1]["copies"]
    world.put("another", {})
    copies.append({**copies[0], "box": "another"})
    maker.fails = None
    assert not play.rotate("TOKEN")["failed"], play.output
    assert maker.alive == []
