# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: a pure function of the map, the ledger and what was observed.

It answers one question: what is left to do until every copy and consumer is on the newest verified credential and
nothing older is alive? Resume, rollback, clean-up and an edited map are that same question over another state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from ....module_utils._core.contracts import Overlap, Recover, Traits
from ..secret_map.model import Copy, Secret, Step
from . import cutover
from .rule import holds, look_of, obstacles
from .state import CredentialRow, CredentialState, Mark, Order, Origin, SecretState, target_of


class Phase(IntEnum):
    ISSUED = 1
    ROLLED_OUT = 2
    REVOKED = 3


_PHASES = {
    "look": Phase.ISSUED,
    "recover": Phase.ISSUED,
    "clean": Phase.ISSUED,
    "mint": Phase.ISSUED,
    "activate": Phase.ISSUED,
    "accept": Phase.ISSUED,
    "write": Phase.ROLLED_OUT,
    "reload": Phase.ROLLED_OUT,
    "verify": Phase.ROLLED_OUT,
    "close": Phase.ROLLED_OUT,
    "abandon": Phase.ROLLED_OUT,
    "wait": Phase.REVOKED,
    "revoke": Phase.REVOKED,
    "end": Phase.REVOKED,
    "tidy": Phase.REVOKED,
}
_ENDED = {
    Overlap.NONE: "the old value is dead",
    Overlap.TIMED: "its provider ends the old one by itself",
}
Picked = Callable[[Step], bool]
"""Which steps a run works on: all, or those of the environments that were picked."""


@dataclass(frozen=True)
class Action:
    """One thing to do. The first of a list can always be done now, and so can those of its kind and step behind it."""

    kind: str
    step: int | None = None
    target: str = ""
    """A copy's id, a consumer's name, a check's key."""
    credential: int | None = None
    """The ledger's row; None for one that has yet to be minted."""
    until: datetime | None = None
    cut: bool = False
    """It ends the old value, and so it waits for the roll-out that closes the gap."""
    again: bool = False
    """A look right before a revoke, and not before a mint."""

    @property
    def phase(self) -> Phase:
        if self.again:
            return Phase.REVOKED
        return Phase.ROLLED_OUT if self.cut else _PHASES[self.kind]


def remaining(
    secret: Secret, state: SecretState, order: Order, traits: Traits, now: datetime, picked: Picked
) -> list[Action]:
    """Everything that is left to do, in order; empty when the secret is at rest."""

    if order.rollback and cutover.past_point_of_no_return(state, traits):
        order = replace(order, rollback=False)  # what it would go back to dies
    dead = not order.rollback and cutover.old_expired(state, traits, now)
    target = target_of(state, order)
    steps = [(i, step) for i, step in enumerate(secret.steps) if dead or picked(step)]
    actions = _issue(secret, state, order, traits, [step for _index, step in steps], dead, now)
    untouched = order.rollback and not (target and target.has_value)  # nothing was handed out: nothing to write
    if not untouched:
        actions += _roll_out(steps, state, order, traits, target, dead)
    left_out = [(i, step) for i, step in enumerate(secret.steps) if (i, step) not in steps]
    if untouched or not _by_step(left_out, state, target.id if target else None):
        actions += _endings(secret, state, order, traits, target, now, actions)
    return actions


def _issue(
    secret: Secret, state: SecretState, order: Order, traits: Traits, steps: list[Step], dead: bool, now: datetime
) -> list[Action]:
    """Everything until the new credential is sealed, and (but for a cut-over) valid."""
    target, lost = target_of(state, order), state.intent("mint")
    wanted = target is None and not order.rollback
    actions: list[Action] = []
    if lost and (traits.recover is Recover.READABLE or _leaves_an_orphan(traits)):
        actions.append(Action("recover", target=lost.target))
    turning = wanted and traits.turns and _grace_is_over(secret, state, now)
    blocking = [row for row in state.credentials if _is_in_the_way(state, row, traits, turning)]
    cleaned = [row for row in blocking if not obstacles(secret, state, row, order)]
    if cleaned and traits.revoke == "api" and not dead:
        actions += _looks(secret.copies, state, order, None)
    elif wanted and not dead:
        actions += _looks((copy for step in steps for copy in step.copies), state, order, None)
    actions += [Action("clean", credential=row.id) for row in cleaned]
    if wanted:
        actions.append(Action("mint", cut=traits.cuts_over and traits.value == "provider"))
    if not traits.cuts_over and not order.rollback:
        actions += _put_in_force(state, order, traits, target, dead)
    elif order.rollback and traits.value == "provider" and _is_untried(state, order, target):
        actions += [Action("accept", credential=target.id)] if target and target.has_value else []
    return actions


