# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the rows: how far each is from its goal, on a scale of powers; plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape

from benchmarks.measures import Figure

_WIDTH, _LINE, _LEFT, _RIGHT = 960, 22, 500, 90
_LEAST, _MOST = 0.1, 100.0
"""The ends of the scale: how many times the goal."""
GOOD, BAD = "#2e7d32", "#c62828"


def draw(figures: Iterable[Figure]) -> str:
    """Draw one bar for each row that has a goal and a figure; the line in the middle is the goal."""
    shown = [figure for figure in figures if figure.values and figure.row.goal.text]
    height = (len(shown) + 2) * _LINE
    lines = [part for number, figure in enumerate(shown) for part in _row(figure, (number + 1.5) * _LINE)]
    size = f'width="{_WIDTH}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    back = f'<rect {size} fill="#ffffff"/>'
    return "\n".join([head, back, *_scale(height), *lines, "</svg>"]) + "\n"


def _scale(height: float) -> Iterator[str]:
    for times in (0.1, 1, 10, 100):
        x, color = _x(times), "#424242" if times == 1 else "#e0e0e0"
        yield f'<line x1="{x:.0f}" y1="{_LINE}" x2="{x:.0f}" y2="{height - 8}" stroke="{color}"/>'
        name = "goal" if times == 1 else f"{times:g} ×"
        yield f'<text x="{x:.0f}" y="14" text-anchor="middle">{name}</text>'


def _row(figure: Figure, y: float) -> Iterator[str]:
    times, met = _times(figure), figure.row.goal.met(figure.median)
    start, end = sorted((_x(1), _x(times)))
    label = f"{figure.row.work}: {figure.median:.3g} {figure.row.unit} ({figure.row.goal.text})"
    yield f'<text x="{_LEFT - 12}" y="{y + 4:.0f}" text-anchor="end">{escape(_cut(label))}</text>'
    color, width = GOOD if met else BAD, max(2.0, end - start)
    yield f'<rect x="{start:.0f}" y="{y - 6:.0f}" width="{width:.0f}" height="12" fill="{color}"/>'


def _cut(label: str) -> str:
    return label if len(label) <= 84 else f"{label[:83]}…"


def _times(figure: Figure) -> float:
    """How many times the goal it is; more is worse."""
    goal, value = figure.row.goal, max(figure.median, 1e-9)
    if goal.least is not None:
        return goal.least / value
    return value / goal.most if goal.most else 1.0 if figure.median <= 0 else _MOST


def _x(times: float) -> float:
    bounded = min(max(times, _LEAST), _MOST)
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * math.log10(bounded / _LEAST) / math.log10(_MOST / _LEAST)
