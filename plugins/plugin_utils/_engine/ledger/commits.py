# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Group commit: threads that come to the ledger at the same time share a transaction, and so one write to the disk.

Each of them returns after the commit, as if it had been alone: nobody goes on with what may yet be rolled back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from ....module_utils._core.errors import LedgerError
from .database import Transaction

_RESCUE_SECONDS = 1.0
"""After this a thread commits itself: whoever was to do so may have been interrupted."""


class _Group:
    """The threads that share one transaction."""

    def __init__(self, connection: Any, tx: Transaction) -> None:
        self.connection = connection
        self.tx = tx
        self.ended = threading.Event()
        self.error: BaseException | None = None


class GroupCommit:
    """Makes transactions on ``engine``; ``begin`` is called for each with its connection, ``undo`` if it fails."""

    def __init__(self, engine: Any, begin: Callable[[Any], Transaction], undo: Callable[[], None]) -> None:
        self._engine = engine
        self._make = begin
        self._undo = undo
        self._turn = threading.Lock()
        """Held by the thread whose statements are sent, or that commits."""
        self._counting = threading.Lock()
        self._coming = 0
        """How many threads wait for their turn: the last one commits for all."""
        self._group: _Group | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction, or join the one of a thread that has yet to commit; return after the commit."""
        with ExitStack() as after, self._my_turn(), ExitStack() as turn:
            group = self._group = self._group or self._begin()
            after.push(partial(self._await_commit, group))
            turn.push(partial(self._leave, group))
            yield group.tx

    def _leave(self, group: _Group, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Commit for all if nobody is to come; one that has changed something and failed takes all with it."""
        if error and group.tx.changes:
            self._end(group, error)
        elif not self._coming:
            self._end(group)

    def _await_commit(self, group: _Group, _kind: object, error: BaseException | None, _trace: object) -> None:
        while not error and not group.ended.wait(_RESCUE_SECONDS):
            with self._turn:
                if self._group is group:
                    self._end(group)
        if group.error and not error:
            raise LedgerError(
                "a transaction of the ledger that another effect had a part in has failed",
                hint="Run again: what was done is taken up from the ledger",
            ) from group.error

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        self._count(1)
        try:
            self._turn.acquire()
        finally:
            self._count(-1)
        try:
            yield
        finally:
            self._turn.release()

    def _count(self, difference: int) -> None:
        with self._counting:
            self._coming += difference

    def _begin(self) -> _Group:
        connection = self._engine.connect()
        try:
            connection.begin()
            return _Group(connection, self._make(connection))
        except BaseException:
            connection.close()
            raise

    def _end(self, group: _Group, error: BaseException | None = None) -> None:
        """Commit, or roll back what has failed, for every thread of the group."""
        self._group = None
        try:
            if not error:
                group.tx.flush()
                group.connection.commit()
        except BaseException as failure:
            error = failure
            raise
        finally:
            group.error = error
            try:
                if error:
                    self._undo()
                    group.connection.rollback()
            finally:
                group.connection.close()
                group.ended.set()