def _looks(
    copies: Iterable[Copy], state: SecretState, order: Order, about: CredentialRow | None, *, again: bool = False
) -> list[Action]:
    """Looks at copies on hosts that this run has yet to make: before a mint, or ``again`` before a revoke."""
    row = about.id if about else None
    left = [copy for copy in copies if copy.host and not look_of(state, order, copy, row)]
    return [Action("look", target=copy.id, credential=row, again=again) for copy in left]


def _leaves_an_orphan(traits: Traits) -> bool:
    """Whether what a lost mint has made stays valid beside the next one, until somebody ends it."""
    if traits.recover is Recover.RECONCILE:
        return traits.overlap is not Overlap.NONE
    return traits.recover is Recover.NONE and traits.overlap is Overlap.OPEN


def _grace_is_over(secret: Secret, state: SecretState, now: datetime) -> bool:
    since = state.current.closed_at if state.current else None
    return since is None or since + secret.revoke.after <= now


def _is_in_the_way(state: SecretState, row: CredentialRow, traits: Traits, turning: bool) -> bool:
    """Orphans end before another credential is made; where identities take turns, so does whoever has had one."""
    if not row.alive or not row.locatable or traits.cuts_over:
        return False
    return row.origin is Origin.ORPHAN or (turning and row is not state.current)


def _put_in_force(
    state: SecretState, order: Order, traits: Traits, target: CredentialRow | None, dead: bool
) -> list[Action]:
    actions = []
    about = target.id if target else None
    if traits.activates and not _is_active(state, target):
        actions.append(Action("activate", credential=about))
    if (traits.value == "provider" or traits.activates) and not dead and _is_untried(state, order, target):
        actions.append(Action("accept", credential=about))
    return actions


def _is_active(state: SecretState, target: CredentialRow | None) -> bool:
    if target is None or state.intent("activate", target.name):
        return False
    return target.state is not CredentialState.PENDING or target.in_force_since is not None


def _roll_out(
    steps: list[tuple[int, Step]],
    state: SecretState,
    order: Order,
    traits: Traits,
    target: CredentialRow | None,
    dead: bool,
) -> list[Action]:
    """Step by step, each proven before the next; where the old value dies, all copies, then all reloads."""
    about = target.id if target else None
    actions = _by_step(steps, state, about)
    under_way = target is None or target.state is CredentialState.PENDING
    if order.rollback or not (dead or (traits.cuts_over and under_way)):
        return actions
    cut = traits.cuts_over and traits.activates and not _is_active(state, target)
    activations = [Action("activate", credential=about, cut=True)] if cut else []
    reloads = {action.target: action for action in actions if action.kind == "reload"}  # one serves all the steps
    writes, checks = ([action for action in actions if action.kind == kind] for kind in ("write", "verify"))
    return [*writes, *activations, *reloads.values(), *checks]


def _by_step(steps: list[tuple[int, Step]], state: SecretState, target: int | None) -> list[Action]:
    return [action for index, step in steps for action in _step(index, step, state, target)]


def _is_untried(state: SecretState, order: Order, target: CredentialRow | None) -> bool:
    """Whether the provider has yet to accept what is to be written: a new credential, or one that others have replaced.

    Where somebody has changed copies, or another ledger has, they may have ended it, too.
    """
    if target is None:
        return True
    if order.moved:
        return target.accepted_in != order.run
    return target.state is CredentialState.PENDING and target.id not in state.distributed and not target.accepted_at


