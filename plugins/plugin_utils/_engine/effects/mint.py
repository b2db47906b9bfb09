# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effects that bring a credential about: it is made, sealed and made valid, and what a lost answer left is found."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from ....module_utils._core.contracts import Answer, Evidence, Issuer, Overlap, Recover
from ....module_utils._core.credential import Credential
from ....module_utils._core.errors import ConflictError, RotorError, StoppedError, after_an_effect
from ....module_utils._core.outside_text import identifier
from ..decide import cutover
from ..decide.copies import changed_by_hand, forget_hint, watched
from ..decide.state import CredentialState, Intent
from .context import DOUBTFUL, PROPAGATION, Acts, Work

_IN_FORCE = "in_force"
"""What a mint remembers of a provider that can be read: the fingerprint of the value before it."""
_TURNS = 3


class Issuing(Acts):
    def _recover(self, work: Work) -> str:
        """Find what became of a mint whose answer was lost."""
        issuer = self._systems.issuer(work.secret)
        lost = next(i for i in work.state.intents if i.kind == "mint" and i.unresolved)
        if issuer.traits.recover is Recover.READABLE:
            return self._read_back(work, issuer, lost)
        if issuer.traits.recover is Recover.RECONCILE:
            return self._find_orphan(work, issuer, lost)
        self._ledger.orphaned(self._run, work.secret.name, lost, [None])
        return f"nobody can tell whether {lost.target} was minted; it may be valid, and its value is known to nobody"

    def _read_back(self, work: Work, issuer: Issuer, lost: Intent) -> str:
        secret, name = work.secret.name, lost.target
        found = issuer.recover(name) if _IN_FORCE in lost.progress else None  # else it had not come to the mint
        shown = self._ledger.fingerprint(secret, found.fields) if found else None
        if found is None or shown == lost.progress[_IN_FORCE]:
            self._ledger.fail(self._run, secret, lost.id, f"{name} was never minted")
            return f"{name} was never minted"
        mark = self._mark(work, issuer)
        self._ledger.minted(
            self._run, secret, lost.id, replace(found, name=name), lost.baseline, in_force=_dated(mark, issuer)
        )
        return f"{name} was minted, and is read back, fingerprint {shown}"

    def _find_orphan(self, work: Work, issuer: Issuer, lost: Intent) -> str:
        known = self._ledger.known_ids()
        alive = [item for item in issuer.listed() if item.name == lost.target and not item.revoked]
        found = [item.id for item in alive if item.id not in known]
        if not found:
            self._ledger.superseded(self._run, work.secret.name, lost.id)
            return f"{lost.target} was never minted"
        self._ledger.orphaned(self._run, work.secret.name, lost, found)
        return f"found the orphan {lost.target} ({', '.join(map(identifier, found))})"

    def _look(self, work: Work) -> str:
        """Ask a host what preflight cannot: is the copy within reach, and as this ledger left it?

        What is seen right before a revoke is kept, and compared where all copies are.
        """
        secret, copy, about = work.secret, self.copy(work.secret, work.action.target), work.action.credential
        mark = work.state.holdings.get(copy.id)
        known = work.order.baseline.get(copy.id) if about is None else None
        store = self._systems.store(copy)
        intent = self._ledger.intend(self._run, secret.name, "look", copy.id, about)
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
        seen = {
            copy: look.progress
            for copy, look in work.state.looks.items()
            if look.run == self._run and look.credential is None
        }
        baseline = {**work.order.baseline, **seen}
        mark = self._mark(work, issuer) if issuer.traits.value == "provider" else None
        intent = self._ledger.intend(self._run, secret.name, "mint", name, progress={"baseline": baseline})
        with self._outcome({secret.name: intent}):
            credential = self._made(work, issuer, name, intent, baseline)
        self._ledger.minted(self._run, secret.name, intent, credential, baseline, in_force=_dated(mark, issuer))
        shown = self._ledger.fingerprint(secret.name, credential.fields)
        made = "minted" if issuer.traits.value == "provider" else "made and sealed"
        known_as = f"{name} ({identifier(credential.id)})" if credential.id else name
        return f"{known_as} {made}, fingerprint {shown}"

    def _made(self, work: Work, issuer: Issuer, name: str, intent: int, baseline: Evidence) -> Credential:
        if issuer.traits.value == "ours":
            taken = frozenset(row.provider_id for row in work.state.credentials if row.alive and row.provider_id)
            return issuer.generate(name, taken)
        if issuer.traits.recover is Recover.READABLE:
            before = issuer.recover(name)
            shown = self._ledger.fingerprint(work.secret.name, before.fields) if before else None
            self._ledger.progress(self._run, work.secret.name, intent, {"baseline": baseline, _IN_FORCE: shown})
        return issuer.mint(name)

    def _mark(self, work: Work, issuer: Issuer) -> Evidence | None:
        """Evidence that a new credential is in force; None where the old one lives on beside it."""
        if not issuer.traits.ends_the_old:
            return None
        since = cutover.begun(work.state, issuer.traits, self._clock.now())
        timed = issuer.traits.overlap is Overlap.TIMED
        return cutover.in_force(since, issuer.ends_after(issuer.options) if timed else None)

    def _activate(self, work: Work) -> str:
        """A sealed value of ours becomes valid. Applying it again is how an answer that was lost is made up for."""
        secret, row, credential = work.secret.name, work.row, self._credential(work)
        issuer = self._systems.issuer(work.secret)
        alive = [other for other in work.state.credentials if other.alive and other.id != row.id]
        taken = [other.name for other in alive if row.provider_id and other.provider_id == row.provider_id]
        if issuer.traits.turns and taken:
            raise ConflictError(
                f"{row.provider_id} has not had its end as {', '.join(taken)}; it is not given a new value"
            )
        mark = self._mark(work, issuer) or cutover.in_force(self._clock.now(), None)
        intent = self._ledger.intend(self._run, secret, "activate", row.name, row.id)
        with self._outcome({secret: intent}):
            self._insist(lambda: issuer.activate(credential))
        self._ledger.activated(self._run, secret, intent, row, _dated(mark, issuer) or {})
        return f"{row.name} is in force at its provider"

    def _insist(self, effect: Callable[[], None]) -> None:
        """Of what may be done twice, a lost answer is asked for again: the old value may be dead by now."""
        for turn in range(_TURNS - 1):
            try:
                with after_an_effect(turn):
                    return effect()
            except DOUBTFUL:
                self._clock.sleep(1)
        with after_an_effect():
            return effect()

    def _accept(self, work: Work) -> str:
        """A new credential may take a while to be known everywhere; one that never is must not be written."""
        secret, row, credential = work.secret.name, work.row.id, self._credential(work)
        issuer = self._systems.issuer(work.secret)
        intent = self._ledger.intend(self._run, secret, "accept", credential.name, row)

        def accepted() -> bool | None:
            return True if issuer.answer(credential) is Answer.ACCEPTED else None

        with self._outcome({secret: intent}):
            if not self._clock.poll(accepted, every=2, within=PROPAGATION):
                raise self._not_accepted(work, issuer, credential)
        self._ledger.accepted(self._run, secret, intent, work.row)
        return f"{credential.name} is accepted by its provider"

    def _not_accepted(self, work: Work, issuer: Issuer, credential: Credential) -> RotorError:
        """One that was in use and is refused was ended by somebody else: it is never written again."""
        row = work.row
        try:
            answer = issuer.verify(credential)
        except StoppedError:
            raise
        except RotorError as error:
            return RotorError(f"{row.name} was minted, and the provider does not say that it accepts it: {error}")
        if answer is not Answer.REFUSED or row.id not in work.state.distributed:
            return RotorError(f"{row.name} was minted, and the provider does not accept it")
        if row.state is CredentialState.PENDING:
            self._ledger.abandoned(self._run, work.secret.name, row.id)
        return RotorError(
            f"{row.name} is not written: somebody else has ended it, and the provider accepts it no more",
            hint="Run again with -e rotate_force=true, and another takes its place",
        )


def _dated(mark: Evidence | None, issuer: Issuer) -> Evidence | None:
    """Add the issuer's time, as its answer has just told it, to a mark from which an end is reckoned."""
    time = issuer.connection.server_time() if mark and "old_ends_at" in mark and issuer.connection else None
    return {**mark, "in_force_by_issuer": time.isoformat()} if mark and time else mark
