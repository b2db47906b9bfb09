# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans a run: what is due, what stands in the way, and the order for each secret. Changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from ....module_utils._core import guard, registry
from ....module_utils._core.contracts import Listed
from ..decide import approval, planner, selection, windows
from ..decide.case import Case, is_under_way, rollback_problem
from ..decide.loss import Loss, assess_loss, relied_on
from ..decide.selection import Due, DueStatus, RunOptions
from ..decide.state import ActionKind, CredentialRow, Freeze, Order, Phase, SecretState
from ..effects.context import EffectContext
from ..effects.life import lists
from ..secret_map.model import Secret
from . import waits
from .preflight import Planned, Preflight

_BEFORE_A_REVOKE = (ActionKind.PROBE, ActionKind.APPROVE, ActionKind.REVOKE_ORPHAN)
"""What is done before a mint, and also where there is none."""
_PROOFS = (ActionKind.VERIFY, ActionKind.PROMOTE)
_LAST_MOMENT = timedelta(days=1)
"""How long a rotation may take that a calendar has held up."""
_TURNS = 3
"""How often a secret is planned anew, because another run has changed it after its ledger was read."""


@dataclass(frozen=True)
class Planning:
    """Makes one plan."""

    ctx: EffectContext
    options: RunOptions
    preflight: Preflight
    keeps_files: bool

    def plan(self) -> list[Planned]:
        """Plan every secret that the criteria reach; those that go have actions and no problems."""
        secret_map = self.ctx.secret_map
        reached = [s for s in secret_map.secrets.values() if selection.picked_by(self.options, s, secret_map)]
        states = self.ctx.ledger.states([secret.name for secret in reached])
        planned = {item.name: item for item in self._plan(reached, states)}
        for _again in range(_TURNS):
            stuck = [secret for secret in reached if planned[secret.name].problems]
            now = self.ctx.ledger.states([secret.name for secret in stuck]) if stuck else {}
            changed = [secret for secret in stuck if now[secret.name] != states[secret.name]]
            self.preflight.forget_answers(secret.name for secret in changed)
            planned |= {item.name: item for item in self._plan(changed, now)}
            states = {**states, **now}
        return [replace(item, released=self._is_released(item)) for item in planned.values()]

    def _is_released(self, item: Planned) -> bool:
        """Say whether a secret that rests was held by what every plan asks, and this one has found nothing of it.

        What a run met in its preflight or on its way is not looked at while there is nothing to do.
        """
        hold, secret = item.case.state.hold, item.case.secret
        unasked = item.goes or item.problems or item.barred or self.options.rollback or self.options.only_revoke
        if not hold or unasked:
            return False
        never = bool(secret.unrotated) and not secret.left
        return never or item.name in self.ctx.ledger.run(hold.run)["plan"].get("at_rest", ())

    def _plan(self, secrets: Sequence[Secret], states: Mapping[str, SecretState]) -> list[Planned]:
        relied_on = [(one, states[one.name], self._relied_on(one, states[one.name])) for one in secrets]
        self.preflight.ask_lives([(secret, state, row) for secret, state, row in relied_on if row])
        selected = [self._select(secret, states[secret.name]) for secret in secrets]
        checked = {item.name: item for item in self.preflight.check([item for item in selected if item.goes])}
        return [checked.get(item.name, item) for item in selected]

    def _select(self, secret: Secret, recorded: SecretState) -> Planned:
        """Decide what is wanted, by the map, the ledger and the options alone."""
        runs = [yes.run for yes in self.options.approve if yes.secret == secret.name]
        recorded = approval.with_yes(recorded, runs, self.ctx.clock.now())  # which check mode does not record
        state, problems, candidates = self._adopt(secret, recorded)
        problems = [*problems, *(() if self.options.named else secret.moved)]
        now, back = self.ctx.clock.now(), self.options.rollback
        traits = registry.find("issuers", secret.issuer.type).traits
        current = self._relied_on(secret, state)
        ends = self.preflight.expires_at(secret, current) if current and current is state.current else None
        due = selection.assess(secret, state, now, ends)
        landed = self._landed(secret, state)
        mint = selection.wants_mint(due, state, self.options) or bool(landed and state.current is None)
        if landed and not mint:
            due = Due(DueStatus.UNFINISHED, f"a mint whose answer was lost has landed: {', '.join(landed)}")
        renamed = state is not recorded and state.current in recorded.credentials
        case = Case(secret, state, Order(secret.name), traits, now)
        lost = None if renamed else self._loss(case)
        if lost:
            due, mint = Due(lost.status, lost.why), not lost.problem
            problems = [*problems, *filter(None, [lost.problem])]
        drifted = tuple(copy.id for copy in secret.copies if copy.id in self.options.forget)
        order = Order(secret.name, mint, state.newest, back, drifted=drifted, landed=landed, why=due.why)
        urgent = self._dies_first(secret, state, ends)
        anytime, unasked = secret.name in self.options.confirm, back and self.options.force
        order = replace(order, anytime=anytime, urgent=urgent, unasked=unasked)
        if lost and mint:
            order = replace(order, given_up=lost.row.id, life=lost.life)
        case = replace(case, order=order)
        adopted = state.credentials[-1] if state is not recorded else None
        item = Planned(case, due, problems=tuple(problems), candidates=tuple(candidates), adopted=adopted)
        item = replace(item, only_ends=back or self.options.only_revoke)
        unfinished = mint or due.status is DueStatus.UNFINISHED or problems or self.options.only_revoke
        if secret.unrotated or not (is_under_way(state) if back else unfinished):
            nowhere = self._refusals(case, ()) if back and self.options.named and not secret.unrotated else ()
            return item.plus(nowhere)
        actions = tuple(planner.remaining(case, self._picked))
        if barred := self._bar(case, due, actions):
            return replace(item, barred=barred)
        refusals = [*self._refusals(case, actions), *self._kept_on_hosts(case, actions)]
        return replace(item, actions=actions, problems=(*problems, *refusals))

    def _dies_first(self, secret: Secret, state: SecretState, ends: datetime | None) -> bool:
        """Say whether the provider ends what is in use before a freeze does, or before the window opens."""
        ends = ends or (state.current.expires_at if state.current else None)
        opens = windows.next_opening(secret.window, self.ctx.clock.now())
        over = [time for time in (opens, self._freeze and self._freeze.until) if time]
        return ends is not None and any(ends <= time + _LAST_MOMENT for time in over)

    def _bar(self, case: Case, due: Due, actions: Sequence[planner.Action]) -> str:
        """Say why a secret is left alone that has something to do; empty where it is not."""
        freeze = None if self.options.rollback or case.is_urgent else self._freeze
        if freeze and actions:
            return f"all is {freeze}; rotor.secrets.thaw ends that"
        rest = (action for action in actions if not (action.early or action.phase is Phase.REVOKED))
        more = [action for action in rest if action.kind not in _BEFORE_A_REVOKE]
        if self.options.only_revoke and not self._only_looks(case, more):
            return "this run only revokes" if more or (due.status is DueStatus.DUE and not actions) else ""
        if not more or case.order.anytime or case.is_urgent or is_under_way(case.state):
            return ""
        barred = windows.closed(case.secret.window, case.now)
        return barred and f"{barred}; -e rotate_confirm={case.secret.name} begins it now"

    def _only_looks(self, case: Case, actions: Sequence[planner.Action]) -> bool:
        """Say whether others release what a secret runs on, and all that is left before a revoke is to see that."""
        awaited = {name for name in case.secret.consumers if self.ctx.secret_map.consumers[name].awaited}
        looks = (action.target in awaited or action.kind in _PROOFS for action in actions)
        return bool(awaited) and all(looks) and not case.order.mint

    def _relied_on(self, secret: Secret, state: SecretState) -> CredentialRow | None:
        unasked = self.options.rollback or self.options.only_revoke or secret.unrotated
        return None if unasked else relied_on(state, registry.find("issuers", secret.issuer.type).traits)

    def _landed(self, secret: Secret, state: SecretState) -> tuple[str, ...]:
        """Find lost mints that were not listed when they were looked for, and are now."""
        names = {intent.target for intent in state.sought}
        return tuple(sorted(names & self.preflight.unknown_names(secret))) if names and not secret.unrotated else ()

    def _loss(self, case: Case) -> Loss | None:
        """Find out whether the credential that a secret relies on has ended, and no copy shows that it is elsewhere."""
        row = self._relied_on(case.secret, case.state)
        if row is None:
            return None
        life = self.preflight.life(case.secret, case.state, row)
        found = assess_loss(case.secret, case.state, life, case.traits, self.options)
        drifted = found and found.status is DueStatus.DEAD and found.problem and not self.preflight.in_use(case, row)
        return None if drifted else found

    def _adopt(self, secret: Secret, state: SecretState) -> tuple[SecretState, list[str], list[Listed]]:
        """Add the credential that a person has named as the one in use, or tell why not, and which may be meant."""
        named = selection.named_credential(secret, self.options)
        if not named or any(row.provider_id == named for row in state.credentials):
            return state, [], []
        if secret.unrotated:
            return state, [f"the credential {named} is named as the one in use, and nobody rotates it here"], []
        try:
            if not lists(registry.find("issuers", secret.issuer.type)):  # a person's word is all that there is
                problems = self.preflight.objections(secret, named)
                return (state if problems else selection.with_adopted(secret, state, named, None)), problems, []
            listed = self.preflight.listed(secret)
            live = [one for one in listed if not one.revoked]
            found = next((one for one in listed if one.id == named), None)
            if found and (not found.revoked or state.current is None):
                return selection.with_adopted(secret, state, named, found), [], []
            if found:
                return state, [], []  # it had its end, and the ledger knows what is in use
            unknown = f"the credential {named}, named as the one in use, is not listed as valid by its provider"
            return state, self.preflight.objections(secret, named) or [unknown], live
        except BaseException as error:  # noqa: BLE001 - it is about this secret alone
            return state, [str(guard.as_rotor_error(error))], []

    @cached_property
    def _freeze(self) -> Freeze | None:
        return self.ctx.ledger.freeze()

    @property
    def _picked(self) -> planner.Picked:
        return planner.in_environments(self.options.environments)

    def _refusals(self, case: Case, actions: tuple[planner.Action, ...]) -> list[str]:
        """Find what the map and the ledger forbid, whatever the providers say."""
        if case.order.rollback:
            problem = rollback_problem(case.secret, case.state, case.traits)
            return [f"there is no way back: {problem}. Run forward, without rotate_resume=rollback"] if problem else []
        if case.old_expired:
            return []
        if not case.order.mint:
            return self._left_out(case) if case.past_point_of_no_return else []
        problem = selection.guard_problem(case.secret, self.options)
        if problem:
            return [problem]
        return [*_no_identity_free(case, actions), *self._left_out(case), *waits.problems(case, self.ctx.secret_map)]

    def _kept_on_hosts(self, case: Case, actions: tuple[planner.Action, ...]) -> list[str]:
        """Find hosts that would get a value in a file that stays, now that nothing has been done yet."""
        targets = {action.target for action in actions}
        hosts = {copy.host for copy in case.secret.copies if copy.id in targets}
        consumers = [self.ctx.secret_map.consumers[name] for name in case.secret.consumers if name in targets]
        hosts |= {consumer.host for consumer in consumers if "stdin" in consumer.options}
        names = ", ".join(sorted(filter(None, hosts)))
        problem = f"ANSIBLE_KEEP_REMOTE_FILES would leave a value on host {names}. Unset it, and run again"
        return [problem] if names and self.keeps_files and not case.old_expired else []

    def _left_out(self, case: Case) -> list[str]:
        """Find the steps that would be left with what a new credential ends in every environment, at once or later."""
        left = ", ".join(step.name for step in case.secret.steps if not self._picked(step))
        who = "the new one" if case.traits.cuts_over else "its provider"
        problem = f"{who} ends the old one everywhere, and rotate_environments leaves out {left}"
        return [problem] if left and case.traits.ends_the_old else []


def _no_identity_free(case: Case, actions: tuple[planner.Action, ...]) -> list[str]:
    """Say why a new credential can have none of the alternating identities."""
    if not case.traits.alternating or case.order.given_up is not None:
        return []  # the identity of one that is dead is given anew
    if case.state.current is None:
        return ["which of its identities is in use is not known to this ledger: name it in issuer.current_id"]
    orphans = {action.credential for action in actions if action.kind is ActionKind.REVOKE_ORPHAN}
    taken = [row for row in case.state.credentials if row.alive and row.locatable and row != case.state.current]
    left = [row.name for row in taken if row.id not in orphans]
    return [f"{', '.join(left)} has yet to be revoked, and its identity is not free before that"] if left else []
