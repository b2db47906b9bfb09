# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Demand an answer several times in a row: behind one address may stand several servers, and one answer is of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from . import durations
from .contracts import Answer, Check, Options
from .errors import CheckFailedError

_IN_A_ROW, _MOST, _EVERY = 5, 4, "3s"
Ask = Callable[[], tuple[Answer, str]]
"""Asks once, over a connection of its own, and returns the answer, and in words what came."""


def schema(retries: int) -> dict[str, Any]:
    """Return the options that say how often a check asks."""
    return {
        "in_a_row": {
            "type": "integer",
            "minimum": 1,
            "default": _IN_A_ROW,
            "description": "How many answers in a row have to be right, since replicas may answer in turn. A wrong one "
            "among them doubles that, up to four times as many.",
        },
        "retries": {
            "type": "integer",
            "minimum": 0,
            "default": retries,
            "description": "How many more times to begin anew before it has failed.",
        },
        "every": {
            "type": "string",
            "pattern": durations.PATTERN,
            "minLength": 2,
            "default": _EVERY,
            "description": "The pause before that.",
        },
    }


class Demand:
    """The options of :func:`schema`, of one check."""

    def __init__(self, options: Options, retries: int) -> None:
        self.in_a_row: int = options.get("in_a_row", _IN_A_ROW)
        self.retries: int = options.get("retries", retries)
        self.every = durations.parse(options.get("every", _EVERY))

    def longest(self, seconds: int) -> timedelta:
        """Return for how long one demand waits, where an answer takes so many seconds at the most."""
        return timedelta(seconds=seconds) * (self.retries + _MOST * self.in_a_row) + self.every * self.retries

    def hold(self, check: Check, wanted: Answer, what: str, ask: Ask, hint: str) -> int:
        """Ask until enough answers in a row are the wanted one, and return how many times that was begun.

        Before a revoke nothing is left to be reloaded: one clear answer against it fails.
        """
        needed = self.in_a_row
        for attempt in range(1, self.retries + 2):
            good, answer, said = _row(ask, wanted, needed)
            if answer is wanted:
                return attempt
            said += f", after {good} right answers" if good else ""
            if attempt > self.retries or (check.before_revoke and answer is not Answer.UNCLEAR):
                break
            check.clock.waits_for(f"another answer to {what}: {said}")
            check.clock.sleep(self.every.total_seconds())
            if good:  # a few in a row come by chance where half of the replicas are right
                needed = min(2 * needed, _MOST * self.in_a_row)
        raise CheckFailedError(
            f"{check.label(check.options)}: {what} is not {wanted}: {said} (asked {attempt} times)", hint=hint
        )


def _row(ask: Ask, wanted: Answer, needed: int) -> tuple[int, Answer, str]:
    """Ask until an answer is another one or enough have come; return how many were right, and the last."""
    for good in range(needed):
        answer, said = ask()
        if answer is not wanted:
            return good, answer, said
    return needed, wanted, ""
