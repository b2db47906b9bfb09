# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks in PostgreSQL: advisory ones of one session, which end with the process that has it, and by no clock.

The table ``holders`` only says who it is that the server names as the holder.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ....module_utils._core.clock import Clock
from ....module_utils._core.deps import library
from ....module_utils._core.errors import LedgerError
from . import postgres
from .locks import busy

_HOLDER = """
SELECT h.holder, h.since FROM holders h JOIN pg_locks l ON l.pid = h.session
WHERE h.lock = %s AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND l.classid::bigint = (%s::bigint >> 32) & 4294967295 AND l.objid::bigint = %s::bigint & 4294967295
"""
_NAME_HOLDER = """
INSERT INTO holders (lock, session, holder, since) VALUES (%s, %s, %s, %s)
ON CONFLICT (lock) DO UPDATE SET session = excluded.session, holder = excluded.holder, since = excluded.since
"""


class SessionLocks:
    """All locks of a process, on one connection that is made for the first; once lost, it is not made again."""

    def __init__(self, engine: Any, ledger: str, clock: Clock, holder: str) -> None:
        self._engine = engine
        self._ledger = ledger
        self._clock = clock
        self._holder = holder
        self._mutex = threading.Lock()
        self._held: set[str] = set()
        self._connection: Any = None
        self._session = postgres.Session(0, secrets.token_hex(8))

    @contextmanager
    def hold(self, name: str, *, wait: float = 0) -> Iterator[None]:
        """Hold ``name``; BusyError says who has it when it is not free within ``wait`` seconds."""
        key = _key(self._ledger, name)
        if not self._clock.poll(lambda: self._try(name, key), every=0.1, within=wait):
            raise busy(name, self._holder_of(name, key))
        try:
            yield
        finally:
            self._release(name, key)

    def check(self) -> None:
        """One question to the server, before every effect: does this session still live, and is it still ours alone?"""
        if self._connection is not None:
            self._ask("SELECT 1")

    def _try(self, name: str, key: int) -> bool | None:
        """For the server, two threads of a process are one holder: they are told apart here."""
        with self._mutex:
            if name in self._held:
                return None
            self._held.add(name)
        got = False
        try:
            got = self._ask("SELECT pg_try_advisory_lock(%s)", key)[0]
            if got:
                since = self._clock.now().isoformat(timespec="seconds")
                self._ask(_NAME_HOLDER + " RETURNING 1", name, self._session.process, self._holder, since)
            return got or None
        finally:
            if not got:
                self._held.discard(name)

    def _release(self, name: str, key: int) -> None:
        with suppress(LedgerError):  # the session is gone, and the lock with it
            self._ask("SELECT pg_advisory_unlock(%s)", key)
        self._held.discard(name)

    def _holder_of(self, name: str, key: int) -> str:
        row = self._ask(_HOLDER, name, key, key)
        return f"{row[0]} since {row[1]}" if row else "another process"

    def _ask(self, statement: str, *values: Any) -> Any:
        """The first row of the answer, from the very session that has the locks."""
        with self._mutex:
            try:
                if self._connection is None:
                    self._connection = postgres.own_connection(self._engine)
                    self._session = postgres.mark_session(self._connection, self._session.mark)
                row = self._connection.execute(statement, values).fetchone()
                if postgres.session_of(self._connection) != self._session:
                    raise postgres.lent()
            except library("psycopg").Error as error:
                raise _lost(error) from None
        return row


def _key(ledger: str, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{ledger}\0{name}".encode()).digest()[:8], signed=True)


def _lost(error: Exception) -> LedgerError:
    return LedgerError(
        f"the connection that holds the locks is lost ({type(error).__name__}), and somebody else may hold them now",
        hint="Nothing more was begun. Run again: what was done is taken up from the ledger",
    )
