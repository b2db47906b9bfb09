# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the moments at which a run can be killed, and kills it at one of them.

A moment is every request to the outside and every commit of the ledger, before and after; a session of PostgreSQL that
commits each statement by itself is a request. They are met where the standard library and psycopg make them, so no list
has to be kept, and nothing of the collection knows. A file counts over all processes of a run, since each action is a
process of its own. The standard library only, and psycopg where it is imported anyway: `sitecustomize` loads this.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

JOURNAL = "ROTOR_CHAOS_JOURNAL"
KILL = "ROTOR_CHAOS_KILL"
STRUCK = "killed"
_PARENT_ENDS_WITHIN = 60.0


@dataclass(frozen=True)
class Kill:
    """Whom to send which signal at which moment; ``when`` is before or after."""

    point: int
    when: str
    victim: str
    """worker, parent, or both."""
    signal: str = "SIGKILL"

    def __str__(self) -> str:
        return f"{self.point} {self.when} {self.victim} {self.signal}"

    @classmethod
    def parse(cls, text: str) -> Kill:
        point, when, victim, name = text.split()
        return cls(int(point), when, victim, name)


class Points:
    """The moments of one run, as they come; each is a line of the journal."""

    def __init__(self, journal: Path, kill: Kill | None) -> None:
        self._journal = journal
        self._kill = kill

    @contextmanager
    def meet(self, what: str) -> Iterator[None]:
        number = self._note(what)
        self._strike_at(number, "before")
        yield
        self._strike_at(number, "after")

    def _note(self, what: str) -> int:
        with self._locked() as file:
            file.seek(0)
            number = sum(not line.startswith(STRUCK) for line in file) + 1
            file.write(f"{_thread()} {what}\n")
        return number

    @contextmanager
    def _locked(self) -> Iterator[TextIO]:
        """Nobody else can note anything meanwhile, and so begins nothing."""
        with self._journal.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _strike_at(self, number: int, when: str) -> None:
        if self._kill and (self._kill.point, self._kill.when) == (number, when):
            self._strike(self._kill)

    def _strike(self, kill: Kill) -> None:
        """What is noted before the journal says so was begun before the kill; the dead let go of its lock."""
        number = signal.Signals[kill.signal]
        parent = os.getppid()
        if kill.victim == "parent":
            os.kill(parent, number)
            if number == signal.SIGKILL:
                _until_orphaned(parent)
        with self._locked() as file:
            file.write(f"{STRUCK} {kill} by {_thread()}\n")
            file.flush()
            if kill.victim == "both":
                os.kill(parent, number)
            if kill.victim != "parent":
                os.kill(os.getpid(), number)


def _thread() -> str:
    return f"{os.getpid()}/{threading.get_native_id()}"


def _until_orphaned(parent: int) -> None:
    """The signal is on its way when kill() returns; the run goes on when the parent is gone for certain."""
    deadline = time.monotonic() + _PARENT_ENDS_WITHIN
    while os.getppid() == parent and time.monotonic() < deadline:
        time.sleep(0.001)


def install(environment: Mapping[str, str]) -> None:
    """Meet every moment of this process and of those that it forks, if the environment asks for it."""
    if JOURNAL not in environment:
        return
    kill = Kill.parse(environment[KILL]) if environment.get(KILL) else None
    points = Points(Path(environment[JOURNAL]), kill)
    _meet_requests(points)
    _meet_commits(points)
    if "psycopg" in sys.modules:
        _meet_sessions(points, sys.modules["psycopg"])
    else:
        sys.meta_path.insert(0, _OnceImported("psycopg", partial(_meet_sessions, points)))


def _meet_requests(points: Points) -> None:
    """From before anything is sent until its answer is there, though nobody has read it."""
    connection: Any = http.client.HTTPConnection
    really_put, really_get = connection.putrequest, connection.getresponse

    def put(self: Any, method: str, url: str, *rest: Any, **options: Any) -> Any:
        self.chaos_moment = points.meet(f"{method} {self.host}:{self.port}{url.partition('?')[0]}")
        self.chaos_moment.__enter__()
        return really_put(self, method, url, *rest, **options)

    def get(self: Any, *rest: Any, **options: Any) -> Any:
        answer = really_get(self, *rest, **options)
        self.chaos_moment.__exit__(None, None, None)
        return answer

    connection.putrequest, connection.getresponse = put, get


def _meet_commits(points: Points) -> None:
    really_connect: Any = sqlite3.connect

    class Connection(sqlite3.Connection):
        """Tells the commits that change something from those that end a look."""

        seen: tuple[int, Any] = (0, None)

        def commit(self) -> None:
            now = (self.total_changes, self.execute("PRAGMA schema_version").fetchone())
            if now == self.seen:
                super().commit()
                return
            self.seen = now
            with points.meet("commit"):
                super().commit()

    def connect(*arguments: Any, **options: Any) -> Any:
        connection = really_connect(*arguments, **{"factory": Connection, **options})
        if isinstance(connection, Connection):
            connection.seen = (0, connection.execute("PRAGMA schema_version").fetchone())
        return connection

    sqlite3.connect = connect


def _meet_sessions(points: Points, psycopg: Any) -> None:
    """Those that run each statement by itself, as a whole; of the others, the commits that change something."""

    class Connection(psycopg.Connection):
        moment: Any = None

        def close(self) -> None:
            super().close()
            self._end()

        def __exit__(self, *error: Any) -> None:
            super().__exit__(*error)  # which closes no session that the server has ended
            self._end()

        def _end(self) -> None:
            if self.moment:
                self.moment.__exit__(None, None, None)
                self.moment = None

        def commit(self) -> None:
            if not self._has_changed():
                super().commit()
                return
            with points.meet("commit"):
                super().commit()

        def _has_changed(self) -> bool:
            if self.autocommit or self.info.transaction_status != psycopg.pq.TransactionStatus.INTRANS:
                return False
            return bool(super().execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone()[0])

    def connect(*arguments: Any, **options: Any) -> Any:
        if not options.get("autocommit"):
            return Connection.connect(*arguments, **options)
        moment = points.meet(f"SQL {options.get('host')}:{options.get('port')}/{options.get('dbname')}")
        moment.__enter__()
        try:
            connection = Connection.connect(*arguments, **options)
        except psycopg.Error:
            moment.__exit__(None, None, None)
            raise
        connection.moment = moment
        return connection

    psycopg.connect = connect


class _OnceImported(MetaPathFinder):
    """Patches a module when it has been imported; it may never be."""

    def __init__(self, name: str, patch: Callable[[Any], None]) -> None:
        self._name = name
        self._patch = patch

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec and spec.loader:
            really_execute = spec.loader.exec_module

            def execute(module: Any) -> None:
                really_execute(module)
                self._patch(module)

            spec.loader.exec_module = execute  # type: ignore[method-assign]
        return spec
