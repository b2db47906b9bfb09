# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: a pure function of the map, the ledger and what was observed.

It answers one question: what is left to do until every copy and consumer is on the newest verified credential and
nothing older is alive? Resume, rollback, clean-up and an edited map are that same question over another state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial

from ....module_utils._core.contracts import Maker, Overlap, Recover, Revocation
from ..secret_map.model import Copy, Step
from . import clocks
from .approval import lacks_yes
from .case import Case, holds, unchecked
from .rule import admits, has_proven, lags, obstacles, probe_of, revokes_by_identity, shares_identity
from .state import ActionKind, CredentialRow, CredentialState, Mark, Origin, Phase


@dataclass(frozen=True)
class Action:
    """One thing to do. The first of a list can always be done now, and so can those of its kind and step behind it."""

    kind: ActionKind
    step: int | None = None
    target: str = ""
    """A copy's id, a consumer's name, a check's key."""
    credential: int | None = None
    """The ledger's row; None for one that has yet to be minted."""
    until: datetime | None = None
    cut: bool = False
    """It ends the old value, and so it waits for the roll-out that closes the gap."""
    again: bool = False
    """What is done right before a revoke, and not before a mint."""
    early: bool = False
    """What is done before a mint, and not in the roll-out."""

    @property
    def phase(self) -> Phase:
        if self.again:
            return Phase.REVOKED
        if self.early:
            return Phase.ISSUED
        return Phase.ROLLED_OUT if self.cut else self.kind.phase


Picked = Callable[[Step], bool]
"""Which steps a run works on: all, or those of the environments that were picked."""


def in_environments(environments: Collection[str]) -> Picked:
    """Pick the steps of these environments, and those of none; all of them where none is named."""
    return lambda step: not environments or step.environment is None or step.environment in environments


def remaining(case: Case, picked: Picked = lambda _step: True) -> list[Action]:
    """List everything that is left to do, in order; empty when the secret is at rest."""
    if case.order.rollback and case.past_point_of_no_return:
        case = replace(case, order=replace(case.order, rollback=False))  # what it would go back to dies
    scope = _Scope(case, picked)
    rules = (*_BEGINNINGS, *_ENDINGS) if scope.reaches_all else _BEGINNINGS
    return [action for rule in rules for action in rule(scope)]


@dataclass(frozen=True)
class _Scope:
    """Hold a case, and pick the steps and old credentials that a plan deals with."""

    case: Case
    picked: Picked

    @cached_property
    def steps(self) -> list[tuple[int, Step]]:
        steps = enumerate(self.case.secret.steps)
        return [(index, step) for index, step in steps if self.case.must_finish or self.picked(step)]

    @cached_property
    def untouched(self) -> bool:
        """Whether one goes back from what was never handed out, or to what is not known: nothing is written."""
        target = self.case.target
        return self.case.order.rollback and not (target and target.has_value)

    @property
    def reaches_all(self) -> bool:
        """Whether no step outside of the picked ones has anything left to do."""
        left_out = [step for step in enumerate(self.case.secret.steps) if step not in self.steps]
        return self.untouched or not _by_step(self.case, left_out)

    @cached_property
    def blocking(self) -> list[CredentialRow]:
        """List what ends before another credential is made: orphans, and whoever has an alternating identity."""
        case, current = self.case, self.case.state.current
        if case.traits.cuts_over:
            return []
        grace_is_over = not (current and current.closed_at) or current.closed_at + case.secret.revoke.after <= case.now
        alternates = case.wants_mint and case.traits.alternating and grace_is_over and case.order.given_up is None
        rows = [row for row in case.state.credentials if row.alive and row.locatable]
        rows = [row for row in rows if row.origin is Origin.ORPHAN or (alternates and row is not current)]
        rows = [row for row in rows if not (case.is_urgent and lacks_yes(case, row))]  # which would hold up the mint
        return [row for row in rows if not obstacles(case, row)]

    @cached_property
    def old(self) -> list[CredentialRow]:
        """List what is to end after the roll-out."""
        case = self.case
        rows = [row for row in case.state.credentials if row.alive and row.locatable and row is not case.target]
        return [row for row in rows if row not in self.blocking]

    @property
    def retired(self) -> list[CredentialRow]:
        return [row for row in self.old if not row.never_in_use or self.ends_unrevoked(row)]

    def ends_unrevoked(self, row: CredentialRow) -> bool:
        """Whether a credential that was in force needs no revoke: its replacement is its end."""
        if self.case.traits.ends_the_old:
            return not row.never_in_use or bool(row.given_up_at and row.in_force_since)
        return revokes_by_identity(self.case) and shares_identity(row, self.case.target)


