# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance of a ledger: its audit log is verified and shown, and its keys are changed.

Keys are changed in one transaction, so that a crash leaves either the old ones or the new ones.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from ....module_utils._core.errors import ConfigurationError, ConflictError
from ....module_utils._core.fingerprints import Fingerprints
from ....module_utils._core.outside_text import printable, shown
from ..decide.state import IN_FORCE
from ..secret_map.errors import suggest
from .audit import KEYS_CHANGED, LEDGER, TAGGED_TABLES, AuditLog
from .database import Row, Transaction, reading, tables
from .location import LedgerAccess
from .sealing import new_key
from .writer import Ledger

_SHOWN_PROBLEMS = 50
_FINGERPRINT = re.compile("[0-9a-f]{12}")
_NAMES_OF_FINGERPRINTS = ("fingerprint", IN_FORCE)


class Maintenance:
    """Verifies an opened ledger, and changes its keys; ``say`` prints a line."""

    def __init__(self, access: LedgerAccess, say: Callable[[str], None]) -> None:
        self._access = access
        self._ledger = access.ledger
        self._say = say

    def verify(self, head: str, secret: str) -> Row:
        """Examine the audit log, and print its rows about ``secret``."""
        head = head.strip().lower()
        findings = self._ledger.audit_log.examine(head)
        if secret and findings.bad_row is None:
            self._tell_history(secret)
        self._say(f"audit trail: {findings.rows} rows checked in {self._access.where}")
        self._say(f"audit trail: {findings.head}")
        result = shown({"changed": False, "rows": findings.rows, "head": findings.head, "bad_row": findings.bad_row})
        if not findings.problems:
            self._say(f"the chain is whole{', and the head that was given is in it' if head else ''}")
            return {**result, "failed": False, "problems": []}
        problems = [printable(problem) for problem in findings.problems[:_SHOWN_PROBLEMS]]
        more = [f"and {len(findings.problems) - len(problems)} more"] if len(findings.problems) > len(problems) else []
        msg = "\n".join(["the audit trail does not hold", *problems, *more])
        return {**result, "failed": True, "problems": problems, "msg": msg}

    def _tell_history(self, secret: str) -> None:
        lines = 0
        for line in _history(self._ledger.audit_log.rows(), secret):
            self._say(line)
            lines += 1
        if not lines:
            known = {name for row in self._ledger.audit_log.rows() for name in _secrets_of(row)}
            hint = f"In the trail: {suggest(secret, known)}"
            raise ConfigurationError(f"ledger_secret: the audit trail has no row about {secret}", hint=hint)

    def rekey(self, by: str, reason: str, *, check: bool) -> Row:
        """Bring the ledger under the newest key of ``secret_ledger.key``, unless it is so already."""
        if not needs_rekeying(self._ledger):
            self._refuse_idle_keys()
            self._say(f"{self._access.where}: everything is sealed with the first key of secret_ledger.key")
            return {"changed": False}
        if check:
            self._say(f"{self._access.where}: would be sealed anew with the first key of secret_ledger.key")
            return {"changed": True}
        names = self._ledger.reader.secrets()
        with self._access.hold(*sorted(names)):
            change_keys(self._ledger, secrets.token_hex(4), by, reason, names)
        self._say(f"{self._access.where}: sealed anew; the older keys of secret_ledger.key open nothing any more")
        self._say(f"audit trail: {self._ledger.audit_head()}")
        self._ledger.clear_log()
        return {"changed": True}

    def _refuse_idle_keys(self) -> None:
        """Raise ConfigurationError for a key that has never opened this ledger, in the place of an older one."""
        changes = [row["details"] for row in self._ledger.audit_log.rows() if row["event"] == KEYS_CHANGED]
        replaced = {key for details in changes for key in details.get("replaced", ())}
        if {*self._ledger.keys.sealer.older} - replaced:
            raise ConfigurationError(
                "nothing was sealed anew: the first key of secret_ledger.key is in use, and another one opens nothing",
                hint="Give the new key first, and then the old one",
            )


def needs_rekeying(ledger: Ledger) -> bool:
    """Return whether a ciphertext in the ledger is by an older key than the newest."""
    t, sealer = tables(), ledger.keys.sealer
    with reading(ledger.engine) as tx:
        wrapped = [row["value"] for row in tx.select(t.meta, {}) if row["name"].endswith("_key")]
        fields = (sealed for row in tx.select(t.credentials, {}) for sealed in row["sealed"].values())
        plans = (row["plan"] for row in tx.select(t.runs, {}))
        return any(sealer.renew(sealed) != sealed for sealed in (*wrapped, *fields, *plans))


