# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's tables, and the statements on them. Nothing imports SQLAlchemy at module level."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar

from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError

Row = Mapping[str, Any]
States = tuple[str, ...]
T = TypeVar("T")

SCHEMA = 5
"""The number of this layout. Ledgers of 0.1.0 have 0 to 2."""
SECRET_TABLES = ("credentials", "holdings", "running", "proofs", "intents", "holds")
_PATHS = {"intents": ("kind", "target", "id"), "holds": ("secret",)}
"""Columns by which rows of a secret are found in memory, where these are not its primary key."""
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
            *text("secret", "name", "state", "origin", "made_by"),
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


class SecretRows:
    """Hold the rows of one secret as the database has them, or will have them at the end of a transaction."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Any, Any]] = {}
        self._parsed: dict[int, tuple[Row, Any]] = {}
        """By the identity of a row, which is never changed but replaced."""

    def parsed(self, row: Row, parse: Callable[[Row], T]) -> T:
        """Parse a row of these once, however often it is read."""
        known = self._parsed.get(id(row))
        if known is None or known[0] is not row:
            known = self._parsed[id(row)] = (row, parse(row))
        found: T = known[1]
        return found

    def put(self, change: Change) -> None:
        """Put the row after a change in the place of the row before it."""
        self._parsed.pop(id(change.before), None)
        *path, last = ((change.after or change.before or {})[name] for name in _path(change.table))
        place = self._tables.setdefault(change.table.name, {})
        for part in path:
            place = place.setdefault(part, {})
        if change.after is None:
            del place[last]
        else:
            place[last] = change.after

    def select(self, table: Any, key: Row, states: States = ()) -> list[Row]:
        """Select rows as :meth:`Transaction.select` does."""
        rows = _walk(self._tables.get(table.name, {}), _path(table), key)
        if key:
            rows = [row for row in rows if all(row[name] == value for name, value in key.items())]
        if states:
            rows = [row for row in rows if row["state"] in states]
        return sorted(rows, key=itemgetter("id")) if "id" in table.c else rows


class Transaction:
    """Runs statements on one connection, and collects the rows that they change for the audit log.

    ``key`` selects rows by column and value, ``states`` those in one of these states. The rows of one secret are
    selected in what ``secret_rows`` returns. Changes are sent by :meth:`flush`, and before any other row is selected.
    """

    def __init__(self, connection: Any, secret_rows: Callable[[Transaction, str], SecretRows] | None = None) -> None:
        self.connection = connection
        self.changes: list[Change] = []
        self._secret_rows = secret_rows
        self._unsent: list[Change] = []
        self._last: dict[str, Row | None] = {}

    def select(self, table: Any, key: Row, states: States = ()) -> Sequence[Row]:
        """Select rows by ascending id, if they have one."""
        if self._secret_rows and table.name in SECRET_TABLES and "secret" in key:
            return self._secret_rows(self, key["secret"]).select(table, key, states)
        self.flush()
        statement = _select(table, tuple(key), states)
        rows: Sequence[Row] = self.connection.execute(statement, _parameters(key)).mappings().all()
        return rows

    def last(self, table: Any) -> Row | None:
        """Select the row with the highest id, once."""
        if table.name not in self._last:
            self._last[table.name] = self.connection.execute(_last(table)).mappings().first()
        return self._last[table.name]

    def insert(self, table: Any, values: Row) -> Any:
        """Insert a row, and return the first column of its primary key."""
        row = {**dict.fromkeys(table.c.keys()), **_as_read(values)}
        if "id" in table.c and "id" not in values:
            row["id"] = self.connection.execute(_insert(table), values).inserted_primary_key[0]
            self._record(Change(table, None, row))
        else:
            self._send_later(Change(table, None, row))
            self._last[table.name] = row
        return next(row[column.name] for column in table.primary_key)

    def update(self, table: Any, key: Row, values: Row, states: States = (), rows: Sequence[Row] | None = None) -> int:
        """Update rows, and return their number; ``rows`` spares selecting them again."""
        rows = self.select(table, key, states) if rows is None else rows
        values = _as_read(values)
        for row in rows:
            self._send_later(Change(table, row, {**row, **values}))
        return len(rows)

    def upsert(self, table: Any, key: Row, values: Row, rows: Sequence[Row] | None = None) -> None:
        """Update the row, or insert it if there is none."""
        if not self.update(table, key, values, rows=rows):
            self.insert(table, {**key, **values})

    def delete(self, table: Any, key: Row, rows: Sequence[Row] | None = None) -> int:
        """Delete rows, and return their number."""
        rows = self.select(table, key) if rows is None else rows
        for row in rows:
            self._send_later(Change(table, row, None))
        return len(rows)

    def flush(self) -> None:
        """Send the changes that are left: those of one row at once, and those of one kind in one statement."""
        changes, self._unsent = _net(self._unsent), []
        batches: dict[tuple[Any, ...], list[Row]] = {}  # by statement, and by the columns that it sets
        for table, before, after in changes:
            names = tuple(column.name for column in table.primary_key)
            key = _parameters({name: (after or before or {})[name] for name in names})
            if before is None and after is not None:
                batches.setdefault((_insert(table),), []).append(after)
            elif after is None and before is not None:
                batches.setdefault((_delete(table, names),), []).append(key)
            elif before and after and (values := {name: after[name] for name in after if after[name] != before[name]}):
                batches.setdefault((_update(table, names), *values), []).append({**key, **values})
        for (statement, *_columns), parameters in batches.items():
            self.connection.execute(statement, parameters)

    def _send_later(self, change: Change) -> None:
        self._unsent.append(change)
        self._record(change)

    def _record(self, change: Change) -> None:
        self.changes.append(change)
        if self._secret_rows and change.table.name in SECRET_TABLES:
            self._secret_rows(self, (change.after or change.before or {})["secret"]).put(change)


@contextmanager
def reading(engine: Any) -> Iterator[Transaction]:
    """Begin a transaction; raise ConfigurationError if a row in it cannot be parsed: the ledger is damaged then."""
    with parsing(), engine.begin() as connection:
        tx = Transaction(connection)
        yield tx
        tx.flush()


@contextmanager
def parsing() -> Iterator[None]:
    """Turn what is raised over a row that cannot be parsed into a ConfigurationError."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"the ledger cannot be understood ({type(error).__name__})", hint=DAMAGED) from None


