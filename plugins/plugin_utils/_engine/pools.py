# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for effects: each connection has its own, so that one which is slow, or has a pace, holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

PER_CONNECTION = 8
WAITING = 256
"""For what waits: for a soak, a roll-out, or until a credential is known. Threads are made as they are needed."""
Result = TypeVar("Result")


class Pools:
    """Runs work on the threads of a connection, or of what waits."""

    def __init__(self) -> None:
        self._pools: dict[str | None, ThreadPoolExecutor] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def submit(self, connection: str | None, work: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Begin ``work`` when a thread of ``connection`` is free; without one, among what waits."""
        if connection not in self._pools:
            threads = PER_CONNECTION if connection else WAITING
            pool = ThreadPoolExecutor(threads, thread_name_prefix=f"rotor {connection or 'waiting'}")
            self._pools[connection] = self._open.enter_context(pool)
        return self._pools[connection].submit(work, *arguments)
