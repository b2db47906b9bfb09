# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of results, and the figures behind it as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import picture
from benchmarks.measures import CONTESTS, Contest, Figure, Found

HERE = Path(__file__).parent
KEPT, PAGE, PICTURE = HERE / "found.json", HERE / "RESULTS.md", HERE / "results.svg"
INTRODUCTION = """\
<!-- Made by `make bench`; do not edit. -->
# What a rotation costs

`make bench` measures all of this against real servers (OpenBao, moto, sshd) and the stand-in world (GitHub, Infisical,
Fly), with everybody who does the same work in the same run, in turns: the order changes from round to round, and a
figure is the median over the rounds, with the least and the greatest in brackets. What a row compares is in the
[README](README.md).

![Each row's figure, next to its goal](results.svg)
"""


def kept() -> dict[str, Any]:
    """Read what was found last; nothing yet: no figures."""
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    return {"machine": {}, "contests": {}, "quick": {}, **found}


def keep(name: str, found: Found, machine: Mapping[str, str], *, quick: bool) -> None:
    """Write what a contest found, beside what is known of the others; a quick run changes no page."""
    known = kept()
    known["quick" if quick else "contests"][name] = asdict(found)
    if not quick:
        known["machine"] = dict(machine)
    write(known)


def write(known: Mapping[str, Any]) -> None:
    """Write the figures, and the page and the picture that follow from them."""
    KEPT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(text(known), encoding="utf-8")
    PICTURE.write_text(picture.draw(figures(known["contests"])), encoding="utf-8")


def found_of(kept_contests: Mapping[str, Any]) -> dict[str, Found]:
    return {name: Found(**one) for name, one in kept_contests.items()}


def figures(kept_contests: Mapping[str, Any]) -> list[Figure]:
    """All rows in the order of the page; also those that were never measured."""
    found = found_of(kept_contests)
    return [figure for one in CONTESTS for figure in found.get(one.name, Found()).figures(one)]


def text(known: Mapping[str, Any]) -> str:
    lines = [INTRODUCTION, *table(figures(known["contests"])), "", *_machine(known["machine"])]
    found = found_of(known["contests"])
    for one in CONTESTS:
        if one.name in found:
            lines += ["", *_rounds(one, found[one.name])]
    return "\n".join(lines) + "\n"


def table(rows: Iterable[Figure]) -> Iterator[str]:
    yield "| Work | Against | Goal | Found | |"
    yield "|---|---|---|---|---|"
    for figure in rows:
        row, goal = figure.row, figure.row.goal.text
        yield f"| {row.work} | {row.against} | {goal} | {shown(figure)} | {_judgement(figure)} |"


def shown(figure: Figure) -> str:
    if figure.missing:
        return f"not measured: {figure.missing}"
    spread = f" ({_number(min(figure.values))} to {_number(max(figure.values))})" if len(figure.values) > 1 else ""
    return f"{_number(figure.median)} {figure.row.unit}{spread}".replace("  ", " ").rstrip()


def _judgement(figure: Figure) -> str:
    if figure.missing or not figure.row.goal.text:
        return ""
    return "holds" if figure.row.goal.met(figure.median) else "**not yet**"


def _machine(machine: Mapping[str, str]) -> list[str]:
    return ["## Where", "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in machine.items())]


def _rounds(one: Contest, found: Found) -> Iterator[str]:
    """Yield what each contender took, round by round."""
    yield f"## {one.title}"
    yield ""
    names = list(dict.fromkeys(name for done in found.rounds for name in done))
    yield f"| {one.unit} | {' | '.join(f'round {number}' for number in range(1, len(found.rounds) + 1))} |"
    yield "|---" * (len(found.rounds) + 1) + "|"
    for name in names:
        cells = (_number(done[name]) if name in done else "" for done in found.rounds)
        yield f"| {name} | {' | '.join(cells)} |"
    for name, why in found.missing.items():
        yield f"\n{name}: {why}."


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"
