# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effects at the end of a credential's life: revoked by the one rule, or ended by its provider; and the proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from ....module_utils._core.contracts import Answer, Issuer, Listed
from ....module_utils._core.credential import Credential
from ....module_utils._core.errors import OutcomeUnknownError, RotorError, after_an_effect
from ..decide import clocks, cutover, rule
from ..decide.state import CredentialRow, CredentialState, replacement_of
from .context import PROPAGATION, Acts, Work
from .recheck import Clocks, Recheck, lists

SETTLE = 1.0
"""Seconds between the two refusals that prove a revocation."""


class Revoking(Acts):
    def _clean(self, work: Work) -> str:
        return self._revoke(work)

    def _revoke(self, work: Work) -> str:
        """Revoke by the one rule, and prove it."""
        secret, row = work.secret, work.row
        blocking = rule.obstacles(secret, work.state, row, work.order)
        if blocking:
            gone = ",".join(rule.unmapped_holders(secret, work.state, row))
            hint = f"If what has left the map no longer has it, forget it: -e rotate_forget='{gone}'" if gone else ""
            raise RotorError(f"{row.name} is not revoked: {'; '.join(blocking)}", hint=hint)
        issuer = self._systems.issuer(secret)
        if issuer.traits.cuts_over:
            self._ledger.retired(self._run, secret.name, row.id, "never in force")
            return f"{row.name} never was in force, so there is nothing to revoke"
        if issuer.traits.revoke != "api":
            self._ledger.retired(self._run, secret.name, row.id, "gone from every copy")
            return f"{row.name} is gone from every copy; nobody issued it, so there is nothing to revoke"
        self._grace_over(work, issuer)
        listed = cache(issuer.listed)
        self._require(work, issuer, listed)
        Recheck(work, self._systems, self._ledger, self._clock.now()).demand(issuer, listed)
        intent = self._ledger.intend(self._run, secret.name, "revoke", row.name, row.id)
        with self._outcome({secret.name: intent}):
            issuer.revoke(Credential(row.provider_id, row.name, {}, row.facts))
            with after_an_effect():
                proof = self._prove(work, issuer, row)
        self._ledger.revoked(self._run, secret.name, intent, row, proof)
        return f"{row.name} revoked, proof: {proof}"

    def _grace_over(self, work: Work, issuer: Issuer) -> None:
        """By every clock; what never was in use has no grace."""
        failed = work.row.state in (CredentialState.PENDING, CredentialState.ABANDONED)
        if clocks.waits(work.secret, issuer.traits) and not failed:
            replacement = replacement_of(work.state, work.order)
            readings = Clocks(self._systems, self._ledger).after_a_grace(work.secret, replacement)
            clocks.demand_over(work.row.name, self._clock.now(), readings)

    def _require(self, work: Work, issuer: Issuer, all_listed: Callable[[], Sequence[Listed]]) -> None:
        row = work.row
        if "unused" not in work.secret.revoke.require or not issuer.tells_last_use(issuer.options):
            return
        listed = next((item for item in all_listed() if item.id == row.provider_id), None)
        replacement = replacement_of(work.state, work.order)
        since = replacement.closed_at if replacement else None
        if listed and listed.last_used_at and since and listed.last_used_at > since:
            raise RotorError(
                f"{row.name} was last used {listed.last_used_at:%Y-%m-%d %H:%M:%S}, after every copy had changed",
                hint="Something that the map does not name still uses it. Find it, add it, and run again",
            )

    def _prove(self, work: Work, issuer: Issuer, row: CredentialRow) -> str:
        """The best proof there is: ``refused`` by the provider; ``provider``, listed as revoked; or ``attested``.

        Of an issuer that lists nothing there is no more than its answer to the revoke.
        """
        replacement = replacement_of(work.state, work.order)
        if row.has_value and replacement and replacement.has_value:
            old, new = self._ledger.unseal(row), self._ledger.unseal(replacement)
            if self._refused_for_good(issuer, old, new):
                return "refused"
        if not lists(type(issuer)):
            return "attested"
        listed = next((item for item in issuer.listed() if item.id == row.provider_id), None)
        if listed is None or listed.revoked:
            return "provider"
        raise OutcomeUnknownError(f"{row.name} was revoked, and the provider still lists it as valid")

    def _refused_for_good(self, issuer: Issuer, old: Credential, new: Credential) -> bool:
        if not self._refused(issuer, old, new):
            return False
        self._clock.sleep(SETTLE)
        return self._refused(issuer, old, new)

    def _refused(self, issuer: Issuer, old: Credential, new: Credential) -> bool:
        def refused() -> bool | None:
            return True if issuer.answer(old) is Answer.REFUSED else None

        return bool(self._clock.poll(refused, every=2, within=PROPAGATION)) and issuer.answer(new) is Answer.ACCEPTED

    def _end(self, work: Work) -> str:
        """Its provider has ended it by itself, with the one that replaced it: see how well that can be proven."""
        secret, row = work.secret.name, work.row
        issuer = self._systems.issuer(work.secret)
        new = replacement_of(work.state, work.order)
        if clocks.ends_by_itself(issuer.traits):
            ends = cutover.old_has_ended_elsewhere(new)
            readings = Clocks(self._systems, self._ledger).at_the_providers_end(work.secret, ends)
            clocks.demand_over(row.name, self._clock.now(), readings)
        intent = self._ledger.intend(self._run, secret, "end", row.name, row.id)
        with self._outcome({secret: intent}):
            proof = self._prove_end(issuer, row, new)
        gap = cutover.gap(work.state, new)
        at = cutover.old_has_ended(new) or (gap.since if gap else self._clock.now())
        self._ledger.ended(self._run, secret, intent, row, proof, at)
        return f"{row.name} has ended, proof: {proof}"

    def _prove_end(self, issuer: Issuer, row: CredentialRow, new: CredentialRow | None) -> str:
        """``attested`` where nobody can be asked: it has ended by what its provider publishes, and by nothing else."""
        value = self._ledger.unseal(new) if new and new.has_value else None
        if row.has_value and value:
            old = self._ledger.unseal(row)
            if issuer.answer(old) is not Answer.UNCLEAR and self._refused_for_good(issuer, old, value):
                return "refused"
            if issuer.answer(old) is Answer.ACCEPTED:
                raise RotorError(
                    f"{row.name} should have ended with the one that replaced it, and its provider still accepts it",
                    hint="If this lasts, end it at its provider, and run again",
                )
        if row.provider_id and new and row.provider_id != new.provider_id and lists(type(issuer)):
            listed = next((item for item in issuer.listed() if item.id == row.provider_id), None)
            if listed and not listed.revoked:
                raise RotorError(f"{row.name} should have ended, and its provider still lists it as valid")
            return "provider"
        replaced = value is not None and issuer.traits.cuts_over and issuer.answer(value) is Answer.ACCEPTED
        return "provider" if replaced else "attested"  # where there is one value at a time, the new one is the proof

    def _tidy(self, work: Work) -> str:
        self._ledger.value_dropped(self._run, work.secret.name, work.row.id)
        return "its value is no longer kept here"
