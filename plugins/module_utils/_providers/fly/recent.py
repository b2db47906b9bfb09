# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cache for a few seconds: several parts of a preflight ask Fly the same thing at about the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar

from ..._core.clock import Clock

_SECONDS = 5
Answer = TypeVar("Answer")


class TtlCache:
    """Answers a few seconds old; whoever has an effect on one must forget it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._locks: defaultdict[str, RLock] = defaultdict(RLock)
        self._answers: dict[str, tuple[float, Any]] = {}

    def get(self, key: str, ask: Callable[[], Answer]) -> Answer:
        with self._locks[key]:
            at, answer = self._answers.get(key, (float("-inf"), None))
            if self._clock.monotonic() - at > _SECONDS:
                answer = ask()
                self.put(key, answer)
            known: Answer = answer
            return known

    def put(self, key: str, answer: Any) -> None:
        with self._locks[key]:
            self._answers[key] = (self._clock.monotonic(), answer)

    def forget(self, key: str) -> None:
        with self._locks[key]:
            self._answers.pop(key, None)
