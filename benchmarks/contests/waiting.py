# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever waits holds up nobody else."""

from __future__ import annotations

from benchmarks.measures import Goal, Round, Row, contest, ratio
from benchmarks.stage import Stage

WAVES = 3
"""24 secrets go in waves of 1, 10 and 13."""


@contest(
    "soaks",
    "24 secrets with a soak of 10 s each",
    Row(
        "24 secrets with a soak of 10 s each",
        "waves × soak",
        Goal(most=1.1),
        ratio("ours", "waves × soak"),
    ),
    runs=1,
)
def soaks(stage: Stage) -> Round:
    seconds = stage.size(10, 2)
    url = f"{stage.fly_world.url}/molecule-cp/health"
    return {
        "ours": stage.engine("soaking", secrets=24, seconds=seconds, url=url)["wall"],
        "waves × soak": WAVES * seconds,
    }


def without(stage: Stage) -> Round:
    return {"without": stage.engine("behind", copies=20, pace=stage.size(10, 2) / 10, slow=False)["last"]}


@contest(
    "slow",
    "20 copies in a quick system, with 20 in a slow one listed before them",
    Row(
        "20 copies in a quick system, after 20 in one that takes one call a second",
        "without the slow one",
        Goal(most=1.1),
        ratio("behind", "without"),
    ),
    peers={"without": without},
    runs=3,
)
def behind(stage: Stage) -> Round:
    return {"behind": stage.engine("behind", copies=20, pace=stage.size(10, 2) / 10, slow=True)["last"]}
