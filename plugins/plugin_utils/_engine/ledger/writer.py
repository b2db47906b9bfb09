# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: intents before effects, outcomes after them, and the rows that follow from both.

Every method that writes is one transaction, and appends to the audit log in that same transaction. Nothing here
decides anything; the planner does.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from typing import Any

from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import CLEANED, MADE
from ....module_utils._core.credential import Credential
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError
from ..decide.state import LAGS, ActionKind, CredentialRow, CredentialState, Freeze, Intent, IntentState, Origin
from ..secret_map.model import key_id
from . import postgres
from .audit import LEDGER, AuditLog
from .commits import GroupCommit
from .database import SCHEMA, Row, Transaction, reading, tables
from .reader import FREEZE, LedgerReader
from .sealing import LedgerKeys, Sealer, new_key

_KEPT_CREDENTIALS = 5
"""How many of a secret's ended credentials stay in the tables."""
_PLACES = "places"
_UNRESOLVED = (IntentState.OPEN, IntentState.UNKNOWN)


class Ledger:
    """Records runs, intents and outcomes. All threads of a run share one instance.

    After a change of keys (:mod:`.maintenance`) it has to be opened again.
    """

    def __init__(self, engine: Any, sealer: Sealer, clock: Clock) -> None:
        """Read the ledger's id and keys, and create its tables if the database is empty."""
        self.engine = engine
        self._clock = clock
        self._t = tables()
        with reading(engine) as tx:
            names = library("sqlalchemy").inspect(tx.connection).get_table_names()
            if not names:
                self._create_tables(tx, sealer)
            elif "meta" not in names:
                raise ConfigurationError(
                    "the ledger's database has tables of somebody else's and no ledger",
                    hint="Give the ledger a database, or a schema, of its own",
                )
            meta = {row["name"]: row["value"] for row in tx.select(self._t.meta, {})}
            if int(meta["schema"]) != SCHEMA:
                raise _other_version(int(meta["schema"]))
            self.id: str = meta["ledger"]
            self.places: dict[str, list[str]] = json.loads(meta.get(_PLACES, "{}"))
            """What names of the map have led to, each of these places in the order in which it was met."""
            self.keys = keys = LedgerKeys(sealer, meta)
            self.audit_log = log = AuditLog(engine, keys.audit_keys)
            self._commits = GroupCommit(engine, self._begin, log.forget)
            self.reader = reader = LedgerReader(self.transaction, keys, log, clock)
            self.is_new = not names
            if self.is_new:
                log.append(tx, self.event("", LEDGER, "made", {"ledger": self.id}))

        # the effects, preflight and report have the ledger alone, and read through it
        self.state, self.states, self.known_ids = reader.state, reader.states, reader.known_ids
        self.recorded_names = reader.recorded_names
        self.intents, self.last_progress, self.failures = reader.intents, reader.last_progress, reader.failures
        self.left_behind = reader.left_behind
        self.run, self.made_at, self.audit_head = reader.run, reader.made_at, self.audit_log.head
        self.database_time, self.freeze = reader.database_time, reader.freeze
        self.unseal, self.fingerprint, self.fingerprints = keys.unseal, keys.fingerprint, keys.fingerprints

    def close(self) -> None:
        """Close all connections to the database."""
        self.engine.dispose()

    def clear_log(self) -> None:
        """Truncate SQLite's write-ahead log, which may have replaced values; PostgreSQL cleans up by itself."""
        if self.engine.dialect.name == "sqlite":
            with closing(self.engine.raw_connection()) as connection:
                connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # -- runs and intents ---------------------------------------------------------------------------------------

    def begin_run(self, run: str, plan: Row, by: str, reason: str) -> None:
        """Record a run with its sealed plan."""
        with self._transaction(run, LEDGER, "run", {"by": by, "reason": reason}) as (tx, now):
            sealed = self.keys.sealer.seal_plan(run, plan)
            tx.insert(self._t.runs, {"id": run, "started_at": now, "by": by, "reason": reason, "plan": sealed})

    def placed(self, run: str, places: Mapping[str, Sequence[str]]) -> None:
        """Record what more names of the map lead to."""
        with self._transaction(run, LEDGER, "placed", {"places": dict(places)}) as (tx, _now):
            rows = tx.select(self._t.meta, {"name": _PLACES})
            known = json.loads(rows[0]["value"]) if rows else {}
            tx.upsert(self._t.meta, {"name": _PLACES}, {"value": json.dumps({**known, **places})}, rows)

    def intend(
        self,
        run: str,
        secret: str,
        kind: str,
        target: str,
        credential: int | None = None,
        *,
        waiting: bool = False,
        progress: Row | None = None,
    ) -> int:
        """Commit that an effect is about to be made, and return the intent's id.

        A waiting intent is reused. An earlier attempt of unknown outcome stays unresolved beside this one, until one
        of them succeeds: if this one certainly fails, the other may still have had its effect.
        """
        effect = {"secret": secret, "kind": kind, "target": target}
        state = IntentState.WAITING if waiting else IntentState.OPEN
        attempt = {"run": run, "credential": credential, "state": state, "progress": dict(progress or {})}
        with self._transaction(run, secret, f"intend {kind}", {"target": target}) as (tx, now):
            attempt["at"] = now
            for row in tx.select(self._t.intents, effect, (IntentState.WAITING,)):
                tx.update(self._t.intents, {}, attempt, rows=[row])
                return int(row["id"])
            return int(tx.insert(self._t.intents, {**effect, **attempt, "superseded": False}))

    def progress(self, run: str, secret: str, intent: int, progress: Row) -> None:
        """Record the state of an effect that takes several requests, for an attempt after an interruption."""
        with self._transaction(run, secret, "progress", {"intent": intent}) as (tx, _now):
            tx.update(self._t.intents, {"secret": secret, "id": intent}, {"progress": dict(progress)})

    def fail(self, run: str, secret: str, intent: int, error: str, state: IntentState = IntentState.FAILED) -> None:
        """Record that an attempt certainly had no effect, or that its outcome is unknown."""
        with self._transaction(run, secret, str(state), {"intent": intent, "error": error}) as (tx, now):
            ended = {"state": state, "ended_at": now, "error": error}
            tx.update(self._t.intents, {"secret": secret, "id": intent}, ended)

    def superseded(self, run: str, secret: str, lost: Intent, sought_until: datetime | None = None) -> None:
        """Settle a mint of unknown outcome whose credential does not exist at its provider, or not yet.

        ``sought_until``: as long as that, it is looked for again.
        """
        details = {"intent": lost.id, **({"sought_until": _text(sought_until)} if sought_until else {})}
        with self._transaction(run, secret, "superseded", details) as (tx, now):
            self._supersede(tx, {"secret": secret, "id": lost.id}, now)
            if sought_until:
                progress = {**lost.progress, "sought_until": _text(sought_until)}
                look = {"secret": secret, "kind": ActionKind.RECOVER, "target": lost.target, "credential": None}
                attempt = {"run": run, "state": IntentState.OPEN, "progress": progress, "at": _text(lost.at) or now}
                tx.insert(self._t.intents, {**look, **attempt, "superseded": False})

    # -- outcomes -----------------------------------------------------------------------------------------------

    def minted(
        self,
        run: str,
        secret: str,
        intent: int,
        new: Credential,
        baseline: Row,
        *,
        made_by: str = "",
        in_force: Row | None = None,
    ) -> None:
        """Record a new credential with its sealed fields.

        ``in_force``: since when its provider accepts it, if that ends the old one (:func:`.cutover.in_force`).
        """
        fingerprint, sealed = self.fingerprint(secret, new.fields), self.keys.seal(secret, new)
        details = {"name": new.name, "id": new.id, "fingerprint": fingerprint, **(in_force or {})}
        with self._transaction(run, secret, "minted", details) as (tx, now):
            state, origin = CredentialState.PENDING, Origin.MINTED
            known_as, facts = (0, secret, new.name, new.id), (fingerprint, sealed, new.facts, baseline)
            row = CredentialRow(*known_as, state, origin, *facts, made_by=made_by)
            self._drop_ended(tx, secret, run)
            row_id = self._insert_credential(tx, row, now)
            if in_force is not None:
                self._set_in_force(tx, secret, row_id, in_force, now)
            self._complete(tx, intent, secret, "mint", new.name, now)

    def activated(self, run: str, secret: str, intent: int, row: CredentialRow, in_force: Row) -> None:
        """Record that a value of ours is valid at its provider."""
        with self._transaction(run, secret, "activated", {"credential": row.id, **in_force}) as (tx, now):
            self._set_in_force(tx, secret, row.id, in_force, now)
            self._complete(tx, intent, secret, "activate", row.name, now)

    def accepted(self, run: str, secret: str, intent: int, row: CredentialRow) -> None:
        """Record that a provider has accepted a credential when asked."""
        with self._transaction(run, secret, "accepted", {"credential": row.id}) as (tx, now):
            self._update_credential(tx, secret, row.id, accepted_at=now, accepted_in=run)
            self._complete(tx, intent, secret, "accept", row.name, now)

    def adopted(self, run: str, row: CredentialRow, holdings: Mapping[str, Row] | None = None) -> None:
        """Record a credential that a person has named, and whose value is not known here; once, whoever names it.

        ``holdings``: what was seen of the copies that hold it, by copy id.
        """
        known = {"secret": row.secret, "provider_id": row.provider_id}
        with self._transaction(run, row.secret, "adopted", {"name": row.name, "id": row.provider_id}) as (tx, now):
            if row.provider_id and tx.select(self._t.credentials, known):
                return
            adopted = self._insert_credential(tx, row, _text(row.minted_at))
            for copy, seen in (holdings or {}).items():
                key, mark = {"secret": row.secret, "copy": copy}, {**seen, "credential": adopted, "at": now}
                tx.upsert(self._t.holdings, key, mark)

    def orphaned(self, run: str, secret: str, lost: Intent, provider_ids: Sequence[str | None]) -> None:
        """Record credentials of a mint whose answer was lost: they exist at the provider, and nobody has their value.

        An id of None stands for a credential that may exist, where nobody can tell.
        """
        with self._transaction(run, secret, "orphan found", {"name": lost.target, "ids": provider_ids}) as (tx, now):
            state, origin = CredentialState.ABANDONED, Origin.ORPHAN
            for provider_id in provider_ids:
                known_as, made_by = (0, secret, lost.target, provider_id), lost.made_by
                row = CredentialRow(*known_as, state, origin, None, {}, {}, lost.baseline, made_by=made_by)
                self._insert_credential(tx, row, _text(lost.at) or now)
            self._supersede(tx, {"secret": secret, "id": lost.id}, now)

    def looked(self, run: str, secret: str, intent: int, copy: str, evidence: Row) -> None:
        """Record the evidence of a copy on a host that can be reached, and is as the ledger has it."""
        with self._transaction(run, secret, "looked at", {"copy": copy}) as (tx, now):
            tx.update(self._t.intents, {"secret": secret, "id": intent}, {"progress": dict(evidence)})
            self._complete(tx, intent, secret, "probe", copy, now)

    def inspected(self, run: str, secret: str, intent: int, consumer: str) -> None:
        """Record that the command of a consumer is there, on its host."""
        with self._transaction(run, secret, "inspected", {"consumer": consumer}) as (tx, now):
            self._complete(tx, intent, secret, "inspect", consumer, now)

    def written(
        self,
        run: str,
        secret: str,
        intent: int,
        *,
        copy: str,
        label: str,
        keys: Row,
        credential: int,
        evidence: Row,
        unproven: Row,
    ) -> None:
        """Record that a copy holds a credential.

        ``unproven``: the step and the consumers whose earlier proofs this write invalidates.
        """
        t = self._t
        details = {"copy": label, "evidence": dict(evidence), "credential": credential}
        with self._transaction(run, secret, "written", details) as (tx, now):
            holding = {"label": label, "keys": dict(keys), "credential": credential, "evidence": dict(evidence)}
            self._keep_unmapped_keys(tx, secret, copy, keys, now)
            tx.upsert(t.holdings, {"secret": secret, "copy": copy}, {**holding, "at": now})
            for row in tx.select(t.intents, {"secret": secret, "kind": "verify"}):
                left = {name: row["progress"][name] for name in (MADE, CLEANED) if name in row["progress"]}
                tx.update(t.intents, {}, {"progress": left}, rows=[row] if row["progress"] != left else [])
            tx.delete(t.proofs, {"secret": secret, "step": unproven["step"]})
            for consumer in unproven["consumers"]:
                tx.delete(t.running, {"secret": secret, "consumer": consumer, "credential": credential})
            self._complete(tx, intent, secret, "write", copy, now)

    def disabled(self, run: str, secret: str, intent: int, row: CredentialRow) -> None:
        """Record that nothing speaks against the end of a credential, which its provider takes no more if it can."""
        with self._transaction(run, secret, "disabled", {"credential": row.id}) as (tx, now):
            self._complete(tx, intent, secret, "disable", row.name, now)

    def narrowed(
        self, run: str, secret: str, intent: int, *, copy: str, credential: int, evidence: Row, readers: Iterable[str]
    ) -> None:
        """Record that a copy lets a credential in no more, once the consumers ``readers`` have read it anew."""
        t, seen = self._t, dict(evidence)
        with self._transaction(run, secret, "narrowed", {"copy": copy, "credential": credential}) as (tx, now):
            tx.update(t.holdings, {"secret": secret, "copy": copy}, {"evidence": seen, "at": now})
            for row in tx.select(t.credentials, {"secret": secret, "id": credential}):
                tx.delete(t.holdings, {"secret": secret, "copy": key_id(copy, row["provider_id"])})
            look = {"secret": secret, "kind": "probe", "target": copy, "run": run}
            tx.update(t.intents, look, {"progress": seen}, (IntentState.DONE,))
            for consumer in readers:
                for row in tx.select(t.running, {"secret": secret, "consumer": consumer}):
                    lagging = {"evidence": {**row["evidence"], LAGS: True}}
                    tx.update(t.running, {"secret": secret, "consumer": consumer}, lagging)
            self._complete(tx, intent, secret, "narrow", copy, now)

    def reloaded(
        self, run: str, intents: Mapping[str, int], *, consumer: str, credentials: Mapping[str, int], evidence: Row
    ) -> None:
        """Record that a consumer runs on the credentials of several secrets, each of which has an intent."""
        details = {"consumer": consumer, "evidence": dict(evidence), "secrets": sorted(credentials)}
        with self._transaction(run, min(credentials), "reloaded", details) as (tx, now):
            for secret, credential in credentials.items():
                running = {"credential": credential, "evidence": dict(evidence), "at": now}
                tx.upsert(self._t.running, {"secret": secret, "consumer": consumer}, running)
                self._complete(tx, intents[secret], secret, "reload", consumer, now)

    def verified(
        self, run: str, secret: str, intent: int, *, step: str, check: str, credential: int, proves: str, evidence: Row
    ) -> None:
        """Record that a check of a step has proven a credential."""
        details = {"step": step, "check": check, "proves": proves, "evidence": dict(evidence)}
        with self._transaction(run, secret, "verified", details) as (tx, now):
            proof = {"credential": credential, "proves": proves, "evidence": dict(evidence), "at": now}
            tx.upsert(self._t.proofs, {"secret": secret, "step": step, "check": check}, proof)
            self._complete(tx, intent, secret, "verify", check, now)

    def closed(self, run: str, secret: str, credential: int, by_issuer: datetime | None = None) -> None:
        """Make a credential that is proven everywhere the current one; the current one before it becomes previous.

        ``by_issuer``: the issuer's time, if a grace will be measured by it.
        """
        with self._transaction(run, secret, "proven everywhere", {"credential": credential}) as (tx, now):
            replaced = {
                CredentialState.CURRENT: CredentialState.PREVIOUS,
                CredentialState.PENDING: CredentialState.ABANDONED,
            }
            for state, after in replaced.items():
                tx.update(self._t.credentials, {"secret": secret, "state": state}, {"state": after})
            times = {"closed_by_issuer": by_issuer, "closed_by_database": postgres.server_time(tx.connection)}
            other_clocks = {name: _text(time) for name, time in times.items()}
            self._update_credential(
                tx, secret, credential, state=CredentialState.CURRENT, closed_at=now, **other_clocks
            )
            self._supersede(tx, {"secret": secret, "kind": "promote"}, now)

    def abandoned(self, run: str, secret: str, credential: int) -> None:
        """Abandon a credential that a rollback has taken out of every copy."""
        with self._transaction(run, secret, "abandoned", {"credential": credential}) as (tx, now):
            self._update_credential(tx, secret, credential, state=CredentialState.ABANDONED, taken_back_at=now)

    def asked(self, run: str, secret: str, row: CredentialRow, about: Row) -> None:
        """Record the question whether a credential may be ended, in the place of earlier ones.

        ``about``: what has taken its place, and in which job that was rolled out.
        """
        question = {"secret": secret, "kind": ActionKind.APPROVE, "credential": row.id}
        with self._transaction(run, secret, "asked for a yes", {"credential": row.id}) as (tx, now):
            self._supersede(tx, question, now, IntentState.WAITING, IntentState.DONE)
            attempt = {"run": run, "target": row.name, "state": IntentState.WAITING, "progress": dict(about), "at": now}
            tx.insert(self._t.intents, {**question, **attempt, "superseded": False})

    def approved(self, run: str, secret: str, questions: Iterable[Intent], by: str, reason: str) -> None:
        """Record a person's yes to these questions of one run."""
        questions = list(questions)
        details = {"by": by, "reason": reason, "credentials": [one.credential for one in questions]}
        with self._transaction(run, secret, "approved", details) as (tx, now):
            for one in questions:
                said = {**one.progress, "by": by, "given_at": now}
                answer = {"state": IntentState.DONE, "ended_at": now, "progress": said}
                tx.update(self._t.intents, {"secret": secret, "id": one.id}, answer, (IntentState.WAITING,))

    def withdrawn(self, run: str, secret: str, why: str) -> None:
        """Record that a yes no longer holds, where one was given."""
        given = {"secret": secret, "kind": ActionKind.APPROVE}
        with self._transaction(run, secret, "yes withdrawn", {"why": why}) as (tx, _now):
            ended = {"state": IntentState.FAILED, "superseded": True, "error": why}
            tx.update(self._t.intents, given, ended, (IntentState.DONE,))

    def given_up(self, run: str, secret: str, row: CredentialRow, why: str) -> None:
        """Record that a credential has ended before its time; a new one is abandoned, and stays until it is ended."""
        states = {CredentialState.PENDING: CredentialState.ABANDONED}
        with self._transaction(run, secret, "given up", {"credential": row.id, "why": why}) as (tx, now):
            self._update_credential(tx, secret, row.id, state=states.get(row.state, row.state), given_up_at=now)

    def revoked(self, run: str, secret: str, intent: int, row: CredentialRow, proof: str) -> None:
        """Record a revocation with the grade of its proof."""
        with self._transaction(run, secret, "revoked", {"credential": row.id, "proof": proof}) as (tx, now):
            self._set_revoked(tx, secret, row.id, proof, now)
            self._complete(tx, intent, secret, "revoke", row.name, now)

    def ended(self, run: str, secret: str, intent: int, row: CredentialRow, proof: str, at: datetime) -> None:
        """Record that a provider has ended a credential by itself, after its replacement was minted."""
        with self._transaction(run, secret, "ended", {"credential": row.id, "proof": proof}) as (tx, now):
            self._set_revoked(tx, secret, row.id, proof, at.isoformat())
            self._complete(tx, intent, secret, "confirm_expiry", row.name, now)

    def retired(self, run: str, secret: str, credential: int, proof: str) -> None:
        """Record the end of a credential that needs no revocation: no issuer knows it, and no copy holds it."""
        with self._transaction(run, secret, "retired", {"credential": credential, "proof": proof}) as (tx, now):
            self._set_revoked(tx, secret, credential, proof, now)

    def value_dropped(self, run: str, secret: str, credential: int) -> None:
        """Delete the sealed fields of a credential."""
        with self._transaction(run, secret, "value dropped", {"credential": credential}) as (tx, _now):
            self._update_credential(tx, secret, credential, sealed={})

    def forgotten(self, run: str, secret: str, target: str, mapped: Mapping[str, Row]) -> bool:
        """Forget a copy, a consumer or a lost mint with its unresolved intents; return whether any row was found.

        ``mapped``: the keys of every copy in the map, by copy id. What other keys of such a copy hold is kept.
        """
        t = self._t
        with self._transaction(run, secret, "forgotten", {"what": target}) as (tx, now):
            attested = {"state": CredentialState.REVOKED, "revoked_at": now, "proof": "attested"}
            lost_mint = {"secret": secret, "name": target, "origin": Origin.ORPHAN, "provider_id": None}
            count = tx.update(t.credentials, lost_mint, attested)
            for row in tx.select(t.credentials, {"secret": secret, "origin": Origin.ADOPTED}):
                baseline = _without(row["baseline"], *_forgotten_names(row["baseline"], target, mapped))
                count += len(row["baseline"]) - len(baseline)
                self._update_credential(tx, secret, row["id"], baseline=baseline)
            count += tx.delete(t.running, {"secret": secret, "consumer": target})
            if target in mapped:
                self._keep_unmapped_keys(tx, secret, target, mapped[target], now)
            count += tx.delete(t.holdings, {"secret": secret, "copy": target})
            count += self._supersede(tx, {"secret": secret, "target": target}, now)
        return count > 0

    def held(self, run: str, secret: str, reason: str) -> None:
        """Record why a secret could not go on; ``since`` stays that of the first of several holds in a row."""
        with self._transaction(run, secret, "held", {"reason": reason}) as (tx, now):
            before = tx.select(self._t.holds, {"secret": secret})
            since = before[0]["since"] if before else now
            hold = {"since": since, "at": now, "run": run, "reason": reason}
            tx.upsert(self._t.holds, {"secret": secret}, hold, before)

    def frozen(self, run: str, freeze: Freeze) -> None:
        """Record that nothing is rotated or revoked for a time, in the place of what was recorded before."""
        details = {"by": freeze.by, "reason": freeze.reason, "until": freeze.until.isoformat()}
        with self._transaction(run, LEDGER, "frozen", details) as (tx, _now):
            text = json.dumps({**details, "since": freeze.since.isoformat()})
            tx.upsert(self._t.meta, {"name": FREEZE}, {"value": text})

    def thawed(self, run: str, by: str, reason: str) -> None:
        """Record that a freeze has ended before its time."""
        with self._transaction(run, LEDGER, "thawed", {"by": by, "reason": reason}) as (tx, _now):
            tx.delete(self._t.meta, {"name": FREEZE})

    def dropping(self, run: str, secret: str, identity: str) -> None:
        """Record that an identity which has left the map is about to be dropped."""
        with self._transaction(run, secret, "intend drop", {"id": identity}):
            pass

    def dropped(self, run: str, secret: str, identity: str) -> None:
        """Record that it was dropped."""
        with self._transaction(run, secret, "dropped", {"id": identity}):
            pass

    def released(self, run: str, secret: str) -> None:
        """Record that nothing holds up a secret any more."""
        with self._transaction(run, secret, "released", {}) as (tx, _now):
            tx.delete(self._t.holds, {"secret": secret})

    # -- inside -------------------------------------------------------------------------------------------------

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction, or join that of a thread that has yet to commit; return after the commit."""
        return self._commits.transaction()

    def _begin(self, connection: Any) -> Transaction:
        tx = Transaction(connection, self.audit_log.secret_rows)
        if self.audit_log.is_behind(tx):
            self.reader.refuse_changed_keys(tx)
            self.audit_log.catch_up(tx)
        return tx

    def event(self, run: str, secret: str, event: str, details: Row) -> Row:
        """Build a row of the audit log, with the time now."""
        now = self._clock.now().isoformat()
        return {"at": now, "run": run, "secret": secret, "event": event, "details": dict(details)}

    @contextmanager
    def _transaction(self, run: str, secret: str, event: str, details: Row) -> Iterator[tuple[Transaction, str]]:
        """Begin a transaction, and append its event to the audit log before the commit."""
        row = self.event(run, secret, event, details)
        with self.transaction() as tx:
            yield tx, row["at"]
            self.audit_log.append(tx, row)

    def _create_tables(self, tx: Transaction, sealer: Sealer) -> None:
        self._t.metadata.create_all(tx.connection, checkfirst=False)
        keys = {name: sealer.wrap(name, [new_key()]) for name in ("fingerprint_key", "audit_key")}
        for name, value in {"schema": str(SCHEMA), "ledger": secrets.token_hex(4), **keys}.items():
            tx.insert(self._t.meta, {"name": name, "value": value})

    def _complete(self, tx: Transaction, intent: int, secret: str, kind: str, target: str, now: str) -> None:
        """End an intent as done, and settle earlier attempts at the same effect: their outcome no longer matters."""
        effect = {"secret": secret, "kind": kind, "target": target}
        self._supersede(tx, effect, now, IntentState.WAITING)
        done = {"state": IntentState.DONE, "ended_at": now, "error": None}
        tx.update(self._t.intents, {**effect, "id": intent}, done)

    def _supersede(self, tx: Transaction, key: Row, now: str, *states: IntentState) -> int:
        settled = {"state": IntentState.FAILED, "ended_at": now, "superseded": True}
        return tx.update(self._t.intents, key, settled, (*_UNRESOLVED, *states))

    def _drop_ended(self, tx: Transaction, secret: str, run: str) -> None:
        """Delete what only earlier runs were decided from, so that a secret's rows do not grow with its age.

        The audit log has it all.
        """
        t, secret_key = self._t, {"secret": secret}
        rows = tx.select(t.credentials, secret_key)
        ended = {row["id"]: row for row in rows if row["state"] == CredentialState.REVOKED}
        alive = {row["id"] for row in rows} - ended.keys()
        marks = [
            row["credential"] for table in (t.holdings, t.running, t.proofs) for row in tx.select(table, secret_key)
        ]
        intents = tx.select(t.intents, secret_key, (IntentState.DONE, IntentState.FAILED))
        tx.delete(t.intents, {}, rows=[r for r in intents if r["run"] != run and r["credential"] not in alive])
        dropped = [number for number in list(ended)[:-_KEPT_CREDENTIALS] if number not in marks]
        tx.delete(t.credentials, {}, rows=[ended[number] for number in dropped])

    def _keep_unmapped_keys(self, tx: Transaction, secret: str, copy: str, keys: Row, now: str) -> None:
        """Record keys of a copy that have left the map as copies of their own: they still hold what was written."""
        t, holding = self._t, {"secret": secret, "copy": copy}
        for row in tx.select(t.holdings, holding):
            ids = {one["id"]: one["provider_id"] for one in tx.select(t.credentials, {"secret": secret})}
            for key in sorted(row["keys"].keys() - keys.keys()):
                values = {**row, "label": f"{row['label']}: {key}", "keys": {key: row["keys"][key]}}
                if ids.get(row["credential"]) in row["keys"]:  # it lets credentials in: each key is an identity
                    if key not in row["evidence"]["keys"]:
                        continue
                    values["credential"] = max((one for one in ids if ids[one] == key), default=row["credential"])
                tx.upsert(t.holdings, {**holding, "copy": key_id(copy, key)}, _without(values, *holding))
        writes = {"secret": secret, "kind": "write"}
        for row in tx.select(t.intents, {**writes, "target": copy}, _UNRESOLVED):
            for key in sorted(row["progress"].get("keys", {}).keys() - keys.keys()):
                tx.insert(t.intents, {**_without(row, "id"), "target": key_id(copy, key)})
        for key in keys:
            tx.delete(t.holdings, {**holding, "copy": key_id(copy, key)})
            self._supersede(tx, {**writes, "target": key_id(copy, key)}, now)

    def _insert_credential(self, tx: Transaction, row: CredentialRow, minted_at: str | None) -> int:
        columns = ("secret", "name", "provider_id", "state", "origin", "fingerprint", "made_by")
        values = {name: getattr(row, name) for name in columns}
        values |= {name: dict(getattr(row, name)) for name in ("sealed", "facts", "baseline")}
        return int(tx.insert(self._t.credentials, {**values, "minted_at": minted_at}))

    def _update_credential(self, tx: Transaction, secret: str, credential: int, **values: Any) -> None:
        tx.update(self._t.credentials, {"secret": secret, "id": credential}, values)

    def _set_in_force(self, tx: Transaction, secret: str, credential: int, in_force: Row, now: str) -> None:
        time = postgres.server_time(tx.connection) if "old_ends_at" in in_force else None
        by_database = {"in_force_by_database": _text(time)} if time else {}
        self._update_credential(tx, secret, credential, **in_force, in_force_at=now, **by_database)

    def _set_revoked(self, tx: Transaction, secret: str, credential: int, proof: str, now: str) -> None:
        ended = {"state": CredentialState.REVOKED, "revoked_at": now, "proof": proof, "sealed": {}}
        self._update_credential(tx, secret, credential, **ended)


def _forgotten_names(names: Iterable[str], target: str, mapped: Mapping[str, Row]) -> list[str]:
    """List the target and its keys among ``names``; of a copy that stays in the map only keys that stay, too."""
    mapped_keys = {key_id(copy, key) for copy, keys in mapped.items() for key in keys}
    candidates = (name for name in names if name in mapped_keys or name.rpartition("#")[0] not in mapped)
    return [target, *(name for name in candidates if name.rpartition("#")[0] == target)]


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


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
