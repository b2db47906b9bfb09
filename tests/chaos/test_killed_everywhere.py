# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at every moment, in every way: the next run finishes it, and nothing is ever broken or left behind.

ROTOR_KILLS is how many moments apart the cases are: 1 is all of them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.visitor import Visitor

from . import tally
from .hook.points import Kill
from .scenes import SCENES, TwoPlaces
from .stage import Stage
from .theatre import Theatre

STEP = int(os.environ.get("ROTOR_KILLS", "29"))
VICTIMS = ("worker", "parent", "both")
WHENS = ("before", "after")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    running = Stage()
    yield running
    running.stop()


def sweep(stage: Stage, world: Visitor, scene: str, victim: str, when: str, *, step: int, **options: bool) -> None:
    """From the first moment to the last, ``step`` apart; each way of killing begins at another moment."""
    point = 1 + (VICTIMS.index(victim) * 2 + WHENS.index(when)) * step // 6
    while True:
        world.tell("reset")
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            theatre = Theatre(stage, SCENES[scene](world, Path(folder) / "home"), **options)
            if not theatre.killed_at(Kill(point, when, victim)):
                return
        tally.add(f"kills: {scene}{', ansible-playbook' if options.get('real') else ''}", cases=1)
        point += step


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("scene", SCENES)
def test_killed_at_any_moment_the_next_run_finishes_it(
    stage: Stage, world: Visitor, scene: str, victim: str, when: str
) -> None:
    sweep(stage, world, scene, victim, when, step=STEP)
