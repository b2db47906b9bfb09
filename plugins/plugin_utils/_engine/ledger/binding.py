# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binds the ledger's rows by its key: whoever can write the database, and has no key, changes nothing unnoticed.

Each secret has a digest over all of its rows, the sum of their HMACs modulo 2^256: a change costs two HMACs, however
many rows there are. The digests have a digest of their own, which stands in every row of the audit trail. A stored sum
is masked with the HMAC of a nonce: differences of sums would tell the HMACs of single rows, from which other sums could
be put together. A row of the trail also has a tag of each row that was written with it, by which an examination names
what was altered. What no key can tell is a whole database put back from an older state; the head of the trail does, if
it was noted elsewhere.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ....module_utils._core.errors import ConfigurationError
from .statements import Change, Row, Transaction
from .tables import tables

LEDGER = ""
"""The owner of the rows that belong to no secret."""
OF_A_SECRET = ("credentials", "holdings", "running", "proofs", "intents")
TAGGED = ("meta", "runs", *OF_A_SECRET)
"""Tables whose rows the trail tells of. No digest covers ``runs``: a plan is sealed together with its run's id."""
_MODULUS = 2**256
_NONCE = 32
"""Hexadecimal digits."""
_HOW_TO_GO_ON = (
    "It was edited or damaged, or a part of it put back from an older state; nothing was done. "
    "ansible-playbook rotor.secrets.ledger_verify names the rows; restore the ledger from a backup"
)


