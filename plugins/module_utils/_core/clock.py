# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time, as something that can be stopped (a worker told to end) and replaced (a virtual clock in tests)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from .errors import StoppedError

T = TypeVar("T")
_TICK = 0.1
"""Seconds within which a sleeper hears that it is to stop."""


@dataclass
class Busy:
    """What a thread is at, in words for people, and since when."""

    work: str
    since: float
    waits_for: str = ""


class Clock:
    """Wall time for records, monotonic time for deadlines, and sleeping that ends when the run is stopped."""

    def __init__(self) -> None:
        self._stopped = False
        self._busy: dict[int, Busy] = {}

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

    @contextmanager
    def busy(self, work: str) -> Iterator[None]:
        """Note what the calling thread is at, for whoever asks ``working``."""
        self._busy[threading.get_ident()] = Busy(work, self.monotonic())
        try:
            yield
        finally:
            del self._busy[threading.get_ident()]

    def waits_for(self, what: str) -> None:
        """Note what the work of the calling thread waits for: its name and address."""
        if busy := self._busy.get(threading.get_ident()):
            busy.waits_for = what

    def working(self) -> list[Busy]:
        """Return what all threads are at."""
        return list(self._busy.values())

    def poll(self, probe: Callable[[], T | None], *, every: float, within: float) -> T | None:
        """Call ``probe`` until it returns something other than None; None when the time is over."""
        deadline = self.monotonic() + within
        while True:
            found = probe()
            left = deadline - self.monotonic()
            if found is not None or left <= 0:
                return found
            self.sleep(min(every, left))