# -- until the new credential is sealed, and (but for a cut-over) valid ---------------------------------------------


def _recover(scope: _Scope) -> list[Action]:
    """Look for a lost mint where it can be read back, or may have left an orphan; others end with the next mint."""
    lost, traits = scope.case.state.intent(ActionKind.MINT), scope.case.traits
    leaves = traits.overlap is Overlap.OPEN and traits.recover in (Recover.RECONCILE, Recover.NONE)
    wanted = leaves or traits.recover is Recover.READABLE
    names = [lost.target] if lost and wanted else []
    now, landed = scope.case.now, scope.case.order.landed
    names += [i.target for i in scope.case.state.sought if i.target in landed or (i.sought_until or now) <= now]
    return [Action(ActionKind.RECOVER, target=name) for name in names]


def _probe_before_mint(scope: _Scope) -> list[Action]:
    case = scope.case
    if case.must_finish:
        return []
    if scope.blocking and case.traits.revoke is Revocation.API:
        return _probes(case, case.secret.copies, None)
    picked = [copy for _index, step in scope.steps for copy in step.copies] if case.wants_mint else []
    return [*_probes(case, picked, None), *(_inspections(scope) if case.wants_mint else [])]


def _inspections(scope: _Scope) -> list[Action]:
    """Look on their hosts for the commands of consumers, where this run has yet to do so."""
    case = scope.case
    done = {name for name, look in case.state.inspections.items() if look.run == case.order.run}
    names = dict.fromkeys(name for _index, step in scope.steps for name in step.reload)
    return [Action(ActionKind.INSPECT, target=name) for name in names if name in case.secret.inspected - done]


def _probes(case: Case, copies: Iterable[Copy], about: int | None, *, again: bool = False) -> list[Action]:
    """Probe copies on hosts that this run has yet to probe: before a mint, or ``again`` before a revoke."""
    left = [copy for copy in copies if copy.host and not probe_of(case, copy, about)]
    return [Action(ActionKind.PROBE, target=copy.id, credential=about, again=again) for copy in left]


def _revoke_orphans(scope: _Scope) -> list[Action]:
    ends = [Action(ActionKind.REVOKE_ORPHAN, credential=row.id) for row in scope.blocking]
    return [*_questions(scope, scope.blocking), *_narrowing(scope, scope.blocking, again=False), *ends]


def _questions(scope: _Scope, rows: Iterable[CredentialRow], *, again: bool = False) -> list[Action]:
    """Ask for the yes of a person where the map wants one: before a mint, or ``again`` before a revoke."""
    asked = (row for row in rows if lacks_yes(scope.case, row))
    return [Action(ActionKind.APPROVE, credential=row.id, again=again) for row in asked]


def _give_up(scope: _Scope) -> list[Action]:
    row = scope.case.state.credential(scope.case.order.given_up)
    wanted = row is not None and row.given_up_at is None and scope.case.wants_mint
    return [Action(ActionKind.GIVE_UP, credential=row.id)] if row and wanted else []


def _mint(scope: _Scope) -> list[Action]:
    traits = scope.case.traits
    cut = traits.cuts_over and traits.value is Maker.PROVIDER
    kind = ActionKind.AWAIT if traits.value is Maker.PERSON else ActionKind.MINT
    return [Action(kind, cut=cut)] if scope.case.wants_mint else []


def _activate(scope: _Scope) -> list[Action]:
    case = scope.case
    if case.order.rollback or case.traits.cuts_over or not case.traits.activates or case.is_active:
        return []
    return [Action(ActionKind.ACTIVATE, credential=case.target_id)]


def _accept(scope: _Scope) -> list[Action]:
    """Show a credential to its provider before it is written; one that is gone back to, too."""
    case, traits, target = scope.case, scope.case.traits, scope.case.target
    shown = traits.value is not Maker.OURS or traits.activates
    if case.order.rollback:
        wanted = shown and target is not None and target.has_value and not case.order.unasked
    else:
        wanted = shown and not traits.cuts_over and not case.must_finish
    return [Action(ActionKind.ACCEPT, credential=case.target_id)] if wanted and case.is_untried else []


