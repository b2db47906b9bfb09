# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements on the ledger's tables. Each kind is built and compiled once; from then on only the values differ.

``key`` picks rows as column -> value, and ``states`` narrows them to rows in one of these states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from ....module_utils._core.deps import library

Row = Mapping[str, Any]
States = tuple[str, ...]


class Change(NamedTuple):
    """One row before and after a statement; None where there was, or is, no row."""

    table: Any
    before: Row | None
    after: Row | None


class Transaction:
    """Runs statements in one transaction, and notes each row that they change."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.changes: list[Change] = []

    def find(self, table: Any, key: Row, states: States = ()) -> Sequence[Row]:
        """Select rows, the oldest first where they are numbered."""
        return self.connection.execute(_select(table, tuple(key), states), _bound(key)).mappings().all()

    def add(self, table: Any, values: Row) -> Any:
        """Insert a row, and return the first column of its primary key."""
        number = self.connection.execute(_insert(table), values).inserted_primary_key[0]
        numbered = {"id": number} if "id" in table.c else {}
        self.changes.append(Change(table, None, {**dict.fromkeys(table.c.keys()), **values, **numbered}))
        return number

    def change(self, table: Any, key: Row, values: Row, states: States = (), rows: Sequence[Row] | None = None) -> int:
        """Update rows, and return how many there were; ``rows`` are those, where they have been found already."""
        rows = self.find(table, key, states) if rows is None else rows
        if rows:
            self.connection.execute(_update(table, tuple(key), states), {**_bound(key), **values})
        self.changes += [Change(table, row, {**row, **values}) for row in rows]
        return len(rows)

    def drop(self, table: Any, key: Row) -> int:
        """Delete rows, and return how many there were."""
        rows = self.find(table, key)
        if rows:
            self.connection.execute(_delete(table, tuple(key)), _bound(key))
        self.changes += [Change(table, row, None) for row in rows]
        return len(rows)

    def put(self, table: Any, key: Row, values: Row, rows: Sequence[Row] | None = None) -> None:
        """Update the row, or insert it where there is none."""
        if not self.change(table, key, values, rows=rows):
            self.add(table, {**key, **values})

    def newest(self, table: Any) -> Row | None:
        """Select the last row of a numbered table."""
        return self.connection.execute(_newest(table)).mappings().first()

    def cell(self, column: Any, key: Row, *, pinned: bool = False) -> Any:
        """Select one column of one row; ``pinned`` with a lock that keeps others from changing the row meanwhile."""
        return self.connection.execute(_cell(column, tuple(key), pinned), _bound(key)).scalar()


def _bound(key: Row) -> dict[str, Any]:
    return {f"by_{name}": value for name, value in key.items()}


def _where(table: Any, names: tuple[str, ...], states: States) -> list[Any]:
    same = [_same(table.c[name], library("sqlalchemy").bindparam(f"by_{name}")) for name in names]
    return [*same, table.c.state.in_(states)] if states else same


def _same(column: Any, value: Any) -> Any:
    return column.is_not_distinct_from(value) if column.nullable else column == value


@cache
def _select(table: Any, names: tuple[str, ...], states: States) -> Any:
    query = library("sqlalchemy").select(table).where(*_where(table, names, states))
    return query.order_by(table.c.id) if "id" in table.c else query


@cache
def _insert(table: Any) -> Any:
    return table.insert()


@cache
def _update(table: Any, names: tuple[str, ...], states: States) -> Any:
    return table.update().where(*_where(table, names, states))


@cache
def _delete(table: Any, names: tuple[str, ...]) -> Any:
    return table.delete().where(*_where(table, names, ()))


@cache
def _newest(table: Any) -> Any:
    return library("sqlalchemy").select(table).order_by(table.c.id.desc()).limit(1)


@cache
def _cell(column: Any, names: tuple[str, ...], pinned: bool) -> Any:
    query = library("sqlalchemy").select(column).where(*_where(column.table, names, ()))
    return query.with_for_update(read=True) if pinned else query
