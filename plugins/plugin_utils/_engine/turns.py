# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which secret is looked at next: in waves, and again only once something has changed that it waits for.

All counts are kept up to date, so that an effect among 2,000 secrets costs what one among ten does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from heapq import heappop, heappush

from .decide import selection


class Standing(Enum):
    """Name what a secret is to the others of its run."""

    HELD = auto()
    ROLLING = auto()  # on its way, and not rolled out yet
    UNPROVEN = auto()  # the same, with a new credential
    PROVEN = auto()  # its new credential is rolled out
    OTHER = auto()


class Turns:
    """Keeps the secrets that are to be looked at, those in line for a mint, and how many stand how."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._place = {name: place for place, name in enumerate(names)}
        self._standings = dict.fromkeys(names, Standing.OTHER)
        self._waves = selection.waves(names)
        self._wave = {name: number for number, wave in enumerate(self._waves) for name in wave}
        self._counts = [Counter[Standing]() for _wave in self._waves]
        self._open = 0
        """How many waves have begun."""
        self._stirred: set[str] = set()
        self._ready: list[int] = []
        self._line: list[int] = []

    def note(self, name: str, standing: Standing) -> None:
        """Record how a secret stands now."""
        counts = self._counts[self._wave[name]]
        counts[self._standings[name]] -= 1
        counts[standing] += 1
        self._standings[name] = standing

    def count(self, standing: Standing) -> int:
        return sum(counts[standing] for counts in self._counts)

    @property
    def unproven(self) -> int:
        """Count the new credentials on their way; those of a wave that has not begun hold up nobody."""
        return sum(counts[Standing.UNPROVEN] for counts in self._counts[: self._open])

    def has_begun(self, name: str) -> bool:
        return self._wave[name] < self._open

    def stir(self, name: str) -> None:
        """Have a secret looked at, once its wave has begun."""
        if self.has_begun(name) and name not in self._stirred:
            self._stirred.add(name)
            heappush(self._ready, self._place[name])

    def line_up(self, name: str) -> None:
        """Have a secret looked at when there is room for one more new credential."""
        heappush(self._line, self._place[name])

    def next(self, has_room: Callable[[], bool]) -> str | None:
        """Return the next secret to look at; None where all wait for something."""
        self._begin_waves()
        if self._ready:
            name = self._names[heappop(self._ready)]
            self._stirred.discard(name)
            return name
        return self._names[heappop(self._line)] if self._line and has_room() else None

    def _begin_waves(self) -> None:
        """Begin a wave when those before it are rolled out, held or wait."""
        while self._open < len(self._waves) and not self._is_rolling():
            self._open += 1
            for name in self._waves[self._open - 1]:
                self.stir(name)

    def _is_rolling(self) -> bool:
        begun = self._counts[: self._open]
        return any(counts[Standing.ROLLING] or counts[Standing.UNPROVEN] for counts in begun)
