# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's statements: each kind is built and compiled once, and only the values differ from then on.

``key`` says which rows are meant, as column -> value, and ``states`` narrows it to rows in one of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.deps import library

Row = Mapping[str, Any]
States = tuple[str, ...]


def find(tx: Any, table: Any, key: Row, states: States = ()) -> Sequence[Row]:
    """The rows; the oldest first where they are numbered."""
    return tx.execute(_select(table, tuple(key), states), _bound(key)).mappings().all()


def add(tx: Any, table: Any, values: Row) -> Any:
    """Insert a row; its number, where it gets one."""
    return tx.execute(_insert(table), values).inserted_primary_key[0]


def change(tx: Any, table: Any, key: Row, values: Row, states: States = ()) -> int:
    """Set ``values``; how many rows there were."""
    return int(tx.execute(_update(table, tuple(key), states), {**_bound(key), **values}).rowcount)


def drop(tx: Any, table: Any, key: Row) -> int:
    """Delete; how many rows there were."""
    return int(tx.execute(_delete(table, tuple(key)), _bound(key)).rowcount)


def put(tx: Any, table: Any, key: Row, values: Row) -> None:
    """Change the row, or add it."""
    if not change(tx, table, key, values):
        add(tx, table, {**key, **values})


def last(tx: Any, column: Any) -> Any:
    """That column of the newest row; None where there is no row."""
    return tx.execute(_newest(column)).scalar()


def kept(tx: Any, column: Any, key: Row) -> Any:
    """That column of the one row, which nobody else changes as long as this transaction lasts."""
    return tx.execute(_shared(column, tuple(key)), _bound(key)).scalar()


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
def _newest(column: Any) -> Any:
    return library("sqlalchemy").select(column).order_by(column.table.c.id.desc()).limit(1)


@cache
def _shared(column: Any, names: tuple[str, ...]) -> Any:
    query = library("sqlalchemy").select(column).where(*_where(column.table, names, ()))
    return query.with_for_update(read=True)
