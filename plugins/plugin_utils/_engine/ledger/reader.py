# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the ledger: rows become the plain data that the planner is a function of."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import takewhile
from typing import Any

from ....module_utils._core.clock import Clock
from ....module_utils._core.credential import Credential
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError, ConflictError
from ....module_utils._core.fingerprints import Fingerprints
from ..decide.state import (
    ActionKind,
    CredentialRow,
    CredentialState,
    Intent,
    IntentState,
    Mark,
    Origin,
    Proof,
    SecretState,
)
from . import postgres, sealing
from .binding import LEDGER, TAGGED, Binding
from .statements import Transaction
from .tables import SCHEMA, tables

Row = Mapping[str, Any]
_BAD = (IntentState.FAILED, IntentState.UNKNOWN)
_TIMES = (
    "minted_at",
    "in_force_since",
    "in_force_at",
    "in_force_by_issuer",
    "in_force_by_database",
    "old_ends_at",
    "accepted_at",
    "closed_at",
    "closed_by_issuer",
    "closed_by_database",
    "revoked_at",
)


class Records:
    """A ledger's contents, and the keys that open them. All threads of a run share it."""

    def __init__(self, engine: Any, sealer: sealing.Sealer, clock: Clock, *, readonly: bool = False) -> None:
        self._engine = engine
        self._readonly = readonly
        self._sealer = sealer
        self._clock = clock
        self._sa = library("sqlalchemy")
        self._t = tables()
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        with self._read() as tx:
            there = self._sa.inspect(tx.connection).get_table_names()
            if not there:
                self._create(tx)
            elif "meta" not in there:
                raise ConfigurationError(
                    "the ledger's database has tables of somebody else's and no ledger",
                    hint="Give the ledger a database, or a schema, of its own",
                )
            meta = {row["name"]: row["value"] for row in tx.find(self._t.meta, {})}
            schema = int(meta["schema"])
            if schema != SCHEMA:
                raise _other_version(schema)
            self.id: str = meta["ledger"]
            self._take_keys(meta)
            if not there:
                self._binding.append(tx, self._event("", "", "made", {"ledger": self.id}))

    def _create(self, tx: Transaction) -> None:
        self._t.metadata.create_all(tx.connection, checkfirst=False)
        values = {
            "schema": str(SCHEMA),
            "ledger": secrets.token_hex(4),
            **{name: self._sealer.wrap(name, [sealing.new_key()]) for name in ("fingerprint_key", "audit_key")},
        }
        for name, value in values.items():
            tx.add(self._t.meta, {"name": name, "value": value})

    def _event(self, run: str, secret: str, event: str, details: Row) -> Row:
        return {
            "at": as_text(self._clock.now()),
            "run": run,
            "secret": secret,
            "event": event,
            "details": dict(details),
        }

    @contextmanager
    def _read(self) -> Iterator[Transaction]:
        """Begin a transaction; what cannot be understood in it is damage, and nothing may be decided from it."""
        try:
            with self._engine.begin() as connection:
                yield Transaction(connection)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"the ledger cannot be understood ({type(error).__name__})", hint=sealing.DAMAGED
            ) from None

    def _take_keys(self, meta: Row) -> None:
        self._wrapped_key = meta["fingerprint_key"]
        self._fingerprint_keys = self._sealer.unwrap("fingerprint_key", self._wrapped_key)
        self._covering = Fingerprints(self._fingerprint_keys[0], self._fingerprint_keys[1:])
        self.fingerprints = self._covering.narrowed("values in stores")
        self._audit_keys = self._sealer.unwrap("audit_key", meta["audit_key"])
        self._binding = Binding(self._audit_keys[-1])

    def close(self) -> None:
        self._engine.dispose()

    def state(self, secret: str) -> SecretState:
        return self.states([secret])[secret]

    def states(self, names: Iterable[str]) -> dict[str, SecretState]:
        """Read secrets. ConfigurationError unless their rows are what was written."""
        with self._read() as tx:
            return self._states(tx, names)

    def _states(self, tx: Transaction, names: Iterable[str]) -> dict[str, SecretState]:
        found = {name: _Gathering() for name in names}
        sums = dict.fromkeys(found, 0)
        only = {"secret": next(iter(found))} if len(found) == 1 else {}
        for table, add in (
            (self._t.credentials, _Gathering.add_credential),
            (self._t.holdings, _Gathering.add_holding),
            (self._t.running, _Gathering.add_running),
            (self._t.proofs, _Gathering.add_proof),
            (self._t.intents, _Gathering.add_intent),
        ):
            for row in tx.find(table, only):
                if row["secret"] in found:
                    sums[row["secret"]] += self._binding.sum(table, [row])
                    add(found[row["secret"]], row)
        try:
            self._binding.check(tx, sums)
        except ConfigurationError:
            self._refuse_changed_keys(tx)
            raise
        return {name: gathering.state() for name, gathering in found.items()}

    def run(self, run: str) -> Row:
        """The stored plan of a run."""
        with self._read() as tx:
            row = next(iter(tx.find(self._t.runs, {"id": run})), None)
        if row is None:
            raise ConfigurationError(
                f"the ledger knows no run {run}", hint="Run the playbook from its start; it resumes by itself"
            )
        return {**row, "plan": self._sealer.open_plan(run, row["plan"])}

    def failures(self, run: str) -> dict[str, list[tuple[str, str, str]]]:
        """Secret -> kind, target and error of all that this run has already failed at, oldest first.

        Not checked here: whoever acts on it has read the secret's :meth:`state` in the same action.
        """
        found: dict[str, list[tuple[str, str, str]]] = {}
        with self._read() as tx:
            for row in tx.find(self._t.intents, {"run": run}, _BAD):
                if not row["superseded"]:
                    found.setdefault(row["secret"], []).append((row["kind"], row["target"], row["error"]))
        return found

    def intent(self, intent: int) -> tuple[str, Intent]:
        """The secret's name and the intent."""
        with self._read() as tx:
            row = next(iter(tx.find(self._t.intents, {"id": intent})), None)
            self._states(tx, [row["secret"]] if row else [])
        if row is None:
            raise ConfigurationError(f"the ledger knows no piece of work {intent}")
        return row["secret"], _intent(row)

    def last_progress(self, secret: str, intent: int) -> Row:
        """What the latest attempt at the same thing has recorded; one that succeeded is no attempt any more.

        Not checked here, as in :meth:`failures`.
        """
        with self._read() as tx:
            [this] = tx.find(self._t.intents, {"id": intent})
            same = {"secret": secret, **{name: this[name] for name in ("kind", "target", "credential")}}
            attempts = tx.find(self._t.intents, same)
        since = takewhile(lambda row: row["state"] != IntentState.DONE, reversed(attempts))
        return next((dict(row["progress"]) for row in since if row["progress"]), {})

    def database_time(self) -> datetime | None:
        """Read the clock of the database server; None for a file, which has no clock of its own."""
        with self._read() as tx:
            return postgres.server_time(tx.connection)

    def known_ids(self) -> set[str | None]:
        """Read the provider's ids of all credentials that this ledger has ever known."""
        with self._read() as tx:
            states = self._states(tx, self._secrets(tx))
        return {row.provider_id for state in states.values() for row in state.credentials}

    def _refuse_changed_keys(self, tx: Transaction, *, pinned: bool = False) -> None:
        """ConflictError when the ledger's keys are not those in hand; ``pinned`` keeps others from changing them.

        What is sealed, fingerprinted and bound has to be under the keys that the ledger has now.
        """
        found = tx.cell(self._t.meta.c.value, {"name": "fingerprint_key"}, pinned=pinned)
        if found != self._wrapped_key:
            raise ConflictError("the ledger's keys were changed while this was running", hint="Run it again")

    def _tagged(self) -> list[Any]:
        return [getattr(self._t, name) for name in TAGGED]

    def _secrets(self, tx: Transaction) -> set[str]:
        return {row["secret"] for row in tx.find(self._t.digests, {})} - {LEDGER}

    def unseal(self, row: CredentialRow) -> Credential:
        """The credential with its fields; refused if they are not what was minted."""
        fields = {field: self._sealer.open(row.secret, row.name, field, sealed) for field, sealed in row.sealed.items()}
        if fields and self.fingerprint(row.secret, fields) != row.fingerprint:
            raise ConfigurationError(
                f"the ledger's copy of {row.name} is not what was minted", hint="The ledger was edited or damaged"
            )
        return Credential(row.provider_id, row.name, fields, row.facts)

    def fingerprint(self, secret: str, fields: Mapping[str, Any]) -> str:
        return self._covering.covered(sealing.fingerprint(self._fingerprint_keys[0], secret, fields))


