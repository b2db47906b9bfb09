# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One secret with all that is decided from, and what follows: its target, and whether the old value is dead.

Pure functions of the ledger. In doubt the old value counts as dead: an effect of unknown outcome may have been made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from ....module_utils._core.contracts import Maker, Overlap, Traits
from ..secret_map.model import CheckSpec, Copy, Secret
from .state import ActionKind, CredentialRow, CredentialState, Intent, Order, SecretState, target_of


@dataclass(frozen=True)
class Case:
    """Hold what the map, the ledger, the order and the issuer say of one secret, and when that was read."""

    secret: Secret
    state: SecretState
    order: Order
    traits: Traits
    now: datetime

    @cached_property
    def target(self) -> CredentialRow | None:
        """Find the credential that every copy is to hold; None where it has yet to be minted, or was never known."""
        return target_of(self.state, self.order)

    @property
    def target_id(self) -> int | None:
        return self.target.id if self.target else None

    @property
    def replacement(self) -> CredentialRow | None:
        """Find what stands in the place of an older credential: the current one, as long as there is no new one."""
        return self.target or self.state.current

    @property
    def is_settled(self) -> bool:
        """Whether the target is proven everywhere."""
        return self.target is not None and self.target.state is CredentialState.CURRENT

    @property
    def wants_mint(self) -> bool:
        return self.target is None and not self.order.rollback

    @property
    def is_active(self) -> bool:
        """Whether the provider has made the target valid, for certain."""
        if self.target is None or self.state.intent(ActionKind.ACTIVATE, self.target.name):
            return False
        return self.target.state is not CredentialState.PENDING or self.target.in_force_since is not None

    @property
    def is_untried(self) -> bool:
        """Whether the provider has yet to accept the target: a new one, or one that is gone back to or was replaced.

        Where somebody has changed copies, or another ledger has, they may have ended it, too; and who goes back may
        do so long after it was in use.
        """
        target = self.target
        if target is None:
            return True
        if self.order.drifted or self.order.rollback:
            return target.accepted_in != self.order.run
        handed_out = target.id in self.state.distributed
        return target.state is CredentialState.PENDING and not handed_out and not target.accepted_at

    # -- the old value --------------------------------------------------------------------------------------------

    @property
    def past_point_of_no_return(self) -> bool:
        return past_point_of_no_return(self.state, self.traits)

    @property
    def old_expired(self) -> bool:
        """Whether the old value of a rotation under way has ended, or may have: nothing may hold up the new one."""
        if not self.past_point_of_no_return or self.traits.overlap is Overlap.NONE:
            return self.past_point_of_no_return
        return self.old_ends_at is not None and self.old_ends_at <= self.now

    @property
    def old_ends_at(self) -> datetime | None:
        """Return when the provider ends the old value of a rotation under way, at the earliest, if after a while."""
        return min((row.old_ends_at for row in _begun(self.state) if row.old_ends_at), default=None)

    @property
    def must_finish(self) -> bool:
        """Whether the old value is dead and the run goes forward, so that a failure stops nothing else."""
        return not self.order.rollback and self.old_expired

    @property
    def is_urgent(self) -> bool:
        """Whether the old value is dead, or dies whatever is done: no calendar holds up the new one."""
        return self.order.urgent or self.order.given_up is not None or self.past_point_of_no_return

    def begun(self) -> datetime:
        """Return the first moment at which an effect made now may have been made: by an earlier attempt."""
        first = _lost(self.state, self.traits)
        return first.at if first and first.at else self.now


def past_point_of_no_return(state: SecretState, traits: Traits) -> bool:
    """Whether a rotation is under way that the old value does not survive: there is only the way forward."""
    if not traits.ends_the_old:
        return False
    return bool(_lost(state, traits) or any(row.in_force_since for row in _begun(state)))


def is_under_way(state: SecretState) -> bool:
    """Whether a rotation was begun, and neither finished nor undone to the end."""
    abandoned = CredentialState.ABANDONED
    left = (row for row in state.credentials if row.alive and row.locatable and row.state is abandoned)
    return bool(state.pending or state.intent(ActionKind.MINT) or any(left))


def rollback_problem(secret: Secret, state: SecretState, traits: Traits) -> str | None:
    """Say why there is no way back; None when there is one."""
    if past_point_of_no_return(state, traits):
        timed = traits.overlap is Overlap.TIMED
        return "its provider ends the old one by itself" if timed else "the old value is dead"
    if state.intent(ActionKind.PROMOTE):
        return "its provider may work with the new one already"
    begun, old = {row.id for row in _begun(state) if row.alive}, state.current
    if not begun:
        return None if is_under_way(state) else "no rotation of it is under way"
    if old and old.given_up_at:
        return "the old value is dead"
    if old is not state.in_use:
        return "what it would go back to was replaced by one that a person has named since"
    if (old and old.has_value) or not begun & state.distributed:
        return None
    labels = {copy.id: copy.label for copy in secret.copies}
    changed = {mark.label for mark in state.holdings.values() if mark.credential in begun}
    doubts = [i for i in state.intents if i.credential in begun and i.kind is ActionKind.WRITE]
    changed |= {labels.get(intent.target, intent.target) for intent in doubts}
    return f"the old value of {', '.join(sorted(changed))} is not known here" if changed else None


def unchecked(secret: Secret, state: SecretState) -> list[tuple[int, CheckSpec]]:
    """List the checks, with their steps, that held before the newest revoke, and were not run since.

    Only those of a credential in use whose value is kept. One that was run while the old one was disabled need not be
    run again: it came after the intent to revoke.
    """
    ended = max((number for (kind, _target), number in state.done.items() if kind is ActionKind.REVOKE), default=0)
    found: dict[str, tuple[int, CheckSpec]] = {}

    def held(check: CheckSpec) -> int:
        return state.done.get((ActionKind.VERIFY, check.key), ended)

    for index, step in enumerate(secret.steps if state.current and state.current.has_value else ()):
        found |= {check.key: (index, check) for check in step.verify if held(check) < ended}
    return list(found.values())


def holds(state: SecretState, copy: Copy, credential: int | None) -> bool:
    """Whether a copy holds that credential in every key that the map gives it now."""
    mark = state.holdings.get(copy.id)
    return mark is not None and mark.credential == credential and mark.keys == copy.templates


def _lost(state: SecretState, traits: Traits) -> Intent | None:
    """Find the oldest effect of unknown outcome that may have ended the old value."""
    return state.intent(ActionKind.MINT if traits.value is Maker.PROVIDER else ActionKind.ACTIVATE)


def _begun(state: SecretState) -> list[CredentialRow]:
    """List what the rotation that is under way has made: the new credential, and those given up before it."""
    return [*state.given_up, *([state.pending] if state.pending else [])]
