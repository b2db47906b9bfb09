# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: intents before effects, outcomes after them, and what follows from both.

Every method that writes is one transaction, and appends to the audit trail in that same transaction. Nothing here
decides anything; the planner does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from ....module_utils._core.credential import Credential
from ....module_utils._core.errors import ConflictError
from ..decide.state import CredentialRow, CredentialState, Intent, IntentState, Origin
from ..secret_map.model import key_id
from . import postgres
from .audit import KEYS_CHANGED, Trail
from .binding import LEDGER, Binding
from .reader import Row, as_text
from .rekeying import Rekeying
from .sealing import new_key
from .statements import Transaction

_UNDECIDED = (IntentState.OPEN, IntentState.UNKNOWN)


class Ledger(Trail):
    """One access, opened. All threads of a run share it."""

    # -- runs and intents ---------------------------------------------------------------------------------------

    def begin_run(self, run: str, plan: Row, by: str, reason: str) -> None:
        with self._transaction(run, "", "run", {"by": by, "reason": reason}) as (tx, now):
            sealed = self._sealer.seal_plan(run, plan)
            tx.add(self._t.runs, {"id": run, "started_at": now, "by": by, "reason": reason, "plan": sealed})

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
        """Commit that an effect is about to be made. One that Ansible was to make is taken over by its next attempt.

        An earlier attempt of unknown outcome stays beside this one, until one succeeds: should this one certainly fail,
        the other may still have had its effect.
        """
        t, same = self._t.intents, {"secret": secret, "kind": kind, "target": target}
        state = IntentState.WAITING if waiting else IntentState.OPEN
        now_known = {"run": run, "credential": credential, "state": state, "progress": dict(progress or {})}
        with self._transaction(run, secret, f"intend {kind}", {"target": target}) as (tx, now):
            for waited in tx.find(t, same, (IntentState.WAITING,)):
                tx.change(t, {"id": waited["id"]}, {**now_known, "at": now})
                return int(waited["id"])
            return int(tx.add(t, {**same, **now_known, "superseded": False, "at": now}))

    def progress(self, run: str, secret: str, intent: int, progress: Row) -> None:
        with self._transaction(run, secret, "progress", {"intent": intent}) as (tx, _now):
            tx.change(self._t.intents, {"id": intent}, {"progress": dict(progress)})

    def fail(self, run: str, secret: str, intent: int, error: str, state: IntentState = IntentState.FAILED) -> None:
        with self._transaction(run, secret, str(state), {"intent": intent, "error": error}) as (tx, now):
            self._end(tx, intent, state, now, error)

    def superseded(self, run: str, secret: str, intent: int) -> None:
        """A mint of unknown outcome whose credential is not there to be found."""
        with self._transaction(run, secret, "superseded", {"intent": intent}) as (tx, now):
            self._supersede(tx, {"id": intent}, now)

    # -- outcomes -----------------------------------------------------------------------------------------------

    def minted(
        self,
        run: str,
        secret: str,
        intent: int,
        credential: Credential,
        baseline: Row,
        *,
        in_force: Row | None = None,
    ) -> None:
        """``in_force``: since when its provider takes it, which is the old one's end (:func:`.cutover.in_force`)."""
        sealed = {
            field: self._sealer.seal(secret, credential.name, field, value)
            for field, value in credential.fields.items()
        }
        fingerprint = self.fingerprint(secret, credential.fields)
        details = {"name": credential.name, "id": credential.id, "fingerprint": fingerprint, **(in_force or {})}
        with self._transaction(run, secret, "minted", details) as (tx, now):
            row = self._add_credential(
                tx,
                secret=secret,
                name=credential.name,
                provider_id=credential.id,
                state=CredentialState.PENDING,
                origin=Origin.MINTED,
                fingerprint=fingerprint,
                sealed=sealed,
                facts=dict(credential.facts),
                baseline=dict(baseline),
                minted_at=now,
            )
            if in_force is not None:
                self._put_in_force(tx, row, in_force, now)
            self._done(tx, intent, secret, "mint", credential.name, now)

    def activated(self, run: str, secret: str, intent: int, row: CredentialRow, in_force: Row) -> None:
        """A value of ours is valid at its provider."""
        with self._transaction(run, secret, "activated", {"credential": row.id, **in_force}) as (tx, now):
            self._put_in_force(tx, row.id, in_force, now)
            self._done(tx, intent, secret, "activate", row.name, now)

    def accepted(self, run: str, secret: str, intent: int, row: CredentialRow) -> None:
        """A credential was shown to its provider, which accepts it."""
        with self._transaction(run, secret, "accepted", {"credential": row.id}) as (tx, now):
            self._set(tx, row.id, accepted_at=now, accepted_in=run)
            self._done(tx, intent, secret, "accept", row.name, now)

    def adopted(self, run: str, row: CredentialRow) -> None:
        """A credential that a person has named; its value is not known here."""
        with self._transaction(run, row.secret, "adopted", {"name": row.name, "id": row.provider_id}) as (tx, _now):
            self._add_credential(
                tx,
                secret=row.secret,
                name=row.name,
                provider_id=row.provider_id,
                state=row.state,
                origin=row.origin,
                baseline=dict(row.baseline),
                minted_at=as_text(row.minted_at) if row.minted_at else None,
            )

    def orphaned(self, run: str, secret: str, lost: Intent, provider_ids: Sequence[str | None]) -> None:
        """A mint whose answer was lost did have its effect: nobody has the value, the provider has the credential.

        None as an id: it may have had, and nobody can tell.
        """
        with self._transaction(run, secret, "orphan found", {"name": lost.target, "ids": provider_ids}) as (tx, now):
            for provider_id in provider_ids:
                self._add_credential(
                    tx,
                    secret=secret,
                    name=lost.target,
                    baseline=dict(lost.baseline),
                    provider_id=provider_id,
                    state=CredentialState.ABANDONED,
                    origin=Origin.ORPHAN,
                    minted_at=as_text(lost.at) if lost.at else now,
                )
            self._supersede(tx, {"id": lost.id}, now)

    def looked(self, run: str, secret: str, intent: int, copy: str, evidence: Row) -> None:
        """A copy on a host is within reach, and is as it should be before anything is minted."""
        with self._transaction(run, secret, "looked at", {"copy": copy}) as (tx, now):
            tx.change(self._t.intents, {"id": intent}, {"progress": dict(evidence)})
            self._done(tx, intent, secret, "probe", copy, now)

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
        """``unproven``: the step and the consumers whose earlier marks this write makes void."""
        details = {"copy": label, "evidence": dict(evidence), "credential": credential}
        with self._transaction(run, secret, "written", details) as (tx, now):
            mark = {"label": label, "keys": dict(keys), "credential": credential, "evidence": dict(evidence), "at": now}
            self._keep_what_left(tx, secret, copy, keys, now)
            tx.put(self._t.holdings, {"secret": secret, "copy": copy}, mark)
            tx.change(self._t.intents, {"secret": secret, "kind": "verify"}, {"progress": {}})
            tx.drop(self._t.proofs, {"secret": secret, "step": unproven["step"]})
            for consumer in unproven["consumers"]:
                stale = {"secret": secret, "consumer": consumer, "credential": credential}
                tx.drop(self._t.running, stale)
            self._done(tx, intent, secret, "write", copy, now)

    def reloaded(
        self, run: str, intents: Mapping[str, int], *, consumer: str, credentials: Mapping[str, int], evidence: Row
    ) -> None:
        """One reload serves every secret in ``credentials`` (secret -> credential); each has an intent of its own."""
        details = {"consumer": consumer, "evidence": dict(evidence), "secrets": sorted(credentials)}
        with self._transaction(run, min(credentials), "reloaded", details) as (tx, now):
            for name, credential in credentials.items():
                mark = {"credential": credential, "evidence": dict(evidence), "at": now}
                tx.put(self._t.running, {"secret": name, "consumer": consumer}, mark)
                self._done(tx, intents[name], name, "reload", consumer, now)

    def verified(
        self, run: str, secret: str, intent: int, *, step: str, check: str, credential: int, proves: str, evidence: Row
    ) -> None:
        details = {"step": step, "check": check, "proves": proves, "evidence": dict(evidence)}
        with self._transaction(run, secret, "verified", details) as (tx, now):
            mark = {"credential": credential, "proves": proves, "evidence": dict(evidence), "at": now}
            tx.put(self._t.proofs, {"secret": secret, "step": step, "check": check}, mark)
            self._done(tx, intent, secret, "verify", check, now)

    def closed(self, run: str, secret: str, credential: int, by_issuer: datetime | None = None) -> None:
        """``credential`` is proven everywhere: it is current, and whatever was is previous or abandoned.

        ``by_issuer``: the issuer's time, where a grace will be measured by it.
        """
        with self._transaction(run, secret, "proven everywhere", {"credential": credential}) as (tx, now):
            for state, after in (
                (CredentialState.CURRENT, CredentialState.PREVIOUS),
                (CredentialState.PENDING, CredentialState.ABANDONED),
            ):
                tx.change(self._t.credentials, {"secret": secret, "state": state}, {"state": after})
            times = {"closed_by_issuer": by_issuer, "closed_by_database": postgres.server_time(tx.connection)}
            others = {name: as_text(time) if time else None for name, time in times.items()}
            self._set(tx, credential, state=CredentialState.CURRENT, closed_at=now, **others)

    def abandoned(self, run: str, secret: str, credential: int) -> None:
        """A credential that a rollback has taken out of every copy."""
        with self._transaction(run, secret, "abandoned", {"credential": credential}) as (tx, _now):
            self._set(tx, credential, state=CredentialState.ABANDONED)

    def revoked(self, run: str, secret: str, intent: int, row: CredentialRow, proof: str) -> None:
        with self._transaction(run, secret, "revoked", {"credential": row.id, "proof": proof}) as (tx, now):
            self._set_revoked(tx, row.id, proof, now)
            self._done(tx, intent, secret, "revoke", row.name, now)

    def ended(self, run: str, secret: str, intent: int, row: CredentialRow, proof: str, at: datetime) -> None:
        """A credential that its provider has ended by itself, with the one that replaced it."""
        with self._transaction(run, secret, "ended", {"credential": row.id, "proof": proof}) as (tx, now):
            self._set_revoked(tx, row.id, proof, as_text(at))
            self._done(tx, intent, secret, "confirm_expiry", row.name, now)

    def retired(self, run: str, secret: str, credential: int, proof: str) -> None:
        """A credential that ends without a call: no issuer knows it, and no copy holds it."""
        with self._transaction(run, secret, "retired", {"credential": credential, "proof": proof}) as (tx, now):
            self._set_revoked(tx, credential, proof, now)

    def value_dropped(self, run: str, secret: str, credential: int) -> None:
        with self._transaction(run, secret, "value dropped", {"credential": credential}) as (tx, _now):
            self._set(tx, credential, sealed={})

    def forgotten(self, run: str, secret: str, mark: str, mapped: Mapping[str, Row]) -> bool:
        """Drop what is recorded or in doubt of a copy, a consumer or a lost mint; whether there was anything.

        ``mapped``: copy id -> its keys, of every copy in the map. What is known of other keys in it is kept.
        """
        t = self._t
        with self._transaction(run, secret, "forgotten", {"what": mark}) as (tx, now):
            labelled = tx.find(t.holdings, {"secret": secret, "label": mark})
            targets = {mark, *(row["copy"] for row in labelled)}
            said_gone = {"state": CredentialState.REVOKED, "revoked_at": now, "proof": "attested"}
            lost = {"secret": secret, "name": mark, "origin": Origin.ORPHAN, "provider_id": None}
            gone = tx.change(t.credentials, lost, said_gone)
            for row in tx.find(t.credentials, {"secret": secret, "origin": Origin.ADOPTED}):
                left = _without(row["baseline"], *_meant(row["baseline"], targets, mapped))
                gone += len(row["baseline"]) - len(left)
                self._set(tx, row["id"], baseline=left)
            gone += tx.drop(t.running, {"secret": secret, "consumer": mark})
            for target in targets:
                if target in mapped:
                    self._keep_what_left(tx, secret, target, mapped[target], now)
                gone += tx.drop(t.holdings, {"secret": secret, "copy": target})
                gone += self._supersede(tx, {"secret": secret, "target": target}, now)
        return gone > 0

    # -- keys ---------------------------------------------------------------------------------------------------

    def needs_rekeying(self) -> bool:
        """Whether anything is sealed with an older key than the newest."""
        with self._read() as tx:
            return self._rekeying(tx).stale()

    def rekey(self, run: str, by: str, reason: str, locked: Collection[str]) -> None:
        """Seal everything with the newest key, and make new keys for fingerprints and trail.

        ConflictError when a secret is at work whose lock the caller has not: ``locked`` are those that it has.
        """
        fingerprint_key, audit_key = new_key(), new_key()
        with self._write() as tx:
            secrets = self._secrets(tx)
            if secrets - set(locked):
                raise ConflictError("a rotation has begun meanwhile; no key was changed", hint="Run it again")
            self._states(tx, secrets)
            rekeying = self._rekeying(tx)
            rekeying.seal_anew()
            rekeying.cover(fingerprint_key)
            for name, known, new in (
                ("fingerprint_key", self._fingerprint_keys, fingerprint_key),
                ("audit_key", self._audit_keys, audit_key),
            ):
                tx.put(self._t.meta, {"name": name}, {"value": self._sealer.wrap(name, [*known, new])})
            self._binding.append(tx, self._event(run, LEDGER, KEYS_CHANGED, {"by": by, "reason": reason}))
            rows = [(table, row) for table in self._tagged() for row in tx.find(table, {})]
            Binding(audit_key).renew(tx, rows, lambda owner: self._event(run, owner, "bound anew", {}))
        self._open()

    def clear_log(self) -> None:
        """Take what was replaced out of SQLite's write-ahead log, too; other databases have a clean-up of their own."""
        if self._engine.dialect.name == "sqlite":
            with closing(self._engine.raw_connection()) as connection:
                connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def secrets(self) -> set[str]:
        """Every secret that this ledger has ever done something for."""
        with self._read() as tx:
            return self._secrets(tx)

    def _rekeying(self, tx: Transaction) -> Rekeying:
        return Rekeying(tx.connection, self._sa, self._t, self._sealer)

    # -- inside -------------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[Transaction]:
        with self._lock, self._engine.begin() as connection:
            tx = Transaction(connection)
            self._refuse_changed_keys(tx, pinned=True)
            yield tx

    @contextmanager
    def _transaction(self, run: str, secret: str, event: str, details: Row) -> Iterator[tuple[Transaction, str]]:
        row = self._event(run, secret, event, details)
        with self._write() as tx:
            yield tx, row["at"]
            digests = self._binding.append(tx, row)
        self._binding.trust(digests)

    def _end(self, tx: Transaction, intent: int, state: IntentState, now: str, error: str | None = None) -> None:
        tx.change(self._t.intents, {"id": intent}, {"state": state, "ended_at": now, "error": error})

    def _done(self, tx: Transaction, intent: int, secret: str, kind: str, target: str, now: str) -> None:
        """It succeeded: what came of earlier attempts at the same thing no longer matters."""
        self._supersede(tx, {"secret": secret, "kind": kind, "target": target}, now, IntentState.WAITING)
        self._end(tx, intent, IntentState.DONE, now)

    def _keep_what_left(self, tx: Transaction, secret: str, copy: str, keys: Row, now: str) -> None:
        """A key that has left the map goes on holding what was last written to it, as a copy that has left does."""
        t, here = self._t, {"secret": secret, "copy": copy}
        for before in tx.find(t.holdings, here):
            for key in sorted(before["keys"].keys() - keys.keys()):
                mark = {**before, "label": f"{before['label']}: {key}", "keys": {key: before["keys"][key]}}
                tx.put(t.holdings, {**here, "copy": key_id(copy, key)}, _without(mark, *here))
        writes = {"secret": secret, "kind": "write"}
        for doubt in tx.find(t.intents, {**writes, "target": copy}, _UNDECIDED):
            for key in sorted(doubt["progress"].get("keys", {}).keys() - keys.keys()):
                tx.add(t.intents, {**_without(doubt, "id"), "target": key_id(copy, key)})
        for key in keys:
            tx.drop(t.holdings, {**here, "copy": key_id(copy, key)})
            self._supersede(tx, {**writes, "target": key_id(copy, key)}, now)

    def _supersede(self, tx: Transaction, which: Row, now: str, *states: IntentState) -> int:
        settled = {"state": IntentState.FAILED, "ended_at": now, "superseded": True}
        return tx.change(self._t.intents, which, settled, (*_UNDECIDED, *states))

    def _add_credential(self, tx: Transaction, **values: Any) -> int:
        return int(tx.add(self._t.credentials, {"sealed": {}, "facts": {}, "baseline": {}, **values}))

    def _set(self, tx: Transaction, credential: int, **values: Any) -> None:
        tx.change(self._t.credentials, {"id": credential}, values)

    def _put_in_force(self, tx: Transaction, credential: int, in_force: Row, now: str) -> None:
        time = postgres.server_time(tx.connection) if "old_ends_at" in in_force else None
        by_database = {"in_force_by_database": as_text(time)} if time else {}
        self._set(tx, credential, **in_force, in_force_at=now, **by_database)

    def _set_revoked(self, tx: Transaction, credential: int, proof: str, now: str) -> None:
        self._set(tx, credential, state=CredentialState.REVOKED, revoked_at=now, proof=proof, sealed={})


def _meant(names: Iterable[str], targets: Collection[str], mapped: Mapping[str, Row]) -> list[str]:
    """The targets among these, and of a copy its keys; but where it stays in the map, only those that stay, too."""
    kept = {key_id(copy, key) for copy, keys in mapped.items() for key in keys}
    own = (name for name in names if name in kept or name.rpartition("#")[0] not in mapped)
    return [*targets, *(name for name in own if name.rpartition("#")[0] in targets)]


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}