def change_keys(ledger: Ledger, run: str, by: str, reason: str, locked: Collection[str]) -> None:
    """Seal everything with the newest key, and make new keys for fingerprints and the audit log.

    Raise ConflictError if the ledger has another secret than those whose locks are held, ``locked``.
    """
    t, keys = tables(), ledger.keys
    fingerprint_key, audit_key = new_key(), new_key()
    with ledger.transaction() as tx:
        names = ledger.reader.select_secrets(tx)
        if names - set(locked):
            raise ConflictError("a rotation has begun meanwhile; no key was changed", hint="Run it again")
        ledger.reader.select_states(tx, names)
        unrecorded = Transaction(tx.connection)  # since all rows are bound anew below
        renew, rekeyed = keys.sealer.renew, Fingerprints(b"", [fingerprint_key]).covered
        for table, column, new in (
            (t.credentials, "sealed", lambda fields: {name: renew(sealed) for name, sealed in fields.items()}),
            (t.credentials, "fingerprint", lambda old: old and rekeyed(old)),
            (t.credentials, "baseline", lambda evidence: _replace_fingerprints(evidence, rekeyed)),
            (t.holdings, "evidence", lambda evidence: _replace_fingerprints(evidence, rekeyed)),
            (t.intents, "progress", lambda evidence: _replace_fingerprints(evidence, rekeyed)),
        ):
            _update_all(unrecorded, table, column, new)
        for row in unrecorded.select(t.runs, {}):
            plan = _replace_in_plan(keys.sealer.open_plan(row["id"], row["plan"]), rekeyed)
            sealed = keys.sealer.seal_plan(row["id"], plan)
            unrecorded.update(t.runs, {"id": row["id"]}, {"plan": sealed}, rows=[row])
        unrecorded.flush()
        for name, old_keys, key in (
            ("fingerprint_key", keys.fingerprint_keys, fingerprint_key),
            ("audit_key", keys.audit_keys, audit_key),
        ):
            tx.upsert(t.meta, {"name": name}, {"value": keys.sealer.wrap(name, [*old_keys, key])})
        details = {"by": by, "reason": reason, "replaced": list(keys.sealer.older)}
        ledger.audit_log.append(tx, ledger.event(run, LEDGER, KEYS_CHANGED, details))
        rows = [(table, row) for table in (getattr(t, name) for name in TAGGED_TABLES) for row in tx.select(table, {})]
        new_log = AuditLog(ledger.engine, [*keys.audit_keys, audit_key])
        new_log.rebind(tx, rows, lambda owner: ledger.event(run, owner, "bound anew", {}))


def _update_all(tx: Transaction, table: Any, column: str, new: Callable[[Any], Any]) -> None:
    """Replace a column by ``new`` of it, in all rows."""
    for row in tx.select(table, {}):
        if (value := new(row[column])) != row[column]:
            key = {part.name: row[part.name] for part in table.primary_key.columns}
            tx.update(table, key, {column: value}, rows=[row])


def _replace_fingerprints(evidence: Any, rekeyed: Callable[[str], str]) -> Any:
    """Copy ``evidence`` with every fingerprint in it rekeyed, however deep."""
    if not isinstance(evidence, dict):
        return evidence
    return {
        name: rekeyed(value)
        if name in _NAMES_OF_FINGERPRINTS and isinstance(value, str) and _FINGERPRINT.fullmatch(value)
        else _replace_fingerprints(value, rekeyed)
        for name, value in evidence.items()
    }


def _replace_in_plan(plan: Row, rekeyed: Callable[[str], str]) -> Row:
    """Copy a plan with every fingerprint of its orders rekeyed; what else it has is the map's, and no evidence."""
    return {**plan, "orders": _replace_fingerprints(plan["orders"], rekeyed)} if "orders" in plan else plan


def _history(rows: Iterable[Row], secret: str) -> Iterator[str]:
    """Describe the rows of the audit log about a secret: event, evidence and proof, by whom and why."""
    runs: dict[str, Row] = {}
    for row in rows:
        if row["event"] == "run":
            runs[row["run"]] = row["details"]
        elif secret in _secrets_of(row):
            run = runs.get(row["run"], {})
            reason = f"; reason: {run['reason']}" if run.get("reason") else ""
            details = " ".join(f"{name}={_plain(value)}" for name, value in row["details"].items())
            who = f"run {row['run']} by {run.get('by', 'unknown')}{reason}"
            yield f"{row['id']}  {row['at']}  {row['event']}  {details}  ({who})"


def _secrets_of(row: Row) -> set[str]:
    return {row["secret"], *row["details"].get("secrets", ())} - {LEDGER}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
