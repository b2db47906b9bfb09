# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits as budgets that all threads of an account share."""

from __future__ import annotations

import threading

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock


class Budget:
    """A token bucket per key: ``burst`` at once, then ``per_second``. A spender sleeps until its turn."""

    def __init__(self, per_second: float, burst: int, clock: Clock) -> None:
        self._rate = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        self._not_before = 0.0

    def spend(self, key: str = "") -> None:
        self._clock.sleep(self._reserve(key))
        while (left := self._silence()) > 0:
            self._clock.sleep(left)

    def hold(self, seconds: float) -> None:
        """The provider asked for silence: nobody goes on before it is over."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.monotonic() + seconds)

    def _reserve(self, key: str) -> float:
        """Take one token, on credit if need be, and say how long to wait for it."""
        with self._lock:
            now = self._clock.monotonic()
            tokens, since = self._buckets.get(key, (float(self._burst), now))
            tokens = min(self._burst, tokens + (now - since) * self._rate) - 1
            self._buckets[key] = (tokens, now)
            return -tokens / self._rate if tokens < 0 else 0.0

    def _silence(self) -> float:
        with self._lock:
            return self._not_before - self._clock.monotonic()
