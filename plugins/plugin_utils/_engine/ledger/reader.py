# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the ledger: rows become the plain data of ``decide.state``, of which the planner is a function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from datetime import datetime
from itertools import takewhile

from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import CLEANED, MADE
from ....module_utils._core.errors import ConfigurationError, ConflictError
from ..decide.state import (
    ActionKind,
    CredentialRow,
    CredentialState,
    Freeze,
    Hold,
    Intent,
    IntentState,
    Mark,
    Origin,
    Proof,
    SecretState,
)
from . import postgres
from .audit import LEDGER, AuditLog
from .database import Row, SecretRows, Transaction, parsing, tables
from .sealing import LedgerKeys

_CREDENTIAL_TIMES = [column.name for column in fields(CredentialRow) if "datetime" in str(column.type)]
Begin = Callable[[], AbstractContextManager[Transaction]]
FREEZE = "freeze"
"""The name of the row of ``meta`` that has it: the log binds that table whole."""
_FAILURES = (IntentState.FAILED, IntentState.UNKNOWN)
_ASKED = (IntentState.WAITING, IntentState.DONE)


class LedgerReader:
    """Reads secrets, intents and runs; raises ConfigurationError for rows that are not as they were written."""

    def __init__(self, transaction: Begin, keys: LedgerKeys, audit_log: AuditLog, clock: Clock) -> None:
        self._clock = clock
        self._transaction = transaction
        self._keys = keys
        self._audit_log = audit_log
        self._t = tables()

    def state(self, secret: str) -> SecretState:
        """Read the state of one secret."""
        return self.states([secret])[secret]

    def states(self, names: Iterable[str]) -> dict[str, SecretState]:
        """Read the states of secrets."""
        with self._reading() as tx:
            return self.select_states(tx, names)

    def run(self, run: str) -> Row:
        """Read a run with its plan."""
        with self._reading() as tx:
            row = next(iter(tx.select(self._t.runs, {"id": run})), None)
        if row is None:
            raise ConfigurationError(
                f"the ledger knows no run {run}", hint="Run the playbook from its start; it resumes by itself"
            )
        return {**row, "plan": self._keys.sealer.open_plan(run, row["plan"])}

    def failures(self, run: str) -> dict[str, list[tuple[str, str, str]]]:
        """Read kind, target and error of each failed intent of a run, by secret and oldest first.

        The rows are not checked: whoever acts on them has read the secret's state in the same action.
        """
        failures: dict[str, list[tuple[str, str, str]]] = {}
        with self._reading() as tx:
            for row in tx.select(self._t.intents, {"run": run}, _FAILURES):
                if not row["superseded"]:
                    failures.setdefault(row["secret"], []).append((row["kind"], row["target"], row["error"]))
        return failures

    def intents(self, ids: Iterable[int]) -> list[tuple[str, Intent]]:
        """Read intents, each with the name of its secret.

        The rows are not checked, as in :meth:`failures`.
        """
        with self._reading() as tx:
            rows = [row for one in ids for row in tx.select(self._t.intents, {"id": one})]
        return [(row["secret"], _intent(row)) for row in rows]

    def last_progress(self, secret: str, intent: int) -> Row:
        """Read the progress of the latest earlier attempt at the same effect since it last succeeded."""
        with self._reading() as tx:
            [row] = tx.select(self._t.intents, {"secret": secret, "id": intent})
            effect = {"secret": secret, **{name: row[name] for name in ("kind", "target", "credential")}}
            attempts = tx.select(self._t.intents, effect)
        since_success = takewhile(lambda row: row["state"] != IntentState.DONE, reversed(attempts))
        return next((dict(row["progress"]) for row in since_success if row["progress"]), {})

    def left_behind(self, secret: str, intent: int) -> list[str]:
        """List what earlier attempts at the same check have made, and no attempt has deleted."""
        with self._reading() as tx:
            [row] = tx.select(self._t.intents, {"secret": secret, "id": intent})
            attempts = tx.select(self._t.intents, {"secret": secret, "kind": row["kind"], "target": row["target"]})
        made, cleaned = ([one["progress"].get(name) for one in attempts] for name in (MADE, CLEANED))
        gone = {name for names in cleaned for name in names or ()}
        return [name for name in made if name and name not in gone]

    def database_time(self) -> datetime | None:
        """Read the clock of the database server; None for a file, which has no clock of its own."""
        with self._reading() as tx:
            return postgres.server_time(tx.connection)

    def freeze(self) -> Freeze | None:
        """Read the freeze that holds now; None where there is none, or where its time is over."""
        with self._reading() as tx:
            for row in tx.select(self._t.meta, {"name": FREEZE}):
                found = json.loads(row["value"])
                times = {name: datetime.fromisoformat(found[name]) for name in ("since", "until")}
                freeze = Freeze(**{**found, **times})
                return freeze if self._clock.now() < freeze.until else None
        return None

    def made_at(self) -> datetime:
        """Read when the ledger was made."""
        with self._reading() as tx:
            return datetime.fromisoformat(next(iter(tx.select(self._t.audit, {"id": 1})), {})["at"])

    def secrets(self) -> set[str]:
        """Read the names of all secrets that the ledger has ever recorded."""
        with self._reading() as tx:
            return self.select_secrets(tx)

    def recorded_names(self) -> set[str]:
        """Read by which names the ledger has anything recorded of a copy or a consumer."""
        with self._reading() as tx:
            states = self.select_states(tx, self.select_secrets(tx)).values()
        found = {name for state in states for name in (*state.holdings, *state.running)}
        found |= {intent.target for state in states for intent in state.intents}
        return found | {name for state in states for row in state.credentials for name in row.baseline}

    def known_ids(self) -> set[str | None]:
        """Read the provider's ids of all credentials that the ledger has ever recorded."""
        with self._reading() as tx:
            states = self.select_states(tx, self.select_secrets(tx))
        return {row.provider_id for state in states.values() for row in state.credentials}

    def select_secrets(self, tx: Transaction) -> set[str]:
        """Select the names of all secrets."""
        return {row["secret"] for row in tx.select(self._t.digests, {})} - {LEDGER}

    def select_states(self, tx: Transaction, names: Iterable[str]) -> dict[str, SecretState]:
        """Select and check all rows of secrets."""
        return {name: self._state(rows) for name, rows in self._audit_log.select_checked(tx, tuple(names)).items()}

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        with parsing(), self._transaction() as tx:
            yield tx

    def _state(self, rows: SecretRows) -> SecretState:
        """Build a secret's state from its rows."""
        t = self._t
        intent_rows, holdings = rows.select(t.intents, {}), rows.select(t.holdings, {})
        intents = [rows.parsed(row, _intent) for row in intent_rows]
        ineffective = {row["id"] for row in intent_rows if row["state"] == IntentState.FAILED and not row["superseded"]}
        distributed = (i.credential for i in intents if i.kind is ActionKind.WRITE and i.id not in ineffective)
        done = [i for i in intents if i.state is IntentState.DONE]
        asked = [i for i in intents if i.kind is ActionKind.APPROVE and i.state in _ASKED]
        hold = next((_hold(row) for row in rows.select(t.holds, {})), None)
        failed = [i for i in intents if i.state in _FAILURES and hold and i.run == hold.run]
        return SecretState(
            credentials=tuple(rows.parsed(row, _credential) for row in rows.select(t.credentials, {})),
            holdings={row["copy"]: rows.parsed(row, _mark) for row in holdings},
            running={row["consumer"]: rows.parsed(row, _mark) for row in rows.select(t.running, {})},
            proofs={(row["step"], row["check"]): rows.parsed(row, _mark) for row in rows.select(t.proofs, {})},
            intents=tuple(intent for intent in intents if intent.unresolved or intent.state is IntentState.WAITING),
            probes={i.target: i for i in done if i.kind is ActionKind.PROBE},
            inspections={i.target: i for i in done if i.kind is ActionKind.INSPECT},
            disabled={i.credential: i for i in done if i.kind is ActionKind.DISABLE and i.credential is not None},
            distributed=frozenset(credential for credential in distributed if credential is not None),
            approvals={intent.credential: intent for intent in asked if intent.credential is not None},
            done={(i.kind, i.target): i.id for i in done},
            hold=hold,
            failed=frozenset((i.kind, i.credential) for i in failed),
        )

    def refuse_changed_keys(self, tx: Transaction) -> None:
        """Raise ConflictError if another process has changed the ledger's keys.

        Whatever is sealed, fingerprinted and bound has to be under the keys that the ledger has now.
        """
        [row] = tx.select(self._t.meta, {"name": "fingerprint_key"}) or [{"value": None}]
        if row["value"] != self._keys.wrapped:
            raise ConflictError("the ledger's keys were changed while this was running", hint="Run it again")


def _credential(row: Row) -> CredentialRow:
    times = {name: _time(row[name]) for name in _CREDENTIAL_TIMES}
    states = {"state": CredentialState(row["state"]), "origin": Origin(row["origin"])}
    proof = row["proof"] and Proof(row["proof"])
    return CredentialRow(**{**row, **times, **states, "proof": proof})


def _mark(row: Row) -> Mark:
    label = row.get("label") or row.get("proves") or ""
    return Mark(row["credential"], row["evidence"], datetime.fromisoformat(row["at"]), label, row.get("keys"))


def _intent(row: Row) -> Intent:
    names = ("id", "run", "target", "credential", "progress")
    values = {name: row[name] for name in names}
    return Intent(**values, kind=ActionKind(row["kind"]), state=IntentState(row["state"]), at=_time(row["at"]))


def _hold(row: Row) -> Hold:
    return Hold(datetime.fromisoformat(row["since"]), datetime.fromisoformat(row["at"]), row["run"], row["reason"])


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
