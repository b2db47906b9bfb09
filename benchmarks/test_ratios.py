# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick contests against what was kept of them; for ``make chaos`` alone, since it takes a watch."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks import page, runner
from benchmarks.contests import CONTESTS
from benchmarks.measures import Figure, Found
from benchmarks.stage import Stage
from tests.chaos import tally

MARGIN = 3.0


def test_ratios_are_no_worse_than_kept() -> None:
    picked = [one for one in CONTESTS if one.quick]
    with ExitStack() as stack:
        found = list(runner.run(picked, Stage(stack, quick=True), lambda line: None))
    kept = page.found_of(page.kept()["quick"])
    worse, counts = [], {"measured": 0, "not measured": 0}
    for one, now in found:
        before = {figure.row: figure for figure in kept.get(one.name, Found()).figures(one)}
        for figure in now.figures(one):
            if figure.row.is_ratio and figure.row.goal.text:
                counts["not measured" if figure.missing else "measured"] += 1
                worse += (
                    [f"{figure.row.work}, against {figure.row.against}: {page.shown(figure)}"]
                    if _is_worse(figure, before[figure.row])
                    else []
                )
    tally.add("bench: ratios", **counts)
    assert worse == []


def _is_worse(now: Figure, before: Figure) -> bool:
    """Whether a figure is outside the margin of its goal, and outside that of what was kept of it."""
    if now.missing or now.row.goal.met(now.median, MARGIN):
        return False
    if before.missing or not before.median or not now.median:
        return True
    ratio = now.median / before.median
    return (1 / ratio if now.row.goal.least is not None else ratio) > MARGIN