# -- every copy and consumer ----------------------------------------------------------------------------------------


def _roll_out(scope: _Scope) -> list[Action]:
    """Go step by step, each proven before the next; where the old value dies, all copies, then all reloads."""
    case = scope.case
    actions = [] if scope.untouched else _by_step(case, scope.steps)
    under_way = case.target is None or case.target.state is CredentialState.PENDING
    if case.order.rollback or not (case.must_finish or (case.traits.cuts_over and under_way)):
        return actions
    cut = case.traits.cuts_over and case.traits.activates and not case.is_active
    activations = [Action(ActionKind.ACTIVATE, credential=case.target_id, cut=True)] if cut else []
    reloads = {a.target: a for a in actions if a.kind is ActionKind.RELOAD}  # one serves all the steps
    writes, checks = ([a for a in actions if a.kind is kind] for kind in (ActionKind.WRITE, ActionKind.VERIFY))
    return [*writes, *activations, *reloads.values(), *checks]


def _by_step(case: Case, steps: list[tuple[int, Step]]) -> list[Action]:
    return [action for index, step in steps for action in _step(case, index, step)]


def _step(case: Case, index: int, step: Step) -> list[Action]:
    state, target = case.state, case.target_id

    def on_target(mark: Mark | None) -> bool:
        return mark is not None and mark.credential == target

    writes = [
        Action(ActionKind.WRITE, index, copy.id, target)
        for copy in step.copies
        if not holds(state, copy, target) or state.intent(ActionKind.WRITE, copy.id)
    ]
    reloads = [
        Action(ActionKind.RELOAD, index, name, target)
        for name in step.reload
        if writes or not on_target(state.running.get(name)) or state.intent(ActionKind.RELOAD, name)
    ]
    checks = [
        Action(ActionKind.VERIFY, index, check.key, target)
        for check in step.verify
        if writes or reloads or not on_target(state.proofs.get((step.name, check.key)))
    ]
    return writes + reloads + checks


# -- the end of the rotation, and of what it has replaced -----------------------------------------------------------


def _promote(scope: _Scope) -> list[Action]:
    case = scope.case
    if not case.order.rollback:
        return [] if case.is_settled else [Action(ActionKind.PROMOTE, credential=case.target_id)]
    return [Action(ActionKind.DISCARD, credential=case.state.pending.id)] if case.state.pending else []


def _revoke_failed(scope: _Scope) -> list[Action]:
    return _revokes(scope, [row for row in scope.old if row not in scope.retired])


def _revokes(
    scope: _Scope, rows: list[CredentialRow], checks: Iterable[Action] = (), *, probe: bool = True
) -> list[Action]:
    """Ask for a yes where the map wants one, look once more, let nobody in any more, and revoke."""
    probes = _probe_before_revoke(scope) if rows and probe else []
    revokes = [Action(ActionKind.REVOKE, credential=row.id) for row in rows]
    questions, narrowing = _questions(scope, rows, again=True), _narrowing(scope, rows, again=True)
    return [*questions, *checks, *probes, *narrowing, *revokes]


def _narrowing(scope: _Scope, rows: list[CredentialRow], *, again: bool) -> list[Action]:
    """Take the first of these credentials that is still let in out of what lets it in, which is then read anew.

    It is disabled before, with all that is asked before a revoke: a host cannot ask a provider.
    """
    case, act = scope.case, partial(Action, again=again, early=not again)
    new = case.replacement.id if case.replacement else None
    lists = [(index, copy) for index, step in case.secret.accepting for copy in step.copies]
    readers = [(index, name) for index, step in case.secret.accepting for name in step.reload]
    row = next((row for row in rows if any(admits(case, copy, row) for _index, copy in lists)), None)
    actions = []
    if row and not _is_disabled(case, row):
        actions.append(act(ActionKind.DISABLE, credential=row.id))
    if row:
        narrows = [(index, copy) for index, copy in lists if admits(case, copy, row)]
        actions += [act(ActionKind.NARROW, index, copy.id, row.id) for index, copy in narrows]
    late = [(index, name) for index, name in readers if rows and (row or lags(case.state, name))]
    return actions + [act(ActionKind.RELOAD, index, name, new) for index, name in late]


