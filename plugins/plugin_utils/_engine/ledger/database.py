# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's tables, and the statements on them. Nothing imports SQLAlchemy at module level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError

Row = Mapping[str, Any]
States = tuple[str, ...]

SCHEMA = 4
"""The number of this layout. Ledgers of 0.1.0 have 0 to 2."""
DAMAGED = "The ledger was edited or damaged; nothing was written with it"


@cache
def tables() -> SimpleNamespace:
    """Build ``metadata`` and one attribute per table; a change here raises :data:`SCHEMA`.

    Times are RFC 3339 text in UTC.
    """
    sa = library("sqlalchemy")
    metadata = sa.MetaData()

    def columns(kind: Any, *, key: bool = False, null: bool = False) -> Callable[..., list[Any]]:
        return lambda *names: [sa.Column(name, kind, primary_key=key, nullable=null) for name in names]

    def table(name: str, *columns: Any, index: tuple[tuple[str, ...], ...] = ()) -> Any:
        indexes = [sa.Index(f"{name}_by_{'_'.join(names)}", *names) for names in index]
        return sa.Table(name, metadata, *columns, *indexes)

    def number() -> Any:
        return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)

    key, text, optional = columns(sa.Text, key=True), columns(sa.Text), columns(sa.Text, null=True)
    integer, json = columns(sa.Integer), columns(sa.JSON)
    return SimpleNamespace(
        metadata=metadata,
        meta=table("meta", *key("name"), *text("value")),
        runs=table("runs", *key("id"), *text("started_at", "by", "reason", "plan")),
        credentials=table(
            "credentials",
            number(),
            *text("secret", "name", "state", "origin"),
            *optional("provider_id", "fingerprint"),
            *json("sealed", "facts", "baseline"),
            *optional("minted_at", "accepted_at", "accepted_in", "given_up_at", "taken_back_at", "revoked_at", "proof"),
            *optional("in_force_since", "in_force_at", "in_force_by_issuer", "in_force_by_database", "old_ends_at"),
            *optional("closed_at", "closed_by_issuer", "closed_by_database"),
            index=(("secret",),),
        ),
        holdings=table(
            "holdings", *key("secret", "copy"), *text("label", "at"), *json("keys", "evidence"), *integer("credential")
        ),
        running=table("running", *key("secret", "consumer"), *integer("credential"), *json("evidence"), *text("at")),
        proofs=table(
            "proofs", *key("secret", "step", "check"), *integer("credential"), *text("proves", "at"), *json("evidence")
        ),
        intents=table(
            "intents",
            number(),
            *text("run", "secret", "kind", "target", "state", "at"),
            *columns(sa.Integer, null=True)("credential"),
            *json("progress"),
            *optional("error", "ended_at"),
            *columns(sa.Boolean)("superseded"),
            index=(("secret", "kind", "target"), ("run",)),
        ),
        holds=table("holds", *key("secret"), *text("since", "at", "run", "reason")),
        audit=table(
            "audit", number(), *text("at", "run", "secret", "event"), *json("details", "rows"), *text("digest", "mac")
        ),
        digests=table("digests", *key("secret"), *text("digest")),
        holders=table("holders", *key("lock"), *integer("session"), *text("holder", "since")),
    )


class Change(NamedTuple):
    """A row before and after a statement; None where no row was, or is."""

    table: Any
    before: Row | None
    after: Row | None


class Transaction:
    """Runs statements on one connection, and collects the rows that they change for the audit log.

    ``key`` selects rows by column and value, ``states`` those in one of these states. Each kind of statement is
    compiled once; from then on only the values differ.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.changes: list[Change] = []

    def select(self, table: Any, key: Row, states: States = (), *, lock: bool = False) -> Sequence[Row]:
        """Select rows by ascending id, if they have one; ``lock`` selects ``FOR SHARE``."""
        statement = _select(table, tuple(key), states, lock)
        rows: Sequence[Row] = self.connection.execute(statement, _parameters(key)).mappings().all()
        return rows

    def last(self, table: Any) -> Row | None:
        """Select the row with the highest id."""
        row: Row | None = self.connection.execute(_last(table)).mappings().first()
        return row

    def insert(self, table: Any, values: Row) -> Any:
        """Insert a row, and return the first column of its primary key."""
        key = self.connection.execute(_insert(table), values).inserted_primary_key[0]
        generated = {"id": key} if "id" in table.c else {}
        self.changes.append(Change(table, None, {**dict.fromkeys(table.c.keys()), **values, **generated}))
        return key

    def update(self, table: Any, key: Row, values: Row, states: States = (), rows: Sequence[Row] | None = None) -> int:
        """Update rows, and return their number; ``rows`` spares selecting them again."""
        rows = self.select(table, key, states) if rows is None else rows
        if rows:
            self.connection.execute(_update(table, tuple(key), states), {**_parameters(key), **values})
        self.changes += [Change(table, row, {**row, **values}) for row in rows]
        return len(rows)

    def upsert(self, table: Any, key: Row, values: Row, rows: Sequence[Row] | None = None) -> None:
        """Update the row, or insert it if there is none."""
        if not self.update(table, key, values, rows=rows):
            self.insert(table, {**key, **values})

    def delete(self, table: Any, key: Row) -> int:
        """Delete rows, and return their number."""
        rows = self.select(table, key)
        if rows:
            self.connection.execute(_delete(table, tuple(key)), _parameters(key))
        self.changes += [Change(table, row, None) for row in rows]
        return len(rows)


@contextmanager
def reading(engine: Any) -> Iterator[Transaction]:
    """Begin a transaction; raise ConfigurationError if a row in it cannot be parsed: the ledger is damaged then."""
    try:
        with engine.begin() as connection:
            yield Transaction(connection)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"the ledger cannot be understood ({type(error).__name__})", hint=DAMAGED) from None


def _parameters(key: Row) -> dict[str, Any]:
    return {f"by_{name}": value for name, value in key.items()}


def _where(table: Any, names: tuple[str, ...], states: States) -> list[Any]:
    clauses = [_equals(table.c[name], library("sqlalchemy").bindparam(f"by_{name}")) for name in names]
    return [*clauses, table.c.state.in_(states)] if states else clauses


def _equals(column: Any, value: Any) -> Any:
    return column.is_not_distinct_from(value) if column.nullable else column == value


@cache
def _select(table: Any, names: tuple[str, ...], states: States, lock: bool) -> Any:
    query = library("sqlalchemy").select(table).where(*_where(table, names, states))
    query = query.order_by(table.c.id) if "id" in table.c else query
    return query.with_for_update(read=True) if lock else query


@cache
def _last(table: Any) -> Any:
    return library("sqlalchemy").select(table).order_by(table.c.id.desc()).limit(1)


@cache
def _insert(table: Any) -> Any:
    return table.insert()


@cache
def _update(table: Any, names: tuple[str, ...], states: States) -> Any:
    return table.update().where(*_where(table, names, states))


@cache
def _delete(table: Any, names: tuple[str, ...]) -> Any:
    return table.delete().where(*_where(table, names, ()))
