# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks without clocks: held by the process that makes the effects, only while it makes them, and gone with it.

Each secret, container and consumer has one: beside a SQLite ledger a ``flock`` on a file, which names the holder; in
PostgreSQL an advisory lock of one session. There, the table ``holders`` only names whoever the server says has a lock.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import resource
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ....module_utils._core.clock import Clock
from ....module_utils._core.deps import library
from ....module_utils._core.errors import BusyError, ConfigurationError, LedgerError
from . import postgres

_POLL_SECONDS = 0.1
_SELECT_HOLDER = """
SELECT h.holder, h.since FROM holders h JOIN pg_locks l ON l.pid = h.session
WHERE h.lock = %s AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND l.classid::bigint = (%s::bigint >> 32) & 4294967295 AND l.objid::bigint = %s::bigint & 4294967295
"""
_UPSERT_HOLDER = """
INSERT INTO holders (lock, session, holder, since) VALUES (%s, %s, %s, %s)
ON CONFLICT (lock) DO UPDATE SET session = excluded.session, holder = excluded.holder, since = excluded.since
RETURNING 1
"""


class FileLocks:
    """Exclusive locks on files in one folder; two threads of a process exclude each other just as two processes do."""

    def __init__(self, folder: Path, clock: Clock, holder: str) -> None:
        self._folder = folder
        self._clock = clock
        self._holder = holder
        _raise_file_limit()

    @contextmanager
    def hold(self, name: str, *, wait: float = 0) -> Iterator[None]:
        """Hold a lock; raise BusyError, which names the holder, if it is not free within ``wait`` seconds."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / hashlib.sha256(name.encode()).hexdigest()[:32]
        descriptor = _open(path)
        try:
            if not self._clock.poll(lambda: self._try(descriptor), every=_POLL_SECONDS, within=wait):
                raise _busy(name, _read_holder(descriptor))
            now = self._clock.now().isoformat(timespec="seconds")
            about = json.dumps({"holder": self._holder, "since": now}).encode()
            os.pwrite(descriptor, about, 0)
            os.ftruncate(descriptor, len(about))  # after the write: to cut and to grow again takes far longer
            yield
        finally:
            os.close(descriptor)  # which unlocks

    def check(self) -> None:
        """Do nothing: the kernel keeps these locks as long as the process lives."""

    @staticmethod
    def _try(descriptor: int) -> bool | None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return True


class SessionLocks:
    """Advisory locks of one connection to PostgreSQL, made for the first lock, and not again once it is lost."""

    def __init__(self, engine: Any, ledger: str, clock: Clock, holder: str) -> None:
        self._engine = engine
        self._ledger = ledger
        self._clock = clock
        self._holder = holder
        self._mutex = threading.Lock()
        self._held: set[str] = set()
        self._connection: Any = None
        self._session = postgres.ServerSession(0, secrets.token_hex(8))

    @contextmanager
    def hold(self, name: str, *, wait: float = 0) -> Iterator[None]:
        """Hold a lock; raise BusyError, which names the holder, if it is not free within ``wait`` seconds."""
        key = int.from_bytes(hashlib.sha256(f"{self._ledger}\0{name}".encode()).digest()[:8], signed=True)
        if not self._clock.poll(lambda: self._try(name, key), every=_POLL_SECONDS, within=wait):
            row = self._query(_SELECT_HOLDER, name, key, key)
            raise _busy(name, f"{row[0]} since {row[1]}" if row else "another process")
        try:
            yield
        finally:
            with suppress(LedgerError):  # the session is gone, and the lock with it
                self._query("SELECT pg_advisory_unlock(%s)", key)
            self._held.discard(name)

    def check(self) -> None:
        """Raise LedgerError if the session of the locks has ended, or is shared."""
        if self._connection is not None:
            self._query("SELECT 1")

    def _try(self, name: str, key: int) -> bool | None:
        with self._mutex:  # the server takes two threads of a process for one holder
            if name in self._held:
                return None
            self._held.add(name)
        locked = False
        try:
            locked = self._query("SELECT pg_try_advisory_lock(%s)", key)[0]
            if locked:
                now = self._clock.now().isoformat(timespec="seconds")
                self._query(_UPSERT_HOLDER, name, self._session.process, self._holder, now)
            return locked or None
        finally:
            if not locked:
                self._held.discard(name)

    def _query(self, statement: str, *values: Any) -> Any:
        """Fetch the first row of a query, from the very session that has the locks."""
        with self._mutex:
            try:
                if self._connection is None:
                    self._connection = postgres.own_connection(self._engine)
                    self._session = postgres.claim_session(self._connection, self._session.owner)
                row = self._connection.execute(statement, values).fetchone()
                if postgres.session_of(self._connection) != self._session:
                    raise postgres.pooling_error()
            except library("psycopg").Error as error:
                raise LedgerError(
                    f"the connection that holds the locks is lost ({type(error).__name__}), and somebody else may "
                    "hold them now",
                    hint="Nothing more was begun. Run again: what was done is taken up from the ledger",
                ) from None
        return row


Locks = FileLocks | SessionLocks


def _busy(name: str, holder: str) -> BusyError:
    return BusyError(f"{name} is being worked on by {holder}", hint="Wait until it has finished, and run again")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        hint = "Raise the limit of open files (ulimit -n), or rotate fewer secrets at once"
        raise ConfigurationError(
            f"cannot open a lock in {path.parent}: {error.strerror}", hint=hint if error.errno == errno.EMFILE else ""
        ) from error


def _raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard one: each lock takes a file, and a run has a lock per secret."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _read_holder(descriptor: int) -> str:
    try:
        content = json.loads(os.pread(descriptor, 4096, 0))
        return f"{content['holder']} since {content['since']}"
    except (ValueError, KeyError):
        return "another process"