def _is_disabled(case: Case, row: CredentialRow) -> bool:
    """Whether this run has disabled it: what another run was told may have changed."""
    looked = case.state.disabled.get(row.id)
    return looked is not None and looked.run == case.order.run


def _probe_before_revoke(scope: _Scope) -> list[Action]:
    case = scope.case
    if case.traits.revoke is Revocation.AUTO or case.traits.cuts_over:
        return []
    about = case.replacement.id if case.replacement else None
    return _probes(case, case.secret.copies, about, again=True)


def _verify_before_revoke(scope: _Scope) -> list[Action]:
    """Run the checks on hosts once more, as the revoke itself does with all others."""
    case, new = scope.case, scope.case.replacement
    unasked = case.traits.revoke is Revocation.AUTO and not clocks.waits(case.secret, case.traits)
    if new is None or not new.has_value or case.traits.cuts_over or unasked:
        return []
    return [
        Action(ActionKind.VERIFY, index, check.key, new.id, again=True)
        for index, step in enumerate(case.secret.steps)
        for check in step.verify
        if check.host and not has_proven(case, step, check, new)
    ]


def _wait(scope: _Scope) -> list[Action]:
    """Wait for the grace; where the clock runs only from a later activation, nobody can tell yet until when."""
    case, target = scope.case, scope.case.target
    since = target.closed_at if target and case.is_settled else None
    until = (since or case.now) + case.secret.revoke.after
    if case.traits.ends_the_old:
        until = clocks.old_ends(target)[0] or case.now
    runs_later = clocks.ends_by_itself(case.traits) and not case.is_settled and until == case.now
    if scope.retired and (until > case.now or runs_later):
        return [Action(ActionKind.WAIT, until=None if runs_later else until)]
    return []


def _end_retired(scope: _Scope) -> list[Action]:
    expired = [row for row in scope.retired if scope.ends_unrevoked(row)]
    revoked = [row for row in scope.retired if row not in expired]
    ends = [Action(ActionKind.CONFIRM_EXPIRY, credential=row.id) for row in expired]
    checks = _verify_before_revoke(scope) if revoked else []
    return [*ends, *_revokes(scope, revoked, checks, probe=scope.retired == scope.old)]


def _check_again(scope: _Scope) -> list[Action]:
    """Run the checks once more after a revoke, which nobody can take back; Ansible runs those on hosts."""
    case = scope.case
    left = unchecked(case.secret, case.state) if case.is_settled and not scope.old else []
    here, there = ActionKind.RECHECK, ActionKind.VERIFY
    return [
        Action(there if check.host else here, index, check.key, case.target_id, again=bool(check.host))
        for index, check in left
    ]


def _purge(scope: _Scope) -> list[Action]:
    target = scope.case.target
    if target and target.has_value and scope.case.secret.retain != "current":
        return [Action(ActionKind.PURGE_VALUE, credential=target.id)]
    return []


_Rule = Callable[[_Scope], list[Action]]
_BEGINNINGS: tuple[_Rule, ...] = (
    _recover,
    _probe_before_mint,
    _revoke_orphans,
    _give_up,
    _mint,
    _activate,
    _accept,
    _roll_out,
)
_ENDINGS: tuple[_Rule, ...] = (_promote, _revoke_failed, _wait, _end_retired, _check_again, _purge)


def is_of_use(case: Case, action: Action) -> bool:
    """Whether a reload or a check makes sense although a copy could not be written: none in vain, and none twice."""
    if action.kind not in (ActionKind.RELOAD, ActionKind.VERIFY):
        return True
    state, steps = case.state, case.secret.steps
    if action.kind is ActionKind.RELOAD:
        steps = tuple(step for step in steps if action.target in step.reload)
        mark = state.running.get(action.target)
    else:
        steps = tuple(step for index, step in enumerate(steps) if index == action.step)
        mark = state.proofs.get((steps[0].name, action.target))
    done = mark is not None and mark.credential == action.credential and not state.intent(action.kind, action.target)
    return not done and any(holds(state, copy, action.credential) for step in steps for copy in step.copies)
