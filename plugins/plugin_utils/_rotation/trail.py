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

from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation import sealing, statements
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.cutover import IN_FORCE
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.records import Records
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import CredentialState

Row = Mapping[str, Any]
KEYS_CHANGED = "keys changed"
_AT_ONCE = 500


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
        """The newest link of the audit chain."""
        with self._engine.begin() as tx:
            return self._head(tx)

    def history(self) -> Iterator[Row]:
        """Every row of the trail, oldest first, a few at a time."""
        query = self._sa.select(self._t.audit).order_by(self._t.audit.c.id)
        with self._engine.connect() as connection, connection.begin():
            yield from connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings()

    def examine(self, head: str = "") -> Findings:
        """Follow the chain, look for ``head`` in it, and hold the other tables against what it tells."""
        found, told, keys = Findings(), _Told(), iter(self._audit_keys)
        key, seen = next(keys), not head
        history = self.history()
        try:
            for row in history:
                found.rows += 1
                if key is None or row["mac"] != self._link(key, found.head, row):
                    found.bad_row = row["id"]
                    found.problems.append(_broken(row))
                    return found
                found.head = row["mac"]
                seen = seen or found.head == head
                told.hear(row)
                key = next(keys, None) if row["event"] == KEYS_CHANGED else key
        except (ValueError, TypeError):
            found.problems.append(f"the row after the first {found.rows} cannot be read: it was edited or damaged")
            return found
        finally:
            history.close()
        if not found.rows:
            found.problems.append("there is no ledger, or its trail is empty: nothing can be told from it")
        if not seen:
            found.problems.append(
                "the head that was given is not in the chain: rows were cut off its end, the ledger is an older copy, "
                "or the head is another ledger's"
            )
        found.problems += self._contradictions(told)
        return found

    def _contradictions(self, told: _Told) -> list[str]:
        """What the tables say and the trail does not, or the other way round."""
        problems = []
        with self._engine.begin() as tx:
            for row in tx.execute(self._sa.select(self._t.credentials)).mappings():
                revoked = row["state"] == CredentialState.REVOKED
                if (row["secret"], row["name"]) not in told.born:
                    problems.append(f"{row['secret']}: no row tells where credential {row['name']} comes from")
                if revoked and row["id"] not in told.ended:
                    problems.append(f"{row['secret']}: {row['name']} is marked as revoked, and no row says so")
                if not revoked and row["id"] in told.ended:
                    problems.append(f"{row['secret']}: {row['name']} was revoked, and is marked as {row['state']}")
            for table, column, events in (
                (self._t.holdings, None, told.written),
                (self._t.running, "consumer", told.reloaded),
                (self._t.proofs, "check", told.verified),
            ):
                for row in tx.execute(self._sa.select(table)).mappings():
                    if (row["secret"], row[column] if column else row["credential"]) not in events:
                        what = row[column] if column else row["label"]
                        problems.append(f"{row['secret']}: what is recorded of {what} is in no row of the trail")
        return problems

    def _link(self, key: bytes, head: str, row: Row) -> str:
        kept = {name: row[name] for name in ("at", "run", "secret", "event", "details")}
        return sealing.mac(key, "audit", head, json.dumps(kept, sort_keys=True))

    def _head(self, tx: Any) -> str:
        return statements.last(tx, self._t.audit.c.mac) or ""


@dataclass
class _Told:
    """What the trail has told so far, as far as other tables repeat it."""

    born: set[tuple[str, str]] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    written: set[tuple[str, int]] = field(default_factory=set)
    reloaded: set[tuple[str, str]] = field(default_factory=set)
    verified: set[tuple[str, str]] = field(default_factory=set)

    def hear(self, row: Row) -> None:
        secret, details = row["secret"], row["details"]
        if "in_force" in details:
            self.verified.add((secret, IN_FORCE[1]))
        match row["event"]:
            case "minted" | "adopted" | "orphan found":
                self.born.add((secret, details["name"]))
            case "revoked" | "retired" | "ended":
                self.ended.add(details["credential"])
            case "written":
                self.written.add((secret, details["credential"]))
            case "reloaded":
                self.reloaded |= {(name, details["consumer"]) for name in details["secrets"]}
            case "verified":
                self.verified.add((secret, details["check"]))


def _broken(row: Row) -> str:
    what = " ".join(part for part in (row["event"], row["secret"]) if part)
    return (
        f"row {row['id']} ({what}, {row['at']}) does not follow from the row before it: it was edited or put in, "
        "or a row before it was removed or moved"
    )
