# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the progress of a run: a line for each effect, or, where that would be hundreds, one every few seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ...module_utils._core import durations
from ...module_utils._core.clock import Clock

MANY = 10
EVERY = 2.0
"""Seconds between two lines."""


@dataclass(frozen=True)
class Counts:
    """The numbers of copies that have yet to be written, and of secrets that are held."""

    left: int
    held: int


class ProgressReport:
    """Prints lines with ``say``; ``count`` is asked when one is due."""

    def __init__(self, secrets: int, count: Callable[[], Counts], clock: Clock, say: Callable[[str], None]) -> None:
        self._each = secrets <= MANY
        self._count = count
        self._clock = clock
        self._say = say
        self._began = self._told = clock.monotonic()
        self._total = count().left

    def effect(self, line: str) -> None:
        """Report an effect that was made; ``line`` says which."""
        if self._each:
            self._say(line)
        elif self._clock.monotonic() - self._told >= EVERY:
            self._told = self._clock.monotonic()
            self._say(self._summary())

    def _summary(self) -> str:
        now = self._count()
        done = self._total - now.left
        pace = done / (self._told - self._began)
        line = f"ROLL OUT  {done}/{self._total} copies  {pace:.0f}/s  {now.held} held"
        return f"{line}  {durations.show(timedelta(seconds=now.left / pace))} left" if done > 0 else line
