# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: a chain of rows, each bound to all rows before it by HMAC, and digests that bind the other tables.

Whoever can write the database, and has no key, changes no row unnoticed. Each secret has a digest over all of its rows:
the sum of their HMACs modulo 2^256, so that a change costs two HMACs however many rows there are. The digests have a
digest of their own, which stands in every row of the log. Stored sums are masked with the HMAC of a nonce, since the
difference of two plain sums would give away the HMAC of a single row. A row of the log also has a tag of each row that
was written with it, by which :meth:`AuditLog.examine` names the rows that were altered. A whole database that was put
back from an older state shows only by a head of the log that was noted elsewhere.

The log has keys of its own. A ``KEYS_CHANGED`` row is the last one under its key, and the next row begins with the next
key: so older rows are bound by a key that nobody had while they were written.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError
from .database import SECRET_TABLES, Change, Row, SecretRows, Transaction, reading, tables

LEDGER = ""
"""The owner of the rows that belong to no secret."""
TAGGED_TABLES = ("meta", "runs", *SECRET_TABLES)
"""No digest covers ``runs``: a plan is sealed together with its run's id."""
KEYS_CHANGED = "keys changed"
_Tags = dict[str, tuple[str, str]]
"""Secret and tag of each row that exists by the log as far as it was read, by row id."""
_MODULUS = 2**256
_NONCE_DIGITS = 32
_BATCH = 500
_SORTED = json.JSONEncoder(sort_keys=True)
_MINIMUM_ROWS = 2
"""Of a ledger that was ever used: its first row says that it was made."""
_RESTORE = (
    "It was edited or damaged, or a part of it put back from an older state; nothing was done. "
    "ansible-playbook rotor.secrets.ledger_verify names the rows; restore the ledger from a backup"
)


