# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit trail: a chain of rows, each bound to all before it by HMAC, and what can be told from it.

The chain has keys of its own. The row ``KEYS_CHANGED`` is the last one under its key; the next row begins with the next
one, and so binds the older rows under a key that was not known while they were written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....module_utils._core.errors import ConfigurationError
from . import binding
from .reader import Records
from .statements import Transaction

Row = Mapping[str, Any]
KEYS_CHANGED = "keys changed"
_AT_ONCE = 500
_LEAST_ROWS = 2
"""Of a ledger that anything was done with: the first row says that it was made."""


@dataclass
class Findings:
    """What an examination has found; ``problems`` is empty when all is well."""

    rows: int = 0
    head: str = ""
    bad_row: int | None = None
    problems: list[str] = field(default_factory=list)


class Trail(Records):
    """The part of a ledger that reads and checks its own history."""

    def audit_head(self) -> str:
        """Read the mac of the newest row."""
        with self._read() as tx:
            newest = tx.newest(self._t.audit)
        return newest["mac"] if newest else ""

    def history(self) -> Iterator[Row]:
        """Every row of the trail, oldest first, a few at a time."""
        query = self._sa.select(self._t.audit).order_by(self._t.audit.c.id)
        with self._engine.connect() as connection, connection.begin():
            yield from connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings()

    def examine(self, head: str = "") -> Findings:
        """Follow the chain, look for ``head`` in it, and hold the rows of the other tables against its tags."""
        found, tags, keys = Findings(), _Tags(), map(binding.Binding, self._audit_keys)
        key, seen = next(keys), not head
        history = self.history()
        try:
            for row in history:
                found.rows += 1
                if key is None or row["mac"] != key.link(found.head, row):
                    found.bad_row = row["id"]
                    found.problems.append(_broken(row))
                    return found
                found.head = row["mac"]
                seen = seen or found.head == head
                tags.hear(row)
                key = next(keys, None) if row["event"] == KEYS_CHANGED else key
        except (ValueError, TypeError):
            found.problems.append(f"the row after the first {found.rows} cannot be read: it was edited or damaged")
            return found
        finally:
            history.close()
        if found.rows < _LEAST_ROWS:
            found.problems.append("there is no ledger, or nothing was done with it yet")
        if not seen:
            found.problems.append(
                "the head that was given is not in the chain: rows were cut off its end, the ledger is an older copy, "
                "or the head is another ledger's"
            )
        found.problems += self._differences(tags)
        return found

    def _differences(self, tags: _Tags) -> list[str]:
        """Compare the tables with what the trail tells of their rows; say which differ."""
        with self._read() as tx:
            problems = [line for table in self._tagged() for line in self._compared(tx, table, tags)]
            problems += [f"{_named(*where)}: is missing" for where in tags.left()]
            try:
                (self._binding.digests if problems else self._binding.check_all)(tx)
            except ConfigurationError as error:
                problems.append(error.message)
        return problems

    def _compared(self, tx: Transaction, table: Any, tags: _Tags) -> Iterator[str]:
        for row in tx.find(table, {}):
            tag = tags.take(binding.identity(table, row))
            where = _named(row.get("secret", ""), binding.identity(table, row), row)
            if tag is None:
                yield f"{where}: was not written by a rotation"
            elif tag != self._binding.tag(table, row):
                yield f"{where}: was altered, or put back from an older state"


class _Tags:
    """The rows that there have to be, by what the trail has told so far."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}

    def hear(self, row: Row) -> None:
        if row["event"] == KEYS_CHANGED:
            self._known.clear()  # every row is told anew, under the next key
            return
        for identity, tag in row["rows"].items():
            self._known.pop(identity, None)
            if tag is not None:
                self._known[identity] = (row["secret"], tag)

    def take(self, identity: str) -> str | None:
        _secret, tag = self._known.pop(identity, ("", None))
        return tag

    def left(self) -> list[tuple[str, str]]:
        return [(secret, identity) for identity, (secret, _tag) in self._known.items()]


def _named(secret: str, identity: str, row: Row | None = None) -> str:
    table, *key = json.loads(identity)
    shown = " ".join(str(part) for part in key if part != secret)
    label = next(
        (f" ({row[name]})" for name in ("name", "label", "target") if row and row.get(name) not in (None, "", *key)), ""
    )
    return f"{f'{secret}: ' if secret else ''}{table} {shown}{label}"


def _broken(row: Row) -> str:
    what = " ".join(part for part in (row["event"], row["secret"]) if part)
    return (
        f"row {row['id']} ({what}, {row['at']}) does not follow from the row before it: it was edited or put in, "
        "or a row before it was removed or moved"
    )