def _path(table: Any) -> tuple[str, ...]:
    """Name the columns by which the rows of one secret are found."""
    return _PATHS.get(table.name) or tuple(column.name for column in table.primary_key if column.name != "secret")


def _walk(place: dict[Any, Any], path: tuple[str, ...], key: Row) -> list[Any]:
    """Return the rows below ``place`` that fit the columns of ``path``."""
    found: list[Any] = [place]
    for name in path:
        if name in key:
            found = [below[key[name]] for below in found if key[name] in below]
        else:
            found = [each for below in found for each in below.values()]
    return found


def _net(changes: Iterable[Change]) -> list[Change]:
    """Take several changes of a row for one."""
    net: dict[Any, Change] = {}
    for table, before, after in changes:
        row = after or before or {}
        name = (table.name, *(row[column.name] for column in table.primary_key))
        net[name] = Change(table, net[name].before if name in net else before, after)
    return list(net.values())


def _as_read(values: Row) -> dict[str, Any]:
    """Return values as they are when they are read back: without tuples, enumerations and the like."""
    read: dict[str, Any] = json.loads(json.dumps(dict(values)))
    return read


def _parameters(key: Row) -> dict[str, Any]:
    return {f"by_{name}": value for name, value in key.items()}


def _where(table: Any, names: tuple[str, ...], states: States) -> list[Any]:
    clauses = [_equals(table.c[name], library("sqlalchemy").bindparam(f"by_{name}")) for name in names]
    return [*clauses, table.c.state.in_(states)] if states else clauses


def _equals(column: Any, value: Any) -> Any:
    return column.is_not_distinct_from(value) if column.nullable else column == value


@cache
def _select(table: Any, names: tuple[str, ...], states: States) -> Any:
    query = library("sqlalchemy").select(table).where(*_where(table, names, states))
    return query.order_by(table.c.id) if "id" in table.c else query


@cache
def _last(table: Any) -> Any:
    return library("sqlalchemy").select(table).order_by(table.c.id.desc()).limit(1)


@cache
def _insert(table: Any) -> Any:
    return table.insert()


@cache
def _update(table: Any, names: tuple[str, ...]) -> Any:
    return table.update().where(*_where(table, names, ()))


@cache
def _delete(table: Any, names: tuple[str, ...]) -> Any:
    return table.delete().where(*_where(table, names, ()))
