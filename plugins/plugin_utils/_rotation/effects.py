# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out one planned action: intent committed, effect, outcome committed.

An effect that certainly did nothing is recorded as failed, one without an answer as unknown; either way the secret is
held, and the next run goes on from what the ledger says.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Evidence,
    Issuer,
    Recover,
    Written,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    PendingApprovalError,
    RotorError,
    StoppedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation import planner
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.copies import (
    changed_by_hand,
    forget_hint,
    render,
    unfit_values,
    watched,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.journal import Journal
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.ledger import SUPERSEDED, Ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.model import Copy, Secret, SecretMap
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.planner import Action, Order
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import (
    CredentialRow,
    IntentState,
    SecretState,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.systems import Systems

SETTLE = 1.0
"""Seconds between the two refusals that prove a revocation."""
DOUBTFUL = (OutcomeUnknownError, PendingApprovalError, UnexpectedAnswerError)
"""After these, the effect may have been made, or may yet be."""
PROPAGATION = 60.0
"""Seconds that a provider gets until a new credential is accepted, or a revoked one refused."""


@dataclass(frozen=True)
class Work:
    """One action of one secret, with all that it is decided from."""

    secret: Secret
    order: Order
    action: Action
    state: SecretState

    @property
    def row(self) -> CredentialRow:
        """The credential that the action is about."""
        return next(row for row in self.state.credentials if row.id == self.action.credential)


class Effects:
    """The actions of one run."""

    def __init__(self, run: str, secret_map: SecretMap, systems: Systems, journal: Journal, clock: Clock) -> None:
        self._run = run
        self._map = secret_map
        self._systems = systems
        self._ledger = journal.ledger
        self._locks = journal.locks
        self._clock = clock

    def perform(self, works: list[Work]) -> str:
        """Do it, and say in a few words what came of it. RotorError: it did not happen, or nobody knows.

        Several works are one reload that serves several secrets; anything else comes alone.
        """
        self._clock.check()
        kind = works[0].action.kind
        if kind == "reload":
            return self._reload(works)
        handler: Callable[[Work], str] = getattr(self, f"_{kind}")
        return handler(works[0])

    # -- issue --------------------------------------------------------------------------------------------------

    def _recover(self, work: Work) -> str:
        """Find what became of a mint whose answer was lost."""
        secret, issuer = work.secret, self._systems.issuer(work.secret)
        lost = next(i for i in work.state.intents if i.kind == "mint" and i.unresolved)
        if issuer.traits.recover is not Recover.RECONCILE:
            raise RotorError(
                f"the answer to the mint of {lost.target} was lost, and {secret.issuer.type} cannot find it"
            )
        known = self._ledger.known_ids()
        alive = [item for item in issuer.listed() if item.name == lost.target and not item.revoked]
        found = [item.id for item in alive if item.id not in known]
        if not found:
            self._ledger.fail(self._run, secret.name, lost.id, SUPERSEDED)
            return f"{lost.target} was never minted"
        self._ledger.orphaned(self._run, secret.name, lost, found)
        return f"found the orphan {lost.target} ({', '.join(found)})"

    def _look(self, work: Work) -> str:
        """What preflight cannot ask of a host: is the copy within reach, and as this ledger left it?"""
        secret, copy = work.secret, self.copy(work.secret, work.action.target)
        mark, known = work.state.holdings.get(copy.id), work.order.baseline.get(copy.id)
        store = self._systems.store(copy)
        intent = self._ledger.intend(self._run, secret.name, "look", copy.id)
        with self._outcome({secret.name: intent}):
            seen = store.observe(copy.container, watched(copy, mark))
            ours = work.state.intent("write", copy.id) is not None
            if known is not None and not ours and not store.unchanged(known, seen):
                raise ConflictError(changed_by_hand(copy), hint=forget_hint(copy))
        self._ledger.looked(self._run, secret.name, intent, copy.id, seen if known is None else known)
        return f"{copy.label} is within reach"

    def _mint(self, work: Work) -> str:
        secret, issuer = work.secret, self._systems.issuer(work.secret)
        lost = work.state.intent("mint")
        name = lost.target if lost else f"rotor-{self._ledger.id}-{self._clock.now():%Y%m%d}-{secrets.token_hex(4)}"
        seen = {copy: look.progress for copy, look in work.state.looks.items() if look.run == self._run}
        baseline = {**work.order.baseline, **seen}
        intent = self._ledger.intend(self._run, secret.name, "mint", name, progress=baseline)
        with self._outcome({secret.name: intent}):
            credential = issuer.mint(name)
        self._ledger.minted(self._run, secret.name, intent, credential, baseline)
        shown = self._ledger.fingerprint(secret.name, credential.fields)
        return f"{name}{f' ({credential.id})' if credential.id else ''} minted, fingerprint {shown}"

    def _accept(self, work: Work) -> str:
        """A new credential may take a while to be known everywhere; one that never is must not be written."""
        secret, row, credential = work.secret.name, work.row.id, self._credential(work)
        issuer = self._systems.issuer(work.secret)
        step, check = planner.ACCEPTED
        intent = self._ledger.intend(self._run, secret, "accept", credential.name, row)

        def accepted() -> bool | None:
            return True if issuer.verify(credential) is Answer.ACCEPTED else None

        with self._outcome({secret: intent}):
            if not self._clock.poll(accepted, every=2, within=PROPAGATION):
                raise RotorError(f"{credential.name} was minted, and the provider does not accept it")
        self._ledger.verified(
            self._run, secret, intent, step=step, check=check, credential=row, proves="life", evidence={}
        )
        return f"{credential.name} is accepted by its provider"

    def _clean(self, work: Work) -> str:
        return self._revoke(work)

    # -- roll out -----------------------------------------------------------------------------------------------

    def _write(self, work: Work) -> str:
        secret, action = work.secret, work.action
        copy = self.copy(secret, action.target)
        store = self._systems.store(copy)
        credential = self._credential(work)
        with self._locks.hold(copy.id, wait=60):
            self._refuse_unfit_values(work, credential)
            since = self._refuse_foreign_change(work, copy)
            intent = self._ledger.intend(self._run, secret.name, "write", copy.id, action.credential)
            with self._outcome({secret.name: intent}):
                evidence = store.write(copy.container, render(secret, copy, credential), since)
            step = secret.steps[action.step or 0]
            self._ledger.written(
                self._run,
                secret.name,
                intent,
                copy=copy.id,
                label=copy.label,
                keys=copy.keys,
                credential=work.row.id,
                evidence=evidence,
                unproven={"step": step.name, "consumers": step.reload},
            )
        return f"{copy.label}: {', '.join(copy.keys)} ({store.describe(evidence)})"

    def _refuse_unfit_values(self, work: Work, credential: Credential) -> None:
        """Before the first copy is written, every store must be able to keep the value as it is."""
        unfit = [] if work.row.id in work.state.handed_out else unfit_values(work.secret, credential)
        if unfit:
            raise InvalidRequestError(f"nothing was written, since not every store can keep it: {'; '.join(unfit)}")

    def _refuse_foreign_change(self, work: Work, copy: Copy) -> Evidence | None:
        """Somebody's hand in between is noticed, not overwritten; the evidence that the copy must still fit."""
        if work.state.intent("write", copy.id):
            return None  # our own write of unknown outcome is no foreign change
        mark = work.state.holdings.get(copy.id)
        before = {**work.row.baseline, **work.order.baseline}
        baseline = mark.evidence if mark else before.get(copy.id)
        store = self._systems.store(copy)
        if baseline is not None and not store.unchanged(baseline, store.observe(copy.container, watched(copy, mark))):
            raise ConflictError(changed_by_hand(copy), hint=forget_hint(copy))
        return baseline

    def _reload(self, works: list[Work]) -> str:
        first = works[0]
        name = first.action.target
        part = self._map.consumers[name]
        consumer = self._systems.consumer(part)
        with self._locks.hold(f"consumer {name}", wait=600):
            written = [item for work in works for item in self._written_for(work)]
            credentials = {work.secret.name: work.row.id for work in works}
            intents = {
                secret: self._ledger.intend(self._run, secret, "reload", name, row)
                for secret, row in credentials.items()
            }
            with self._outcome(intents, in_parts=True):
                evidence = consumer.reload(written, self._progress(first, intents[first.secret.name]))
                for check in part.healthy:
                    self._systems.check(check).run(None, NO_JOURNAL)
            self._ledger.reloaded(self._run, intents, consumer=name, credentials=credentials, evidence=evidence)
        return f"{name}: {consumer.done(evidence)}"

    def _written_for(self, work: Work) -> list[Written]:
        """The copies that the action's credential stands in, with the evidence of their writes."""
        copies = {copy.id: copy for copy in work.secret.copies}
        return [
            Written(copies[copy].type, copies[copy].container, mark.evidence, mark.at)
            for copy, mark in self._ledger.state(work.secret.name).holdings.items()
            if copy in copies and mark.credential == work.action.credential
        ]

    def _verify(self, work: Work) -> str:
        secret, action = work.secret, work.action
        step = secret.steps[action.step or 0]
        part = next(check for check in step.verify if planner.check_key(check) == action.target)
        check = self._systems.check(part)
        credential = self._credential(work)
        intent = self._ledger.intend(self._run, secret.name, "verify", action.target, action.credential)
        with self._outcome({secret.name: intent}):
            evidence = check.run(credential, self._progress(work, intent))
        self._ledger.verified(
            self._run,
            secret.name,
            intent,
            step=step.name,
            check=action.target,
            credential=work.row.id,
            proves=part.proves,
            evidence=evidence,
        )
        return f"{check.label(part.options)} holds (proves {part.proves})"

    def _close(self, work: Work) -> str:
        row = work.row
        lacking = planner.missing_proof(work.secret, work.state, row)
        if lacking:
            raise RotorError(f"{row.name} is not proven everywhere: {'; '.join(lacking)}")
        self._ledger.closed(self._run, work.secret.name, row.id)
        return f"{row.name} is in every copy and proven"

    def _abandon(self, work: Work) -> str:
        row = work.row
        in_use = planner.uses(work.state, row)
        if in_use:
            raise RotorError(f"there is no way back from {row.name}: {'; '.join(in_use)}")
        self._ledger.abandoned(self._run, work.secret.name, row.id)
        return f"went back; {row.name} is abandoned"

    # -- revoke -------------------------------------------------------------------------------------------------

    def _revoke(self, work: Work) -> str:
        """Revoke by the one rule, and prove it."""
        secret, row = work.secret, work.row
        in_the_way = planner.obstacles(secret, work.state, row, work.order)
        if in_the_way:
            gone = ",".join(planner.strangers(secret, work.state, row))
            hint = f"If what has left the map no longer has it, forget it: -e rotate_forget='{gone}'" if gone else ""
            raise RotorError(f"{row.name} is not revoked: {'; '.join(in_the_way)}", hint=hint)
        issuer = self._systems.issuer(secret)
        if issuer.traits.revoke != "api":
            self._ledger.retired(self._run, secret.name, row.id, "gone from every copy")
            return f"{row.name} is gone from every copy; nobody issued it, so there is nothing to revoke"
        self._require(work, issuer, row)
        intent = self._ledger.intend(self._run, secret.name, "revoke", row.name, row.id)
        with self._outcome({secret.name: intent}):
            issuer.revoke(Credential(row.provider_id, row.name, {}, row.facts))
            proof = self._prove(work, issuer, row)
        self._ledger.revoked(self._run, secret.name, intent, row, proof)
        return f"{row.name} revoked, proof: {proof}"

    def _require(self, work: Work, issuer: Issuer, row: CredentialRow) -> None:
        if "unused" not in work.secret.revoke.require or not issuer.tells_use:
            return
        listed = next((item for item in issuer.listed() if item.id == row.provider_id), None)
        replacement = planner.target_of(work.state, work.order)
        since = replacement.closed_at if replacement else None
        if listed and listed.last_used_at and since and listed.last_used_at > since:
            raise RotorError(
                f"{row.name} was last used {listed.last_used_at:%Y-%m-%d %H:%M:%S}, after every copy had changed",
                hint="Something that the map does not name still uses it. Find it, add it, and run again",
            )

    def _prove(self, work: Work, issuer: Issuer, row: CredentialRow) -> str:
        """The best proof there is: ``refused`` by the provider, or ``provider``, listed as revoked."""
        replacement = planner.target_of(work.state, work.order)
        if row.has_value and replacement and replacement.has_value:
            old, new = self._ledger.unseal(row), self._ledger.unseal(replacement)
            if self._refused(issuer, old, new):
                self._clock.sleep(SETTLE)
                if self._refused(issuer, old, new):
                    return "refused"
        listed = next((item for item in issuer.listed() if item.id == row.provider_id), None)
        if listed is None or listed.revoked:
            return "provider"
        raise OutcomeUnknownError(f"{row.name} was revoked, and the provider still lists it as valid")

    def _refused(self, issuer: Issuer, old: Credential, new: Credential) -> bool:
        def refused() -> bool | None:
            return True if issuer.verify(old) is Answer.REFUSED else None

        return bool(self._clock.poll(refused, every=2, within=PROPAGATION)) and issuer.verify(new) is Answer.ACCEPTED

    def _tidy(self, work: Work) -> str:
        self._ledger.value_dropped(self._run, work.secret.name, work.row.id)
        return "its value is no longer kept here"

    # -- shared -------------------------------------------------------------------------------------------------

    def copy(self, secret: Secret, copy_id: str) -> Copy:
        return next(copy for copy in secret.copies if copy.id == copy_id)

    def _credential(self, work: Work) -> Credential:
        row = work.row
        if not row.has_value:
            raise RotorError(
                f"the value of {row.name} is not kept here", hint="Rotate the secret to write it anywhere else"
            )
        return self._ledger.unseal(row)

    def _progress(self, work: Work, intent: int) -> _Progress:
        return _Progress(self._ledger, intent, self._ledger.last_progress(work.secret.name, intent))

    @contextmanager
    def _outcome(self, intents: Mapping[str, int], *, in_parts: bool = False) -> Iterator[None]:
        """Record what an effect that did not succeed came to; a stopped one stays open.

        ``in_parts``: when it fails, some of it may have been done.
        """
        try:
            self._locks.check()
            yield
        except StoppedError:
            raise
        except RotorError as error:
            doubtful = in_parts or isinstance(error, DOUBTFUL)
            state = IntentState.UNKNOWN if doubtful else IntentState.FAILED
            for secret, intent in intents.items():
                self._ledger.fail(self._run, secret, intent, str(error), state)
            raise


class _Progress:
    """An effect's own memory, kept with its intent."""

    def __init__(self, ledger: Ledger, intent: int, known: Evidence) -> None:
        self._ledger = ledger
        self._intent = intent
        self._known = known

    def recall(self) -> Evidence:
        return self._known

    def record(self, evidence: Evidence) -> None:
        self._known = dict(evidence)
        self._ledger.progress(self._intent, self._known)


class _NoJournal:
    """For a check of health alone: there is nothing to resume."""

    def recall(self) -> Evidence:
        return {}

    def record(self, evidence: Evidence) -> None:
        pass


NO_JOURNAL = _NoJournal()