class Binding:
    """The digests and tags under one key, and the trail that carries them."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._t = tables()
        self._trusted: dict[str, str] | None = None

    # -- rows ---------------------------------------------------------------------------------------------------

    def tag(self, table: Any, row: Row) -> str:
        """Identify the contents of a row to whoever has the key."""
        return self._mac("tag", _content(table, row)).hex()[:32]

    def sum(self, table: Any, rows: Iterable[Row]) -> int:
        """Add up what rows contribute to the digest of their secret."""
        return sum(int.from_bytes(self._mac("sum", _content(table, row))) for row in rows)

    def link(self, head: str, row: Row) -> str:
        """Chain a row of the trail to the one before it, whose mac is ``head``."""
        kept = {name: value for name, value in row.items() if name != "mac"}
        return self._mac("audit", f"{head} {json.dumps(kept, sort_keys=True)}").hex()

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, tx: Transaction, event: Row) -> dict[str, str]:
        """Append ``event`` to the trail with the digests of all that ``tx`` has changed; return these by secret."""
        return self._append(tx, event, tx.newest(self._t.audit))

    def renew(self, tx: Transaction, rows: Iterable[tuple[Any, Row]], event: Callable[[str], Row]) -> None:
        """Bind all rows under this key, after the row of the trail that is the last one under the key before it."""
        tx.connection.execute(self._t.digests.delete())
        newest: Row | None = {**(tx.newest(self._t.audit) or {}), "digest": self._masked(0)}
        owned: dict[str, list[Change]] = {}
        for table, row in rows:
            owned.setdefault(owner_of(table, row) or LEDGER, []).append(Change(table, None, row))
        for owner, changes in owned.items():
            tx.changes = changes
            self._append(tx, event(owner), newest)
            newest = tx.newest(self._t.audit)

    def _append(self, tx: Transaction, event: Row, newest: Row | None) -> dict[str, str]:
        tags, differences, digests = self._tags(tx.changes), self._differences(tx.changes), {}
        total = self._shown(newest["digest"]) if newest else 0
        for owner, difference in differences.items():
            before = tx.find(self._t.digests, {"secret": owner})
            known = sum(self._shown(row["digest"]) for row in before)
            after = {"secret": owner, "digest": self._masked(known + difference)}
            total += self.sum(self._t.digests, [after]) - self.sum(self._t.digests, before)
            tx.put(self._t.digests, {"secret": owner}, after, before)
            digests[owner] = after["digest"]
        number = newest["id"] + 1 if newest else 1
        row = {**event, "id": number, "rows": tags, "digest": self._masked(total)}
        tx.add(self._t.audit, {**row, "mac": self.link(newest["mac"] if newest else "", row)})
        return digests

    def trust(self, digests: Mapping[str, str]) -> None:
        """Remember digests that this process has committed."""
        if self._trusted is not None:
            self._trusted.update(digests)

    def _differences(self, changes: Iterable[Change]) -> dict[str, int]:
        found: dict[str, int] = {}
        for table, before, after in changes:
            for sign, row in ((-1, before), (1, after)):
                if row is not None and (owner := owner_of(table, row)) is not None:
                    found[owner] = found.get(owner, 0) + sign * self.sum(table, [row])
        return found

    def _tags(self, changes: Iterable[Change]) -> dict[str, str | None]:
        tags: dict[str, str | None] = {}
        for table, before, after in changes:
            if table.name in TAGGED:
                tags[identity(table, after or before or {})] = self.tag(table, after) if after else None
        return tags

    # -- checking -----------------------------------------------------------------------------------------------

    def check(self, tx: Transaction, sums: Mapping[str, int]) -> None:
        """Raise ConfigurationError unless each secret's rows, whose HMACs add up to ``sums``, are what was written."""
        for name, found in sums.items():
            digest = self._digest(tx, name)
            if (found - (self._shown(digest) if digest else 0)) % _MODULUS:
                raise _altered(f"rows of {name} are")

    def _digest(self, tx: Transaction, name: str) -> str | None:
        found = next((row["digest"] for row in tx.find(self._t.digests, {"secret": name})), None)
        if self._trusted is None or self._trusted.get(name) != found:
            self._trusted = self.digests(tx)
        return found

    def check_all(self, tx: Transaction) -> None:
        """Raise ConfigurationError unless the digests are those of the trail, and all rows add up to them."""
        sums = {name: 0 for name in self.digests(tx) if name != LEDGER}
        for table in (getattr(self._t, name) for name in OF_A_SECRET):
            for row in tx.find(table, {}):
                sums[row["secret"]] = sums.get(row["secret"], 0) + self.sum(table, [row])
        self.check(tx, sums)

    def digests(self, tx: Transaction) -> dict[str, str]:
        """Select all digests. ConfigurationError unless they are those of the trail's newest row."""
        rows, newest = tx.find(self._t.digests, {}), tx.newest(self._t.audit)
        total = self._shown(newest["digest"]) if newest else None
        if total is None or (self.sum(self._t.digests, rows) - total) % _MODULUS:
            raise _altered("digests, or the newest row of its audit trail, are")
        own = next((self._shown(row["digest"]) for row in rows if row["secret"] == LEDGER), 0)
        if (self.sum(self._t.meta, tx.find(self._t.meta, {})) - own) % _MODULUS:
            raise _altered("own id and keys are")
        return {row["secret"]: row["digest"] for row in rows}

    # -- masks --------------------------------------------------------------------------------------------------

    def _masked(self, total: int) -> str:
        nonce = secrets.token_hex(_NONCE // 2)
        return f"{nonce}{(total + self._mask(nonce)) % _MODULUS:064x}"

    def _shown(self, digest: str) -> int:
        return int(digest[_NONCE:], 16) - self._mask(digest[:_NONCE])

    def _mask(self, nonce: str) -> int:
        return int.from_bytes(self._mac("mask", nonce))

    def _mac(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 of a text for one purpose, in one call: it is what most of a check's time goes into."""
        return hmac.digest(self._key, f"{purpose} {text}".encode(), "sha256")


def owner_of(table: Any, row: Row) -> str | None:
    """The secret whose digest covers ``row``; LEDGER for the ledger's own; None for a row that no digest covers."""
    if table.name == "meta":
        return LEDGER
    return row["secret"] if table.name in OF_A_SECRET else None


def identity(table: Any, row: Row) -> str:
    """The name of a row in the trail: its table and primary key."""
    return json.dumps([table.name, *(row[column.name] for column in table.primary_key.columns)])


def _altered(what: str) -> ConfigurationError:
    return ConfigurationError(f"the ledger's {what} not as written", hint=_HOW_TO_GO_ON)


def _content(table: Any, row: Row) -> str:
    return json.dumps([table.name, dict(row)], sort_keys=True)
