# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the contests: in each round every contender once, in another order each time, so that all meet the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from benchmarks.measures import Contest, Found
from benchmarks.process import MissingError
from benchmarks.stage import Stage


def run(
    contests: Iterable[Contest], stage: Stage, say: Callable[[str], None], runs: int = 0
) -> Iterator[tuple[Contest, Found]]:
    """Yield each contest when it is done.

    ``runs``: how many rounds, instead of what each contest asks for; a quick run has one.
    """
    for one in contests:
        wanted = 1 if stage.quick else runs or one.runs
        say(f"{one.title} (rounds: {wanted})")
        yield one, _contest(one, stage, say, wanted)


def _contest(one: Contest, stage: Stage, say: Callable[[str], None], runs: int) -> Found:
    found, began = Found(), time.monotonic()
    for number in range(runs):
        names = [name for name in one.contenders if name not in found.missing]
        done: dict[str, float] = {}
        for name in names if number % 2 == 0 else names[::-1]:
            try:
                done |= _named(name, one.contenders[name](stage))
            except MissingError as error:
                found.missing[name] = str(error)
                say(f"  {name}: {error}")
            except RuntimeError as error:  # an hour's work is not to be lost with one contender
                found.missing[name] = "it failed; the run's output says how"
                say(f"  {name} failed: {error}")
        found.rounds.append(done)
        say("  " + "  ".join(f"{name} {figure:.4g}" for name, figure in done.items()))
    found.seconds = time.monotonic() - began
    return found


def _named(name: str, result: float | Mapping[str, float]) -> dict[str, float]:
    return dict(result) if isinstance(result, Mapping) else {name: result}
