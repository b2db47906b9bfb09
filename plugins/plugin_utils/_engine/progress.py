# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the progress of a run: a line for each effect, or, where that would be hundreds, one every few seconds.

What takes long has a line when that is known, and one a minute: a job runner may end a job that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ...module_utils._core import durations
from ...module_utils._core.clock import Clock

MANY = 10
EVERY = 2.0
"""Seconds between two lines, and until an effect counts as one that takes long."""
REMINDER = 60.0
"""Seconds between two lines about what takes long."""


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
        self._began = self._told = self._spoke = clock.monotonic()
        self._reminded: dict[tuple[str, float], float] = {}
        self._total = count().left

    def effect(self, line: str) -> None:
        """Report an effect that was made; ``line`` says which."""
        if self._each:
            self._speak(line)
        elif self._clock.monotonic() - self._told >= EVERY:
            self._told = self._clock.monotonic()
            self._speak(self._summary())

    def waiting(self) -> None:
        """Report the effects that take long; of many secrets, the one that has taken longest, once all is quiet."""
        now = self._clock.monotonic()
        long = [busy for busy in self._clock.working() if now - busy.since >= EVERY]
        if not self._each:
            quiet = now - self._spoke >= REMINDER
            long = sorted(long, key=lambda busy: busy.since)[:1] if quiet else []
        for busy in long:
            effect = (busy.work, busy.since)
            if effect not in self._reminded or now - self._reminded[effect] >= REMINDER:
                self._reminded[effect] = now
                length = durations.show(timedelta(seconds=int(now - busy.since)))
                what = f", waits for {busy.waits_for}" if busy.waits_for else ""
                self._speak(f"  {busy.work}: under way for {length}{what}")

    def _speak(self, line: str) -> None:
        self._spoke = self._clock.monotonic()
        self._say(line)

    def _summary(self) -> str:
        now = self._count()
        done = self._total - now.left
        pace = done / (self._told - self._began)
        line = f"ROLL OUT  {done}/{self._total} copies  {pace:.0f}/s  {now.held} held"
        return f"{line}  {durations.show(timedelta(seconds=now.left / pace))} left" if done > 0 else line
