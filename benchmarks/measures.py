# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A contest has several ways to do the same work; each row of the page is a figure made from one round of a contest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.stage import Stage

Round = Mapping[str, float]
"""Contender -> what it took."""
CONTESTS: list[Contest] = []


@dataclass(frozen=True)
class Goal:
    """What a figure has to be; neither: it is shown for comparison alone."""

    most: float | None = None
    least: float | None = None

    def met(self, figure: float, margin: float = 1.0) -> bool:
        """``margin``: how many times worse than the goal still counts as met."""
        if self.most is not None and figure > self.most * margin:
            return False
        return self.least is None or figure >= self.least / margin

    @property
    def text(self) -> str:
        bounds = {"≤": self.most, "≥": self.least}
        return " ".join(f"{sign} {bound:g}" for sign, bound in bounds.items() if bound is not None)


@dataclass(frozen=True)
class Row:
    """``figure`` makes one number from a round; a KeyError says that a contender was missing."""

    work: str
    against: str
    goal: Goal
    figure: Callable[[Round], float]
    unit: str = "times"
    is_ratio: bool = True
    """Whether it says something about a busy machine; `make bench-quick` checks these and no others."""


def figure(name: str) -> Callable[[Round], float]:
    """Take one contender's figure as it is."""
    return lambda took: took[name]


def ratio(of: str, to: str, *, base: str = "") -> Callable[[Round], float]:
    """Divide one contender's figure by another's, each less that of ``base``."""
    return lambda took: (took[of] - took.get(base, 0)) / (took[to] - took.get(base, 0))


def difference(of: str, to: str) -> Callable[[Round], float]:
    """Take another contender's figure off one's."""
    return lambda took: took[of] - took[to]


@dataclass(frozen=True)
class Contest:
    name: str
    title: str
    contenders: Mapping[str, Callable[[Stage], float | Round]]
    """A contender that returns several figures gives each a name, which the rows use."""
    rows: tuple[Row, ...]
    runs: int = 5
    quick: bool = True
    """Whether a small version of it tells enough in a few seconds."""
    unit: str = "s"


def contest(
    name: str,
    title: str,
    *rows: Row,
    peers: Mapping[str, Callable[[Stage], float | Round]] | None = None,
    **options: Any,
) -> Callable[[Callable[[Stage], float | Round]], Callable[[Stage], float | Round]]:
    """Register a contest; the decorated function is ours."""

    def register(ours: Callable[[Stage], float | Round]) -> Callable[[Stage], float | Round]:
        CONTESTS.append(Contest(name, title, {"ours": ours, **(peers or {})}, rows, **options))
        return ours

    return register


@dataclass(frozen=True)
class Figure:
    """A row's figures in all rounds; none of them: ``missing`` says why."""

    row: Row
    values: tuple[float, ...]
    missing: str = ""

    @property
    def median(self) -> float:
        return median(self.values)


@dataclass
class Found:
    """All rounds of a contest, and why a contender was not there."""

    rounds: list[dict[str, float]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def figures(self, of: Contest) -> list[Figure]:
        return [self._figure(row) for row in of.rows]

    def _figure(self, row: Row) -> Figure:
        values = []
        for done in self.rounds:
            try:
                values.append(row.figure(done))
            except (KeyError, ValueError, ZeroDivisionError):
                continue
        reasons = "; ".join(f"{who}: {why}" for who, why in self.missing.items()) or "it was not measured"
        return Figure(row, tuple(values), "" if values else reasons)
