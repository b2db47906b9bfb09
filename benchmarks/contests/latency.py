# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many secrets where each answer takes its time."""

from __future__ import annotations

from benchmarks.measures import Goal, Round, Row, contest, ratio
from benchmarks.stage import Stage

LATENCY, AT_ONCE = 0.1, 8


@contest(
    "latency",
    "500 secrets with 4 copies, whole life, 100 ms in every provider",
    Row(
        "500 secrets with 4 copies, whole life, 100 ms latency in every provider",
        "calls ÷ allowed concurrency × latency",
        Goal(most=1.3),
        ratio("ours", "ideal"),
    ),
    runs=1,
)
def ours(stage: Stage) -> Round:
    """``ideal``: the busiest of the five connections, each of which may be called eight times at once."""
    found = stage.engine("distant", secrets=stage.size(500, 16), copies=4, latency=LATENCY, at_once=AT_ONCE, limit=3600)
    return {"ours": found["wall"], "ideal": found["ideal"], "calls": sum(found["calls"].values())}