def _step(index: int, step: Step, state: SecretState, target: int | None) -> list[Action]:
    def on_target(mark: Mark | None) -> bool:
        return mark is not None and mark.credential == target

    writes = [
        Action("write", index, copy.id, target)
        for copy in step.copies
        if not holds(state, copy, target) or state.intent("write", copy.id)
    ]
    reloads = [
        Action("reload", index, name, target)
        for name in step.reload
        if writes or not on_target(state.running.get(name)) or state.intent("reload", name)
    ]
    checks = [
        Action("verify", index, key, target)
        for key in (check.key for check in step.verify)
        if writes or reloads or not on_target(state.proofs.get((step.name, key)))
    ]
    return writes + reloads + checks


def _endings(
    secret: Secret,
    state: SecretState,
    order: Order,
    traits: Traits,
    target: CredentialRow | None,
    now: datetime,
    before: list[Action],
) -> list[Action]:
    """Closing, the old ones' ends after their grace, and the tidying up behind them."""
    actions: list[Action] = []
    settled = target is not None and target.state is CredentialState.CURRENT
    if order.rollback and state.pending:
        actions.append(Action("abandon", credential=state.pending.id))
    elif not order.rollback and not settled:
        actions.append(Action("close", credential=target.id if target else None))
    cleaned = {action.credential for action in before if action.kind == "clean"}
    others = [row for row in state.credentials if row.alive and row is not target and row.id not in cleaned]
    doomed = [row for row in others if row.locatable]
    failed = [row for row in doomed if row.state in (CredentialState.PENDING, CredentialState.ABANDONED)]
    retired = [row for row in doomed if row not in failed]
    ends_by_call = traits.revoke == "api" and not traits.cuts_over
    looks = _looks(secret.copies, state, order, target or state.current, again=True) if ends_by_call else []
    actions += looks if failed else []
    actions += [Action("revoke", credential=row.id) for row in failed]
    since = target.closed_at if target and settled else None
    until = (since or now) + secret.revoke.after
    if traits.ends_the_old:
        until = cutover.old_has_ended(target) or now
    clock_runs_later = traits.ends_the_old and traits.overlap is Overlap.TIMED and not settled and until == now
    if retired and (until > now or clock_runs_later):
        actions.append(Action("wait", until=None if clock_runs_later else until))
    actions += looks if retired and not failed and not traits.ends_the_old else []
    actions += [Action("end" if traits.ends_the_old else "revoke", credential=row.id) for row in retired]
    if target and target.has_value and secret.retain != "current":
        actions.append(Action("tidy", credential=target.id))
    return actions


def is_of_use(secret: Secret, state: SecretState, action: Action) -> bool:
    """Whether a reload or a check makes sense although a copy could not be written: none in vain, and none twice."""
    if action.kind not in ("reload", "verify"):
        return True
    reload = action.kind == "reload"
    steps = [
        step for i, step in enumerate(secret.steps) if (action.target in step.reload if reload else i == action.step)
    ]
    marks = (
        state.running if reload else {key: mark for (name, key), mark in state.proofs.items() if name == steps[0].name}
    )
    mark = marks.get(action.target)
    done = mark is not None and mark.credential == action.credential and not state.intent(action.kind, action.target)
    return not done and any(holds(state, copy, action.credential) for step in steps for copy in step.copies)


def under_way(state: SecretState) -> bool:
    """Whether a rotation was begun, and neither finished nor undone to the end."""
    abandoned = CredentialState.ABANDONED
    left = (row for row in state.credentials if row.alive and row.locatable and row.state is abandoned)
    return bool(state.pending or state.intent("mint") or any(left))


def rollback_problem(secret: Secret, state: SecretState, traits: Traits) -> str | None:
    """Why there is no way back; None when there is one."""
    if cutover.past_point_of_no_return(state, traits):
        return _ENDED[traits.overlap]
    pending, old = state.pending, state.current
    if pending is None:
        return None if under_way(state) else "no rotation of it is under way"
    if (old and old.has_value) or pending.id not in state.distributed:
        return None
    labels = {copy.id: copy.label for copy in secret.copies}
    changed = {mark.label for mark in state.holdings.values() if mark.credential == pending.id}
    changed |= {
        labels.get(i.target, i.target) for i in state.intents if i.credential == pending.id and i.kind == "write"
    }
    return f"the old value of {', '.join(sorted(changed))} is not known here" if changed else None