class RowMac:
    """Computes HMAC-SHA256 of rows with one key of the audit log."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def tag(self, table: Any, row: Row) -> str:
        """Compute the tag by which the log recognizes the contents of a row."""
        return self._mac("tag", _content(table, row)).hex()[:32]

    def sum(self, table: Any, rows: Iterable[Row]) -> int:
        """Add up the HMACs of rows, as their secret's digest does."""
        return sum(int.from_bytes(self._mac("sum", _content(table, row))) for row in rows)

    def link(self, previous_mac: str, row: Row) -> str:
        """Compute the ``mac`` that chains a row of the log to the row before it."""
        content = {name: value for name, value in row.items() if name != "mac"}
        return self._mac("audit", f"{previous_mac} {json.dumps(content, sort_keys=True)}").hex()

    def mask(self, total: int) -> str:
        """Encode a sum as a digest under a new nonce."""
        nonce = secrets.token_hex(_NONCE_DIGITS // 2)
        return f"{nonce}{(total + self._pad(nonce)) % _MODULUS:064x}"

    def unmask(self, digest: str) -> int:
        """Decode the sum of a digest."""
        return int(digest[_NONCE_DIGITS:], 16) - self._pad(digest[:_NONCE_DIGITS])

    def _pad(self, nonce: str) -> int:
        return int.from_bytes(self._mac("mask", nonce))

    def _mac(self, purpose: str, text: str) -> bytes:
        # in one call, since most of a check's time goes into this
        return hmac.digest(self._key, f"{purpose} {text}".encode(), "sha256")


@dataclass
class Findings:
    """The result of an examination; ``problems`` is empty if the ledger is intact."""

    rows: int = 0
    head: str = ""
    bad_row: int | None = None
    problems: list[str] = field(default_factory=list)


class AuditLog:
    """Appends to the chain, and checks the ledger's rows against it."""

    def __init__(self, engine: Any, keys: Sequence[bytes]) -> None:
        """``keys``: all keys that the log has had, the oldest first."""
        self._engine = engine
        self._keys = keys
        self._t = tables()
        self.macs = RowMac(keys[-1])
        self._head = ""
        """The mac of the last row of which what is in memory is known to be true."""
        self._digests: dict[str, str] = {}
        """By secret."""
        self._rows: dict[str, SecretRows] = {}
        """By secret, of those that were asked for."""

    # -- appending ----------------------------------------------------------------------------------------------

    def append(self, tx: Transaction, event: Row, last: Row | None = None) -> None:
        """Append ``event`` with the digests of all that ``tx`` has changed since the event before it, ``last``."""
        tags, differences = self._summarize(tx.changes)
        last = last or tx.last(self._t.audit)
        total = self.macs.unmask(last["digest"]) if last else 0
        for owner, difference in differences.items():
            stored = [{"secret": owner, "digest": self._digests[owner]}] if owner in self._digests else []
            before = sum(self.macs.unmask(row["digest"]) for row in stored)
            after = {"secret": owner, "digest": self.macs.mask(before + difference)}
            total += self.macs.sum(self._t.digests, [after]) - self.macs.sum(self._t.digests, stored)
            tx.upsert(self._t.digests, {"secret": owner}, after, stored)
            self._digests[owner] = after["digest"]
        number = last["id"] + 1 if last else 1
        row = {**event, "id": number, "rows": tags, "digest": self.macs.mask(total)}
        self._head = self.macs.link(last["mac"] if last else "", row)
        tx.insert(self._t.audit, {**row, "mac": self._head})
        tx.changes.clear()

    def rebind(self, tx: Transaction, rows: Iterable[tuple[Any, Row]], event: Callable[[str], Row]) -> None:
        """Bind all rows under the newest key, right after the row ``KEYS_CHANGED``."""
        changes_by_owner: dict[str, list[Change]] = {}
        for table, row in rows:
            changes_by_owner.setdefault(_owner_of(table, row) or LEDGER, []).append(Change(table, None, row))
        tx.flush()
        tx.connection.execute(self._t.digests.delete())
        last: Row | None = {**(tx.last(self._t.audit) or {}), "digest": self.macs.mask(0)}
        for owner, changes in changes_by_owner.items():
            tx.changes = changes
            self.append(tx, event(owner), last)
            last = None

    def _summarize(self, changes: Iterable[Change]) -> tuple[dict[str, str | None], dict[str, int]]:
        """Compute the tags of changed rows, and by how much the digest of each owner changes."""
        tags: dict[str, str | None] = {}
        differences: dict[str, int] = defaultdict(int)
        for table, before, after in changes:
            if table.name in TAGGED_TABLES:
                tags[_row_id(table, after or before or {})] = self.macs.tag(table, after) if after else None
            for sign, row in ((-1, before), (1, after)):
                if row is not None and (owner := _owner_of(table, row)) is not None:
                    differences[owner] += sign * self.macs.sum(table, [row])
        return tags, differences

    # -- checking -----------------------------------------------------------------------------------------------

    def is_behind(self, tx: Transaction) -> bool:
        """Return whether others have appended to the log since this one has read it."""
        last = tx.last(self._t.audit)
        return last is None or last["mac"] != self._head

    def catch_up(self, tx: Transaction) -> None:
        """Read all digests, and drop from memory what others have changed."""
        digests = self._check_digests(tx)
        current = {name for name, digest in digests.items() if self._digests.get(name) == digest}
        self._rows = {name: rows for name, rows in self._rows.items() if name in current}
        self._digests = digests
        self._head = (tx.last(self._t.audit) or {"mac": ""})["mac"]

    def forget(self) -> None:
        """Forget what is in memory: a transaction that had a part in it was not committed."""
        self._head = ""
        self._digests, self._rows = {}, {}

    def secret_rows(self, tx: Transaction, name: str) -> SecretRows:
        """Return the rows of a secret."""
        if name not in self._rows:
            self.select_checked(tx, [name])
        return self._rows[name]

    def select_checked(self, tx: Transaction, names: Collection[str]) -> dict[str, SecretRows]:
        """Return the rows of secrets. Raise ConfigurationError unless those not in memory add up to their digests."""
        loaded = {name: SecretRows() for name in names if name not in self._rows}
        sums = dict.fromkeys(loaded, 0)
        only = {"secret": next(iter(loaded))} if len(loaded) == 1 else {}
        for table in (getattr(self._t, name) for name in SECRET_TABLES if loaded):
            for row in Transaction(tx.connection).select(table, only):
                if (name := row["secret"]) in loaded:
                    loaded[name].put(Change(table, None, row))
                    sums[name] += self.macs.sum(table, [row])
        for name, total in sums.items():
            digest = self._digests.get(name)
            if (total - (self.macs.unmask(digest) if digest else 0)) % _MODULUS:
                raise _altered(f"rows of {name} are")
        self._rows |= loaded
        return {name: self._rows[name] for name in names}

    def _check_digests(self, tx: Transaction) -> dict[str, str]:
        """Select all digests. Raise ConfigurationError unless they add up to the one in the log's last row."""
        rows, last = tx.select(self._t.digests, {}), tx.last(self._t.audit)
        total = self.macs.unmask(last["digest"]) if last else None
        if total is None or (self.macs.sum(self._t.digests, rows) - total) % _MODULUS:
            raise _altered("digests, or the newest row of its audit trail, are")
        own = next((self.macs.unmask(row["digest"]) for row in rows if row["secret"] == LEDGER), 0)
        if (self.macs.sum(self._t.meta, tx.select(self._t.meta, {})) - own) % _MODULUS:
            raise _altered("own id and keys are")
        return {row["secret"]: row["digest"] for row in rows}

    # -- reading and examining ----------------------------------------------------------------------------------

    def head(self) -> str:
        """Read the mac of the last row."""
        with reading(self._engine) as tx:
            last = tx.last(self._t.audit)
        return last["mac"] if last else ""

    def rows(self) -> Generator[Row, None, None]:
        """Read the rows of the log by ascending id, in batches."""
        query = library("sqlalchemy").select(self._t.audit).order_by(self._t.audit.c.id)
        with self._engine.connect() as connection, connection.begin():
            yield from connection.execution_options(yield_per=_BATCH).execute(query).mappings()

    def examine(self, head: str = "") -> Findings:
        """Follow the chain, look for ``head`` in it, and compare the rows of the other tables with its tags."""
        findings = Findings()
        tags: _Tags = {}
        try:
            head_seen = self._follow_chain(findings, tags, head)
        except (ValueError, TypeError):
            findings.problems.append(
                f"the row after the first {findings.rows} cannot be read: it was edited or damaged"
            )
            return findings
        if findings.bad_row is not None:
            return findings
        if findings.rows < _MINIMUM_ROWS:
            findings.problems.append("there is no ledger, or nothing was done with it yet")
        if not head_seen:
            findings.problems.append(
                "the head that was given is not in the chain: rows were cut off its end, the ledger is an older copy, "
                "or the head is another ledger's"
            )
        findings.problems += self._altered_rows(tags)
        return findings

    def _follow_chain(self, findings: Findings, tags: _Tags, head: str) -> bool:
        """Check each row against the one before it, up to the first bad one; return whether ``head`` was passed."""
        all_macs = map(RowMac, self._keys)
        macs, head_seen = next(all_macs, None), not head
        with closing(self.rows()) as rows:
            for row in rows:
                findings.rows += 1
                if macs is None or row["mac"] != macs.link(findings.head, row):
                    findings.bad_row = row["id"]
                    findings.problems.append(_broken_link(row))
                    return head_seen
                findings.head = row["mac"]
                head_seen = head_seen or findings.head == head
                _record_tags(tags, row)
                macs = next(all_macs, None) if row["event"] == KEYS_CHANGED else macs
        return head_seen

    def _altered_rows(self, tags: _Tags) -> list[str]:
        """Describe the rows whose tags differ from the log's."""
        with reading(self._engine) as tx:
            tagged = [getattr(self._t, name) for name in TAGGED_TABLES]
            problems = [line for table in tagged for line in self._compare(tx, table, tags)]
            problems += [f"{_label(secret, row_id)}: is missing" for row_id, (secret, _tag) in tags.items()]
            try:
                self.forget()
                self.catch_up(tx)
                if not problems:
                    self.select_checked(tx, self._digests.keys() - {LEDGER})
            except ConfigurationError as error:
                problems.append(error.message)
        return problems

    def _compare(self, tx: Transaction, table: Any, tags: _Tags) -> Iterator[str]:
        for row in tx.select(table, {}):
            row_id = _row_id(table, row)
            _secret, tag = tags.pop(row_id, ("", None))
            label = _label(row.get("secret", ""), row_id, row)
            if tag is None:
                yield f"{label}: was not written by a rotation"
            elif tag != self.macs.tag(table, row):
                yield f"{label}: was altered, or put back from an older state"


def _record_tags(tags: _Tags, row: Row) -> None:
    """Bring ``tags`` up to date by the next row of the log."""
    if row["event"] == KEYS_CHANGED:
        tags.clear()  # all rows are tagged anew, under the next key
        return
    for row_id, tag in row["rows"].items():
        tags.pop(row_id, None)
        if tag is not None:
            tags[row_id] = (row["secret"], tag)


def _owner_of(table: Any, row: Row) -> str | None:
    """Return the secret whose digest covers ``row``; LEDGER for the ledger's own; None for a row without a digest."""
    return LEDGER if table.name == "meta" else row["secret"] if table.name in SECRET_TABLES else None


def _row_id(table: Any, row: Row) -> str:
    """Name a row by its table and primary key."""
    return json.dumps([table.name, *(row[column.name] for column in table.primary_key.columns)])


def _content(table: Any, row: Row) -> str:
    return _SORTED.encode([table.name, dict(row)])


def _altered(subject: str) -> ConfigurationError:
    return ConfigurationError(f"the ledger's {subject} not as written", hint=_RESTORE)


def _label(secret: str, row_id: str, row: Row | None = None) -> str:
    """Describe a row for people."""
    table, *key = json.loads(row_id)
    shown = " ".join(str(part) for part in key if part != secret)
    known = (row[name] for name in ("name", "label", "target") if row and row.get(name) not in (None, "", *key))
    name = next((f" ({value})" for value in known), "")
    return f"{f'{secret}: ' if secret else ''}{table} {shown}{name}"


def _broken_link(row: Row) -> str:
    subject = " ".join(part for part in (row["event"], row["secret"]) if part)
    return (
        f"row {row['id']} ({subject}, {row['at']}) does not follow from the row before it: it was edited or put in, "
        "or a row before it was removed or moved"
    )
