# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider that works with one of several valid credentials is told last, and before the old one is revoked."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import OutcomeUnknownError, UnavailableError
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import assert_at_rest, done, plays
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.test_kill import killed_at
from tests.unit.engine.world import WORLDS


def waiting(folder: Path, make: object) -> Play:
    """Every copy has the new one, and its provider is not told yet."""
    play: Play = make("switched")  # type: ignore[operator]
    assert play.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}, play.output
    return play


def in_use(play: Play) -> list[str]:
    return [one.name for one in play.world.issued.values() if one.role == "in use"]


def test_new_one_is_put_in_use_once_everybody_can_know_it(tmp_path: Path) -> None:
    with plays(tmp_path) as make:
        play = waiting(tmp_path, make)
        old, new = play.state("TOKEN").current, play.state("TOKEN").pending
        assert old
        assert new
        assert in_use(play) == [old.name]
        assert "use     its provider works with the new one" in play.output
        assert "the new credential is put in use after" in play.output
        assert not {"activate", "revoke"} & set(done(play))
        play.world.log.clear()
        play.world.clock.pass_(hours=2)
        assert not play.rotate("TOKEN")["failed"], play.output
        assert in_use(play) == [new.name]
        assert done(play) == ["activate", "revoke", "test app", "test ci"]
        assert_at_rest(play)


@pytest.mark.parametrize("when", ["before", "after"])
def test_switch_killed_anywhere_is_finished_by_the_next_run(tmp_path: Path, when: str) -> None:
    with quick_runs(), plays(tmp_path) as make:
        begun = waiting(tmp_path, make)
        begun.world.clock.pass_(hours=2)
        for point in itertools.count(1):
            play = begun.clone(f"switched-{when}-{point}", tmp_path / f"{when}-{point}")
            killed = killed_at(play, point, when, partial(play.rotate, "TOKEN"))
            assert not play.rotate("TOKEN")["failed"], play.output
            current = play.state("TOKEN").current
            assert current
            assert in_use(play) == [current.name]
            assert_at_rest(play)
            del WORLDS[play.world.name]
            if not killed:
                assert point > 10, "the sweep has met every call and commit"
                return


def test_nobody_goes_back_once_the_new_one_may_be_in_use(tmp_path: Path) -> None:
    with plays(tmp_path) as make:
        play = waiting(tmp_path, make)
        play.world.clock.pass_(hours=2)
        play.world.fail("activate", OutcomeUnknownError("no answer"), after=True)
        assert play.rotate("TOKEN")["failed"]
        assert play.rotate("TOKEN", rollback=True)["failed"]
        assert "its provider may work with the new one already" in play.output
        assert not play.rotate("TOKEN")["failed"], play.output
        assert_at_rest(play)


def test_one_goes_back_as_long_as_the_new_one_is_not_in_use(tmp_path: Path) -> None:
    with plays(tmp_path) as make:
        play = waiting(tmp_path, make)
        old = play.state("TOKEN").current
        play.world.clock.pass_(hours=2)
        play.world.fail("activate", UnavailableError("down"))
        assert play.rotate("TOKEN")["failed"]
        assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
        assert old
        assert in_use(play) == [old.name]
        assert_at_rest(play)
