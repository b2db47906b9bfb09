# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out one planned action: intent committed, effect, outcome committed.

An effect that certainly did nothing is recorded as failed, one without an answer as unknown; either way the secret is
held, and the next run goes on from what the ledger says.
"""

from __future__ import annotations

from collections.abc import Callable

from ....module_utils._core.contracts import Evidence, Written
from ....module_utils._core.credential import Credential
from ....module_utils._core.errors import ConflictError, InvalidRequestError, RotorError
from ..decide import clocks, rule
from ..decide.copies import changed_by_hand, forget_hint, render, unfit_values, watched
from ..secret_map.model import Copy
from .context import NO_CHECKPOINT, Work
from .mint import Issuing
from .recheck import Clocks
from .revoke import Revoking


class Effects(Issuing, Revoking):
    """The actions of one run."""

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

    def _write(self, work: Work) -> str:
        secret, action = work.secret, work.action
        copy = self.copy(secret, action.target)
        store = self._systems.store(copy)
        credential = self._credential(work)
        with self._locks.hold(copy.id, wait=60):
            self._refuse_unfit_values(work, credential)
            since = self._refuse_foreign_change(work, copy)
            keys = {"keys": dict(copy.keys)}
            intent = self._ledger.intend(self._run, secret.name, "write", copy.id, action.credential, progress=keys)
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
        unfit = [] if work.row.id in work.state.distributed else unfit_values(work.secret, credential)
        if unfit:
            raise InvalidRequestError(f"nothing was written, since not every store can keep it: {'; '.join(unfit)}")

    def _refuse_foreign_change(self, work: Work, copy: Copy) -> Evidence | None:
        """Somebody's hand in between is noticed, not overwritten; the evidence that the copy must still fit."""
        if work.state.intent("write", copy.id):
            return None  # our own write of unknown outcome is no foreign change
        mark = work.state.holdings.get(copy.id)
        baseline = rule.as_left(work.state, work.row, work.order, copy)
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
                    self._systems.check(check).run(None, NO_CHECKPOINT)
            self._ledger.reloaded(self._run, intents, consumer=name, credentials=credentials, evidence=evidence)
        return f"{name}: {consumer.summary(evidence)}"

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
        part = next(check for check in step.verify if check.key == action.target)
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
        lacking = rule.missing_proof(work.secret, work.state, row)
        if lacking:
            raise RotorError(f"{row.name} is not proven everywhere: {'; '.join(lacking)}")
        measured = clocks.waits(work.secret, self._systems.issuer(work.secret).traits)
        by_issuer = Clocks(self._systems, self._ledger).issuer_time(work.secret) if measured else None
        self._ledger.closed(self._run, work.secret.name, row.id, by_issuer)
        return f"{row.name} is in every copy and proven"

    def _abandon(self, work: Work) -> str:
        row = work.row
        in_use = rule.uses(work.state, row)
        if in_use:
            raise RotorError(f"there is no way back from {row.name}: {'; '.join(in_use)}")
        self._ledger.abandoned(self._run, work.secret.name, row.id)
        return f"went back; {row.name} is abandoned"
