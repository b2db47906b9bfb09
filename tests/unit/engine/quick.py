# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests of many thousand sessions: one thread, a ledger in memory that is opened once, a map that is read once.

What is left out is tested elsewhere: many threads in test_many, a ledger's opening and what it survives in test_ledger,
the reading of maps in test_secret_map.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine import pools, session
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import location as ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.commits import GroupCommit
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.database import SECRET_TABLES, tables
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.writer import Ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.unit.engine import world
from tests.unit.engine.driver import MEMORY, quick_ledgers


class InOneThread:
    """A pool of threads that does its work at once."""

    def __init__(self, *_threads: Any, **_options: Any) -> None: ...

    def __enter__(self) -> InOneThread:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except BaseException as error:  # noqa: BLE001 - a kill, too, comes out where the result is wanted
            future.set_exception(error)
        return future


@contextmanager
def quick_runs(*, compared: bool = False) -> Iterator[Path]:
    """A folder, and sessions that cost little in it; ``compared``: memory with the database, after each commit."""
    with ExitStack() as stack:
        stack.enter_context(quick_ledgers())
        stack.enter_context(mock.patch.object(pools, "ThreadPoolExecutor", InOneThread))
        stack.enter_context(mock.patch.object(ledger, "_engine", _unsafe(ledger._engine)))
        stack.enter_context(mock.patch.object(ledger, "_refuse_damaged"))
        stack.enter_context(mock.patch.object(ledger, "Ledger", _opened_once(Ledger)))
        if compared:
            stack.enter_context(mock.patch.object(GroupCommit, "_end", _comparing(GroupCommit._end)))
        stack.enter_context(mock.patch.object(session, "parse", _read_once(parse)))
        stack.enter_context(mock.patch.object(world, "time"))
        folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        yield Path(stack.enter_context(folder))


def _unsafe(opened: Callable[..., Any]) -> Callable[..., Any]:
    """Nobody cuts the power here."""

    @lru_cache
    def engine_of(made: Any) -> Any:
        sa.event.listen(made, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))
        return made

    return lambda path, readonly: engine_of(opened(path, readonly))


def _opened_once(make: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    def ledger_of(made: Any, *arguments: Any) -> Any:
        if made not in known:
            known[made] = make(made, *arguments)
        return known[made]

    return ledger_of


def _comparing(end: Callable[..., None]) -> Callable[..., None]:
    """After each commit the rows in memory are those of the database."""
    compared: set[str] = set()

    def compare(commits: Any, group: Any, error: BaseException | None = None) -> None:
        end(commits, group, error)
        log = group.tx._secret_rows.__self__
        if log._head in compared or error:
            return
        compared.add(log._head)
        with closing(commits._engine.raw_connection()) as connection:
            for name, rows in log._rows.items():
                for table in (getattr(tables(), table) for table in SECRET_TABLES):
                    kept = [tuple(row[column.name] for column in table.c) for row in rows.select(table, {})]
                    assert sorted(kept, key=_key(table)) == sorted(_stored(connection, table, name), key=_key(table))

    return compare


def _stored(connection: Any, table: Any, secret: str) -> list[tuple[Any, ...]]:
    """Read rows past SQLAlchemy, which would take a third of these tests' time."""
    read, query = _reader(table)
    rows = connection.driver_connection.execute(query, (secret,))
    return [tuple(one(value) for one, value in zip(read, row, strict=True)) for row in rows]


@lru_cache
def _key(table: Any) -> Callable[[tuple[Any, ...]], Any]:
    """Return what takes the primary key out of a row."""
    return itemgetter(*(at for at, column in enumerate(table.c) if column.primary_key))


@lru_cache
def _reader(table: Any) -> tuple[list[Callable[[Any], Any]], str]:
    """Return by what a value of each column is read, and the query; most of a row was read before."""
    kinds: dict[Any, Callable[[Any], Any]] = {sa.JSON: lru_cache(5_000)(json.loads), sa.Boolean: bool}
    read = [kinds.get(type(column.type), lambda value: value) for column in table.c]
    names = ", ".join(f'"{column.name}"' for column in table.c)
    return read, f"SELECT {names} FROM {table.name} WHERE secret = ?"


def _read_once(parse: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[str, Any] = {}

    def parsed(*raw: Any, hosts: frozenset[str], **more: Any) -> Any:
        text = json.dumps([raw, sorted(hosts), [more[name] for name in sorted(more) if not callable(more[name])]])
        if text not in known:
            known[text] = parse(*raw, hosts=hosts, **more)
        return known[text]

    return parsed
