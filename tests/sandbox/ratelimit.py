# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast is too fast."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable


class Buckets:
    """Token buckets, one for each key: a steady rate with a burst."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, rate: float, burst: int) -> bool:
        now = self._clock()
        level, since = self._levels.get(key, (float(burst), now))
        level = min(float(burst), level + (now - since) * rate)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level, now)
        return taken


class Window:
    """A budget of points for each span of time."""

    def __init__(self, budget: int, seconds: float) -> None:
        self.budget, self.seconds = budget, seconds
        self._spent: deque[tuple[float, int]] = deque()

    @property
    def used(self) -> int:
        oldest = time.monotonic() - self.seconds
        while self._spent and self._spent[0][0] <= oldest:
            self._spent.popleft()
        return sum(points for _when, points in self._spent)

    def fits(self, points: int) -> bool:
        return self.used + points <= self.budget

    def spend(self, points: int) -> None:
        self._spent.append((time.monotonic(), points))

    @property
    def free_in(self) -> float:
        """Seconds until the oldest points come back."""
        return max(0.0, self._spent[0][0] + self.seconds - time.monotonic()) if self._spent else 0.0
