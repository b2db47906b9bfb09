# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill the rotation of every kind of issuer at its outside calls and commits: the next run finishes it.

``ROTOR_SWEEP=all`` takes every point, before and after; otherwise it is every few, the same ones each time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.chaos import tally
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_issuers import KINDS
from tests.unit.engine.kinds import assert_at_rest, settled
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.test_kill import killed_at
from tests.unit.engine.world import WORLDS, World

pytestmark = pytest.mark.no_cover  # what it goes over a thousand times is covered elsewhere

STRIDE = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 17
LEAST = 40
"""Every rotation has more points than this."""


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_runs():
        yield


@pytest.fixture(scope="module", params=sorted(KINDS))
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Play:
    kind = request.param
    return settled(kind, World(f"settled-{kind}"), tmp_path_factory.mktemp(kind))


def effects(world: World) -> list[str]:
    """The names of what was made valid, once for each time."""
    return [what for kind, what in world.log if kind in ("mint", "activate")]


def sweep(play: Play, folder: Path, when: str) -> Iterator[tuple[Play, bool]]:
    """A clone for each point, killed there; and one that has run to its end."""
    first = 1 if when == "before" else 1 + STRIDE // 2
    for point in itertools.count(first, STRIDE):
        clone = play.clone(f"{play.world.name}-{when}-{point}", folder / str(point))
        killed = killed_at(clone, point, when, partial(clone.rotate, "TOKEN", force=True))
        yield clone, killed
        del WORLDS[clone.world.name]
        if not killed:
            assert point > LEAST, "the sweep has met every call and commit"
            return


def finish(play: Play) -> None:
    """Run again; and once more where the provider lets the old one live on for a day."""
    result = play.rotate("TOKEN", force=not play.state("TOKEN").pending and not effects(play.world))
    assert not result["failed"], play.output
    if "waiting" in result.get("counts", {}):
        play.world.clock.pass_(days=2)
        assert not play.rotate("TOKEN")["failed"], play.output


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rotation_of_any_kind_killed_anywhere_is_finished_by_the_next_run(
    begun: Play, tmp_path: Path, when: str
) -> None:
    kind = begun.map["TOKEN"]["issuer"]["type"].rpartition(".")[2]
    traits = KINDS[kind].traits
    for play, killed in sweep(begun, tmp_path, when):
        made = effects(play.world)
        sealed = {row.name for row in play.state("TOKEN").credentials}
        lost = bool(set(made) - sealed)
        finish(play)
        assert_at_rest(play)
        if lost and str(traits.recover) in ("none", "reconcile"):
            assert play.world.counted("mint") == 2, "a value that nobody can read is replaced, once"
        elif traits.value == "provider":
            assert play.world.counted("mint") == 1, "what was minted is used"
        else:
            assert len(set(effects(play.world))) == 1, "what was sealed is applied, and nothing else"
        tally.add("kills in memory: a rotation by each kind of issuer", **{kind: int(killed)}, violations=0)


def test_a_rotation_of_any_kind_killed_twice_is_finished_by_the_third_run(begun: Play, tmp_path: Path) -> None:
    for point in range(4, LEAST, 4 * STRIDE):
        play = begun.clone(f"{begun.world.name}-twice-{point}", tmp_path / str(point))
        killed_at(play, point, "after", partial(play.rotate, "TOKEN", force=True))
        killed_at(play, 8 + point // 3, "before", partial(play.rotate, "TOKEN", force=True))
        finish(play)
        assert_at_rest(play)
        del WORLDS[play.world.name]
