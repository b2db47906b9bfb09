# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at every moment, in every way: the next run finishes it, and nothing is ever broken or left behind.

With ROTOR_KILLS=1 at every moment; with 7, at every seventh; without, each way of killing has one moment.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.sandbox.visitor import Visitor
from tests.servers import postgres

from . import tally
from .hook.points import Kill
from .pooled import Pooled
from .scenes import SCENES, Batch, CutOver, OwnAppKey, OwnSecretId, Scene, Servers, TwoPlaces
from .stage import Stage
from .theatre import Theatre

STEP = int(os.environ.get("ROTOR_KILLS", "0"))
VICTIMS = ("worker", "parent", "both")
WHENS = ("before", "after")
WAYS = [(victim, when) for victim in VICTIMS for when in WHENS]
PLAYED: dict[str, type[Scene]] = {**SCENES, Pooled.name: Pooled}
CUT_OVERS = [name for name, scene in SCENES.items() if issubclass(scene, CutOver)]


def ways(*sample: int) -> pytest.MarkDecorator:
    """A test for each way of killing; in the sample of ``make test`` only for some."""
    picked = range(len(WAYS)) if STEP or not sample else sample
    return pytest.mark.parametrize("way", picked, ids=["-".join(WAYS[way]) for way in picked])


def cut_overs() -> pytest.MarkDecorator:
    """Each kind in every way; in the sample each kind in another way."""
    every = [(scene, way) for scene in CUT_OVERS for way in range(len(WAYS))]
    picked = every if STEP else [(scene, number % len(WAYS)) for number, scene in enumerate(CUT_OVERS, start=1)]
    names = [f"{scene}-{'-'.join(WAYS[way])}" for scene, way in picked]
    return pytest.mark.parametrize(("scene", "way"), picked, ids=names)


Show = Callable[..., AbstractContextManager[Theatre]]


@pytest.fixture
def show(stage: Stage, world: Visitor, servers: Servers) -> Show:
    """A scene on the stage, in a world that is as new."""

    @contextmanager
    def opened(scene: str, *, real: bool = False) -> Iterator[Theatre]:
        world.tell("reset")
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            yield Theatre(stage, PLAYED[scene](world, Path(folder) / "home", servers), real=real)

    return opened


def moments(way: int, *, shares: int = 1, apart: int = 11) -> Iterable[int]:
    """Where a way of killing is tried; with ``shares``, so many ways share the moments out among them."""
    if not STEP:
        return [9 + apart * way]
    return itertools.count(1 + way % shares * STEP, STEP * shares)


def kill_at_each(show: Show, scene: str, kills: Iterable[Kill], *, real: bool = False) -> None:
    """Until the run is over before the moment comes."""
    for kill in kills:
        with show(scene, real=real) as theatre:
            if not theatre.killed_at(kill):
                assert STEP, "the sample has to lie within the run"
                return
        name = f"kills: {scene}{' (ansible-playbook itself)' if real else ''}"
        tally.add(name, **{kill.signal: 1}, violations=0, leaks=0)


@ways()
def test_killed_at_any_moment_the_next_run_finishes_it(show: Show, way: int) -> None:
    victim, when = WAYS[way]
    kill_at_each(show, TwoPlaces.name, (Kill(point, when, victim) for point in moments(way)))


@ways(WAYS.index(("parent", "after")))
def test_a_batch_over_all_stores_killed_at_any_moment_is_finished_by_the_next_run(show: Show, way: int) -> None:
    victim, when = WAYS[way]
    kill_at_each(show, Batch.name, (Kill(point, when, victim) for point in moments(way, shares=len(WAYS))))


@ways(WAYS.index(("worker", "after")), WAYS.index(("both", "before")))
def test_a_connection_can_be_opened_whenever_the_rotation_of_its_credential_is_killed(show: Show, way: int) -> None:
    victim, when = WAYS[way]
    kill_at_each(show, OwnSecretId.name, (Kill(point, when, victim) for point in moments(way, apart=5)))


@pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing())
@ways(WAYS.index(("worker", "before")), WAYS.index(("parent", "after")))
def test_roles_behind_a_pooler_are_let_in_whenever_their_rotation_is_killed(show: Show, way: int) -> None:
    victim, when = WAYS[way]
    kill_at_each(show, Pooled.name, (Kill(point, when, victim) for point in moments(way, apart=7)))


@ways(WAYS.index(("parent", "before")))
def test_an_app_gets_in_whenever_the_rotation_of_its_key_is_killed(show: Show, way: int) -> None:
    victim, when = WAYS[way]
    kill_at_each(show, OwnAppKey.name, (Kill(point, when, victim) for point in moments(way, apart=2)))


@cut_overs()
def test_a_cut_over_killed_at_any_moment_closes_its_gap_in_the_next_run(show: Show, scene: str, way: int) -> None:
    victim, when = WAYS[way]
    kill_at_each(show, scene, (Kill(point, when, victim) for point in moments(way, apart=3)))


@pytest.mark.parametrize("victim", ["worker", "parent"])
@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM"])
def test_asked_to_end_at_any_moment_it_does_and_the_next_run_finishes_it(show: Show, name: str, victim: str) -> None:
    way = ["SIGHUP", "SIGTERM"].index(name) * 2 + ["worker", "parent"].index(victim)
    kill_at_each(show, TwoPlaces.name, (Kill(point, "before", victim, name) for point in moments(way, shares=4)))


@ways(WAYS.index(("parent", "before")), WAYS.index(("both", "before")))
def test_it_is_the_same_with_ansible_playbook_itself(show: Show, way: int) -> None:
    victim, when = WAYS[way]
    kill_at_each(
        show, TwoPlaces.name, (Kill(point, when, victim) for point in moments(way, shares=len(WAYS))), real=True
    )