class _Gathering:
    """Collects one secret's rows into a SecretState."""

    def __init__(self) -> None:
        self.credentials: list[CredentialRow] = []
        self.holdings: dict[str, Mark] = {}
        self.running: dict[str, Mark] = {}
        self.proofs: dict[tuple[str, str], Mark] = {}
        self.intents: list[Intent] = []
        self.looks: dict[str, Intent] = {}
        self.distributed: set[int] = set()

    def add_credential(self, row: Row) -> None:
        values = dict(row)
        values |= {name: _time(values[name]) for name in _TIMES}
        values |= {"state": CredentialState(values["state"]), "origin": Origin(values["origin"])}
        values |= {"proof": values["proof"] and Proof(values["proof"])}
        self.credentials.append(CredentialRow(**values))

    def add_holding(self, row: Row) -> None:
        self.holdings[row["copy"]] = _mark(row, row["label"], row["keys"])

    def add_running(self, row: Row) -> None:
        self.running[row["consumer"]] = _mark(row)

    def add_proof(self, row: Row) -> None:
        self.proofs[row["step"], row["check"]] = _mark(row, row["proves"])

    def add_intent(self, row: Row) -> None:
        intent = _intent(row)
        without_effect = intent.state is IntentState.FAILED and not row["superseded"]
        if intent.kind is ActionKind.WRITE and intent.credential is not None and not without_effect:
            self.distributed.add(intent.credential)
        if intent.kind is ActionKind.PROBE and intent.state is IntentState.DONE:
            self.looks[intent.target] = intent
        if intent.unresolved or intent.state is IntentState.WAITING:
            self.intents.append(intent)

    def state(self) -> SecretState:
        return SecretState(
            tuple(self.credentials),
            self.holdings,
            self.running,
            self.proofs,
            tuple(self.intents),
            self.looks,
            frozenset(self.distributed),
        )


def _mark(row: Row, label: str = "", keys: Row | None = None) -> Mark:
    return Mark(row["credential"], row["evidence"], _time(row["at"]), label, keys)


def _intent(row: Row) -> Intent:
    return Intent(
        row["id"],
        row["run"],
        ActionKind(row["kind"]),
        row["target"],
        row["credential"],
        IntentState(row["state"]),
        row["progress"],
        _time(row["at"]),
    )


def _time(text: str | None) -> Any:
    return datetime.fromisoformat(text) if text else None


def as_text(time: datetime) -> str:
    return time.isoformat()


def _other_version(schema: int) -> ConfigurationError:
    if schema < SCHEMA:
        return ConfigurationError(
            f"the ledger has schema {schema}, of rotor.secrets 0.1.0, and is not taken over",
            hint="Name another place as secret_ledger.url, and name each credential in use in rotate_adopt",
        )
    return ConfigurationError(
        f"the ledger has schema {schema}, this version of rotor.secrets knows {SCHEMA}",
        hint="Install the version of the collection that wrote it last",
    )
