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

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConflictError
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation import postgres, statements
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.cutover import BY_DATABASE, IN_FORCE
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.model import key_id
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.records import SUPERSEDED, Row
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.rekeying import Rekeying
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.sealing import new_key
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import (
    CredentialRow,
    CredentialState,
    Intent,
    IntentState,
    Origin,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.trail import KEYS_CHANGED, Trail

_UNDECIDED = (IntentState.OPEN, IntentState.UNKNOWN)


class Ledger(Trail):
    """One journal, opened. All threads of a run share it."""

    # -- runs and intents ---------------------------------------------------------------------------------------

    def begin_run(self, run: str, plan: Row, by: str, reason: str) -> None:
        with self._transaction(run, "", "run", {"by": by, "reason": reason}) as (tx, now):
            sealed = self._sealer.seal_plan(run, plan)
            row = {"id": run, "started_at": now, "by": by, "reason": reason, "plan": sealed}
            statements.add(tx, self._t.runs, row)

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
            for waited in statements.find(tx, t, same, (IntentState.WAITING,)):
                statements.change(tx, t, {"id": waited["id"]}, {**now_known, "at": now})
                return int(waited["id"])
            return int(statements.add(tx, t, {**same, **now_known, "at": now}))

    def progress(self, intent: int, progress: Row) -> None:
        with self._write() as tx:
            statements.change(tx, self._t.intents, {"id": intent}, {"progress": dict(progress)})

    def fail(self, run: str, secret: str, intent: int, error: str, state: IntentState = IntentState.FAILED) -> None:
        with self._transaction(run, secret, str(state), {"intent": intent, "error": error}) as (tx, now):
            self._end(tx, intent, state, now, error)

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
        """``in_force``: evidence that it is the one its provider takes by now, which is the old one's end."""
        sealed = {
            field: self._sealer.seal(secret, credential.name, field, value)
            for field, value in credential.fields.items()
        }
        fingerprint = self.fingerprint(secret, credential.fields)
        details: dict[str, Any] = {"name": credential.name, "id": credential.id, "fingerprint": fingerprint}
        if in_force is not None:
            details["in_force"] = dict(in_force)
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
                self._put_in_force(tx, secret, row, in_force, now)
            self._done(tx, intent, secret, "mint", credential.name, now)

    def activated(self, run: str, secret: str, intent: int, row: CredentialRow, evidence: Row) -> None:
        """A value of ours is valid at its provider."""
        details = {"credential": row.id, "in_force": dict(evidence)}
        with self._transaction(run, secret, "activated", details) as (tx, now):
            self._put_in_force(tx, secret, row.id, evidence, now)
            self._done(tx, intent, secret, "activate", row.name, now)

    def adopted(self, run: str, row: CredentialRow) -> None:
        """A credential that a person has named; its value is not known here."""
        details = {"name": row.name, "id": row.provider_id}
        with self._transaction(run, row.secret, "adopted", details) as (tx, _now):
            self._add_credential(
                tx,
                secret=row.secret,
                name=row.name,
                provider_id=row.provider_id,
                state=row.state,
                origin=row.origin,
                baseline=dict(row.baseline),
                minted_at=_text(row.minted_at) if row.minted_at else None,
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
                    minted_at=_text(lost.at) if lost.at else now,
                )
            self._end(tx, lost.id, IntentState.FAILED, now, SUPERSEDED)

    def looked(self, run: str, secret: str, intent: int, copy: str, evidence: Row) -> None:
        """A copy on a host is within reach, and is as it should be before anything is minted."""
        with self._transaction(run, secret, "looked at", {"copy": copy}) as (tx, now):
            statements.change(tx, self._t.intents, {"id": intent}, {"progress": dict(evidence)})
            self._done(tx, intent, secret, "look", copy, now)

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
            statements.put(tx, self._t.holdings, {"secret": secret, "copy": copy}, mark)
            statements.change(tx, self._t.intents, {"secret": secret, "kind": "verify"}, {"progress": {}})
            statements.drop(tx, self._t.proofs, {"secret": secret, "step": unproven["step"]})
            for consumer in unproven["consumers"]:
                stale = {"secret": secret, "consumer": consumer, "credential": credential}
                statements.drop(tx, self._t.running, stale)
            self._done(tx, intent, secret, "write", copy, now)

    def reloaded(
        self, run: str, intents: Mapping[str, int], *, consumer: str, credentials: Mapping[str, int], evidence: Row
    ) -> None:
        """One reload serves every secret in ``credentials`` (secret -> credential); each has an intent of its own."""
        details = {"consumer": consumer, "evidence": dict(evidence), "secrets": sorted(credentials)}
        with self._transaction(run, min(credentials), "reloaded", details) as (tx, now):
            for name, credential in credentials.items():
                mark = {"credential": credential, "evidence": dict(evidence), "at": now}
                statements.put(tx, self._t.running, {"secret": name, "consumer": consumer}, mark)
                self._done(tx, intents[name], name, "reload", consumer, now)

    def verified(
        self, run: str, secret: str, intent: int, *, step: str, check: str, credential: int, proves: str, evidence: Row
    ) -> None:
        details = {"step": step, "check": check, "proves": proves, "evidence": dict(evidence)}
        with self._transaction(run, secret, "verified", details) as (tx, now):
            mark = {"credential": credential, "proves": proves, "evidence": dict(evidence), "at": now}
            statements.put(tx, self._t.proofs, {"secret": secret, "step": step, "check": check}, mark)
            self._done(tx, intent, secret, "verify", check, now)

    def closed(self, run: str, secret: str, credential: int, by_issuer: datetime | None = None) -> None:
        """``credential`` is proven everywhere: it is the current one, and whatever was is previous or abandoned.

        ``by_issuer``: the issuer's time, where a grace will be measured by it.
        """
        with self._transaction(run, secret, "proven everywhere", {"credential": credential}) as (tx, now):
            for state, after in (
                (CredentialState.CURRENT, CredentialState.PREVIOUS),
                (CredentialState.PENDING, CredentialState.ABANDONED),
            ):
                statements.change(tx, self._t.credentials, {"secret": secret, "state": state}, {"state": after})
            times = {"closed_by_issuer": by_issuer, "closed_by_database": postgres.server_time(tx)}
            others = {name: _text(time) if time else None for name, time in times.items()}
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
            self._set_revoked(tx, row.id, proof, _text(at))
            self._done(tx, intent, secret, "end", row.name, now)

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
            labelled = statements.find(tx, t.holdings, {"secret": secret, "label": mark})
            targets = {mark, *(row["copy"] for row in labelled)}
            said_gone = {"state": CredentialState.REVOKED, "revoked_at": now, "proof": "attested"}
            lost = {"secret": secret, "name": mark, "origin": Origin.ORPHAN, "provider_id": None}
            gone = statements.change(tx, t.credentials, lost, said_gone)
            for row in statements.find(tx, t.credentials, {"secret": secret, "origin": Origin.ADOPTED}):
                left = _without(row["baseline"], *_meant(row["baseline"], targets, mapped))
                gone += len(row["baseline"]) - len(left)
                self._set(tx, row["id"], baseline=left)
            gone += statements.drop(tx, t.running, {"secret": secret, "consumer": mark})
            for target in targets:
                if target in mapped:
                    self._keep_what_left(tx, secret, target, mapped[target], now)
                gone += statements.drop(tx, t.holdings, {"secret": secret, "copy": target})
                gone += self._supersede(tx, {"secret": secret, "target": target}, now)
        return gone > 0

    # -- keys ---------------------------------------------------------------------------------------------------

    def needs_rekeying(self) -> bool:
        """Whether anything is sealed with an older key than the newest."""
        with self._engine.begin() as tx:
            return self._rekeying(tx).stale()

    def rekey(self, run: str, by: str, reason: str, locked: Collection[str]) -> None:
        """Seal everything with the newest key; new keys for fingerprints and trail. No secret may be at work but those
        whose locks the caller has: ``locked``.
        """
        fingerprint_key, audit_key = new_key(), new_key()
        with self._transaction(run, "", KEYS_CHANGED, {"by": by, "reason": reason}) as (tx, _now):
            if self._secrets(tx) - set(locked):
                raise ConflictError("a rotation has begun meanwhile; no key was changed", hint="Run it again")
            rekeying = self._rekeying(tx)
            rekeying.seal_anew()
            rekeying.cover(fingerprint_key)
            keys = {
                "fingerprint_key": [*self._fingerprint_keys, fingerprint_key],
                "audit_key": [*self._audit_keys, audit_key],
            }
            for name, values in keys.items():
                statements.put(tx, self._t.meta, {"name": name}, {"value": self._sealer.wrap(values)})
        self._open()

    def clear_log(self) -> None:
        """Take what was replaced out of SQLite's write-ahead log, too; other databases have a clean-up of their own."""
        if self._engine.dialect.name == "sqlite":
            with closing(self._engine.raw_connection()) as connection:
                connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def secrets(self) -> set[str]:
        """Every secret that this ledger has ever done something for."""
        with self._engine.begin() as tx:
            return self._secrets(tx)

    def _secrets(self, tx: Any) -> set[str]:
        columns = self._t.credentials.c.secret, self._t.intents.c.secret
        return set(tx.execute(self._sa.union(*(self._sa.select(column) for column in columns))).scalars())

    def _rekeying(self, tx: Any) -> Rekeying:
        return Rekeying(tx, self._sa, self._t, self._sealer)

    # -- inside -------------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[Any]:
        with self._lock, self._engine.begin() as tx:
            self._refuse_when_keys_changed(tx)
            yield tx

    def _refuse_when_keys_changed(self, tx: Any) -> None:
        """What would be sealed, marked and chained here has to be under the keys that the ledger has now."""
        if statements.kept(tx, self._t.meta.c.value, {"name": "fingerprint_key"}) != self._wrapped_key:
            raise ConflictError("the ledger's keys were changed while this was running", hint="Run it again")

    @contextmanager
    def _transaction(self, run: str, secret: str, event: str, details: Row) -> Iterator[tuple[Any, str]]:
        now = _text(self._clock.now())
        with self._write() as tx:
            yield tx, now
            row = {"at": now, "run": run, "secret": secret, "event": event, "details": dict(details)}
            statements.add(tx, self._t.audit, {**row, "mac": self._link(self._audit_keys[-1], self._head(tx), row)})

    def _end(self, tx: Any, intent: int, state: IntentState, now: str, error: str | None = None) -> None:
        statements.change(tx, self._t.intents, {"id": intent}, {"state": state, "ended_at": now, "error": error})

    def _done(self, tx: Any, intent: int, secret: str, kind: str, target: str, now: str) -> None:
        """It succeeded: what came of earlier attempts at the same thing no longer matters."""
        self._supersede(tx, {"secret": secret, "kind": kind, "target": target}, now, IntentState.WAITING)
        self._end(tx, intent, IntentState.DONE, now)

    def _keep_what_left(self, tx: Any, secret: str, copy: str, keys: Row, now: str) -> None:
        """A key that has left the map goes on holding what was last written to it, as a copy that has left does."""
        t, here = self._t, {"secret": secret, "copy": copy}
        for before in statements.find(tx, t.holdings, here):
            for key in sorted(before["keys"].keys() - keys.keys()):
                mark = {**before, "label": f"{before['label']}: {key}", "keys": {key: before["keys"][key]}}
                statements.put(tx, t.holdings, {**here, "copy": key_id(copy, key)}, _without(mark, *here))
        writes = {"secret": secret, "kind": "write"}
        for doubt in statements.find(tx, t.intents, {**writes, "target": copy}, _UNDECIDED):
            for key in sorted(doubt["progress"].get("keys", {}).keys() - keys.keys()):
                statements.add(tx, t.intents, {**_without(doubt, "id"), "target": key_id(copy, key)})
        for key in keys:
            statements.drop(tx, t.holdings, {**here, "copy": key_id(copy, key)})
            self._supersede(tx, {**writes, "target": key_id(copy, key)}, now)

    def _supersede(self, tx: Any, which: Row, now: str, *states: IntentState) -> int:
        settled = {"state": IntentState.FAILED, "ended_at": now, "error": SUPERSEDED}
        return statements.change(tx, self._t.intents, which, settled, (*_UNDECIDED, *states))

    def _add_credential(self, tx: Any, **values: Any) -> int:
        return int(statements.add(tx, self._t.credentials, {"sealed": {}, "facts": {}, "baseline": {}, **values}))

    def _set(self, tx: Any, credential: int, **values: Any) -> None:
        statements.change(tx, self._t.credentials, {"id": credential}, values)

    def _put_in_force(self, tx: Any, secret: str, credential: int, evidence: Row, now: str) -> None:
        step, check = IN_FORCE
        time = postgres.server_time(tx) if "old_ends" in evidence else None
        evidence = {**evidence, BY_DATABASE: _text(time)} if time else evidence
        mark = {"credential": credential, "proves": "life", "evidence": dict(evidence), "at": now}
        statements.put(tx, self._t.proofs, {"secret": secret, "step": step, "check": check}, mark)

    def _set_revoked(self, tx: Any, credential: int, proof: str, now: str) -> None:
        self._set(tx, credential, state=CredentialState.REVOKED, revoked_at=now, proof=proof, sealed={})


def _meant(names: Iterable[str], targets: Collection[str], mapped: Mapping[str, Row]) -> list[str]:
    """The targets among these, and of a copy its keys; but where it stays in the map, only those that stay, too."""
    kept = {key_id(copy, key) for copy, keys in mapped.items() for key in keys}
    own = (name for name in names if name in kept or name.rpartition("#")[0] not in mapped)
    return [*targets, *(name for name in own if name.rpartition("#")[0] in targets)]


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _text(time: datetime) -> str:
    return time.isoformat()
