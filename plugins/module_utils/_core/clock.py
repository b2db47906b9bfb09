# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time, as something that can be stopped (a worker told to end) and replaced (a virtual clock in tests)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from .errors import StoppedError

T = TypeVar("T")
_TICK = 0.1
"""Seconds within which a sleeper hears that it is to stop."""


class Clock:
    """Wall time for records, monotonic time for deadlines, and sleeping that ends when the run is stopped."""

    def __init__(self) -> None:
        self._stopped = False

    def stop(self) -> None:
        """End sleeps and effects. Takes no lock: signal handlers call it, and one may interrupt another."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        return self._stopped

    def check(self) -> None:
        """Raise StoppedError if no effect may begin any more; called before every outside effect."""
        if self.stopped:
            raise StoppedError("the run was asked to stop")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.check()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _TICK))
            self.check()

    def poll(self, probe: Callable[[], T | None], *, every: float, within: float) -> T | None:
        """Call ``probe`` until it returns something other than None; None when the time is over."""
        deadline = self.monotonic() + within
        while True:
            found = probe()
            left = deadline - self.monotonic()
            if found is not None or left <= 0:
                return found
            self.sleep(min(every, left))
