# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual clock for several threads."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import count

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from tests.unit.core.doubles import START


class ThreadsClock(Clock):
    """Time goes on only while all threads sleep; and only one runs at a time, so that every run is the same.

    Nobody may sleep with a lock that another one wants.
    """

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._order = count()
        self._idle = threading.Event()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.check()
        woken = self._bed(seconds)
        self._wake_next()
        woken.wait()

    def run(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Each in a thread of its own, until all have ended; what one of them raises is raised."""
        failures: list[BaseException] = []
        self._idle.clear()
        for job in jobs:
            threading.Thread(target=self._run, args=(job, self._bed(0), failures), daemon=True).start()
        self._wake_next()
        self._idle.wait()
        if failures:
            raise failures[0]

    def _run(self, job: Callable[[], None], woken: threading.Event, failures: list[BaseException]) -> None:
        woken.wait()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised again where run() was called
            failures.append(error)
        self._wake_next()

    def _bed(self, seconds: float) -> threading.Event:
        woken = threading.Event()
        heapq.heappush(self._sleepers, (self.time + max(seconds, 0), next(self._order), woken))
        return woken

    def _wake_next(self) -> None:
        if not self._sleepers:
            self._idle.set()
            return
        self.time, _order, woken = heapq.heappop(self._sleepers)
        woken.set()
