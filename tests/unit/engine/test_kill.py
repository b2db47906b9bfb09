# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill the run at every outside call and every commit, before and after: the next run finishes it.

``ROTOR_SWEEP=all`` takes every point; otherwise it is every other one, the same ones each time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.chaos import tally
from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.world import WORLDS, Killed, World, commits_as_points

pytestmark = pytest.mark.no_cover  # what it goes over a thousand times is covered elsewhere


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_runs():
        yield


def settled_play(name: str, folder: Path) -> Play:
    """A ledger that has rotated once, so that the rotation under test has an old credential to revoke."""
    world = World(name)
    old = world.issue("made by hand")
    for box in ("app", "ci"):
        world.put(box, {"TOKEN": old.value})
        world.serve(box, [box])
    consumers = {box: machines(box) for box in ("app", "ci")}
    play = Play(world, folder, {"TOKEN": token_map(retain="current")}, consumers=consumers)
    assert not play.rotate("TOKEN")["failed"]
    world.clock.pass_(days=1)
    world.log.clear()
    return play


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Play:
    return settled_play("settled", tmp_path_factory.mktemp("settled"))


@pytest.fixture(scope="module")
def halfway(settled: Play, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """A rotation that is held in its second step."""
    play = settled.clone("halfway", tmp_path_factory.mktemp("halfway") / "ledger")
    play.world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.services["ci"].breaks_at = None
    return play


def points(when: str) -> Iterator[int]:
    if os.environ.get("ROTOR_SWEEP") == "all":
        return itertools.count(1)
    return itertools.count(1 if when == "before" else 2, 2)


def killed_at(play: Play, point: int, when: str, run: Callable[[], object]) -> bool:
    """Whether the run was killed there; it was not when it has fewer points."""
    play.world.revive()
    play.world.crash_at = (point, when)
    with commits_as_points(play.world):
        try:
            run()
        except Killed:
            return True
        finally:
            play.world.revive()
    return False


def assert_at_rest(play: Play, mints: int) -> None:
    world = play.world
    ours = [one for one in world.alive if one.id in world.made]
    assert len(ours) == 1, "one of ours is alive, every orphan and the old one are revoked"
    assert world.values_in("app") == world.values_in("ci") == {ours[0].value}
    assert world.counted("mint") <= mints
    assert world.violations == []
    before = len(world.mutations)
    third = play.rotate("TOKEN")
    assert not third["go"]
    assert world.mutations[before:] == []
    assert not any(one.value in play.output for one in world.issued.values())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_anywhere_is_finished_by_the_next_with_the_credential_it_had_minted(
    settled: Play, tmp_path: Path, when: str
) -> None:
    for point in points(when):
        play = settled.clone(f"kill-{when}-{point}", tmp_path / str(point))
        killed = killed_at(play, point, when, partial(play.rotate, "TOKEN", force=True))
        minted_before = [what for kind, what in play.world.log if kind == "mint"]
        known = {row.name for row in play.state("TOKEN").credentials}
        lost_answer = bool(set(minted_before) - known)
        if killed:
            result = play.rotate("TOKEN", force=not minted_before)
            assert not result["failed"], play.output
        assert_at_rest(play, mints=2 if lost_answer else 1)
        tally.add("kills in memory: a rotation in two places", **{when: int(killed)}, violations=0)
        del WORLDS[play.world.name]
        if not killed:
            assert point > 50, "the sweep has met every call and commit of a rotation"
            return


def test_a_run_killed_twice_at_any_point_still_comes_to_rest(settled: Play, tmp_path: Path) -> None:
    for point in range(1, 60, 6):
        play = settled.clone(f"twice-{point}", tmp_path / str(point))
        killed_at(play, point, "after", partial(play.rotate, "TOKEN", force=True))
        killed_at(play, 12 + point // 3, "before", partial(play.rotate, "TOKEN", force=True))
        assert not play.rotate("TOKEN")["failed"], play.output
        assert_at_rest(play, mints=play.world.counted("mint"))
        del WORLDS[play.world.name]


def test_going_back_killed_anywhere_is_finished_by_going_back_again(halfway: Play, tmp_path: Path) -> None:
    for point in points("after"):
        play = halfway.clone(f"back-{point}", tmp_path / str(point))
        world = play.world
        old = next(row for row in play.state("TOKEN").credentials if row.state == "current")
        killed = killed_at(play, point, "after", partial(play.rotate, "TOKEN", rollback=True))
        if killed:
            play.rotate("TOKEN", rollback=True)
        if any(row.alive and row.id != old.id for row in play.state("TOKEN").credentials):
            play.rotate("TOKEN")  # what was abandoned, and not yet revoked
        assert [one.name for one in world.alive if one.id in world.made] == [old.name]
        assert world.values_in("app") == world.values_in("ci") == {world.issued[str(old.provider_id)].value}
        assert world.violations == []
        assert world.counted("mint") == 1
        del WORLDS[world.name]
        if not killed:
            assert point > 30
            return
