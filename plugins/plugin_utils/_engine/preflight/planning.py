# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans a run: what is due, what stands in the way, and the order for each secret. Changes nothing anywhere."""

from __future__ import annotations

from typing import Any

from ....module_utils._core import guard
from ....module_utils._core.clock import Clock
from ..decide import planner, selection
from ..decide.case import Case, is_under_way, rollback_problem
from ..decide.planner import Action
from ..decide.selection import DueStatus, RunOptions
from ..decide.state import ActionKind, Order, SecretState, Subject
from ..effects.systems import Systems
from ..ledger.location import LedgerAccess
from ..secret_map.model import Secret, SecretMap
from .preflight import Planned, Preflight


class Planning:
    """The making of one plan."""

    def __init__(
        self,
        secret_map: SecretMap,
        options: RunOptions,
        systems: Systems,
        access: LedgerAccess,
        clock: Clock,
        *,
        keeps_files: bool = False,
    ) -> None:
        self._map = secret_map
        self._options = options
        self._ledger = access.ledger
        self._clock = clock
        self._keeps_files = keeps_files
        self._preflight = Preflight(secret_map, systems, access.ledger, clock, forget=options.forget)

    def plan(self) -> list[Planned]:
        """Every secret that the criteria reach; those that go are the ones with actions and without problems."""
        reached = [s for s in self._map.secrets.values() if selection.picked_by(self._options, s, self._map)]
        states = self._ledger.states([secret.name for secret in reached])
        planned = [self._assess(secret, states[secret.name]) for secret in reached]
        self._preflight.check([item for item in planned if item.actions and not item.problems])
        return planned

    def _assess(self, secret: Secret, state: SecretState) -> Planned:
        """What is wanted, by the map, the ledger and the options alone."""
        item = Planned(secret, state)
        self._adopt(item)
        item.due = selection.assess(secret, item.state, self._clock.now())
        mint = selection.wants_mint(item.due, item.state, self._options)
        drifted = tuple(copy.id for copy in secret.copies if {copy.id, copy.label} & set(self._options.forget))
        back, why = self._options.rollback, item.due.why
        item.order = Order(secret.name, mint, item.state.newest, back, drifted=drifted, why=why)
        case = Case(secret, item.state, item.order, item.traits, self._clock.now())
        item.dead = case.old_expired
        if self._wanted(item):
            item.actions = planner.remaining(case, self._picked)
            item.problems += self._refusals(item) + self._kept_on_hosts(item)
        return item

    def _adopt(self, item: Planned) -> None:
        """Take in the credential that a person has named as the one in use, if the ledger has not met it."""
        named = selection.named_credential(item.secret, self._options)
        if not named or any(row.provider_id == named for row in item.state.credentials):
            return
        try:
            listed = self._preflight.listed(item.secret)
            found = next((one for one in listed if one.id == named and not one.revoked), None)
            if found is None:
                item.problems += self._preflight.objections(item.secret, named) or [_NOT_LISTED.format(named)]
                item.candidates = [one for one in listed if not one.revoked]
                return
        except BaseException as error:  # noqa: BLE001 - it is about this secret alone
            item.problems.append(str(guard.as_rotor_error(error)))
            return
        item.state = selection.with_adopted(item.secret, item.state, named, found)
        item.adopted = item.state.credentials[-1]

    def _wanted(self, item: Planned) -> bool:
        if self._options.rollback:
            return is_under_way(item.state)
        return bool(item.order.mint or item.due.status is DueStatus.UNFINISHED or item.problems)

    def _picked(self, step: Any) -> bool:
        wanted = self._options.environments
        return not wanted or step.environment is None or step.environment in wanted

    def _refusals(self, item: Planned) -> list[str]:
        """What the map and the ledger forbid, whatever the providers say."""
        if item.order.rollback:
            problem = rollback_problem(item.secret, item.state, item.traits)
            return [f"there is no way back: {problem}. Run forward, without rotate_resume=rollback"] if problem else []
        if item.dead or not item.order.mint:
            return []
        problem = selection.guard_problem(item.secret, self._options)
        return [problem] if problem else self._no_turn(item) + self._left_behind(item)

    def _kept_on_hosts(self, item: Planned) -> list[str]:
        """Hosts that would get a value in a file that stays, now that nothing has been done yet."""
        hosts = {self._host_given_a_value(item.secret, action) for action in item.actions} - {None}
        if not self._keeps_files or item.dead or not hosts:
            return []
        names = ", ".join(sorted(map(str, hosts)))
        return [f"ANSIBLE_KEEP_REMOTE_FILES would leave a value on host {names}. Unset it, and run again"]

    def _host_given_a_value(self, secret: Secret, action: Action) -> str | None:
        if action.kind.subject is Subject.COPY:
            return next(copy.host for copy in secret.copies if copy.id == action.target)
        if action.kind is not ActionKind.RELOAD:
            return None
        consumer = self._map.consumers[action.target]
        return consumer.host if "stdin" in consumer.options else None

    def _no_turn(self, item: Planned) -> list[str]:
        """Why none of the identities that take turns is free."""
        if not item.traits.alternating:
            return []
        if item.state.current is None:
            return ["which of its identities is in use is not known to this ledger: name it in issuer.current_id"]
        waiting = [action for action in item.actions if action.kind is ActionKind.REVOKE_ORPHAN]
        taken = [row for row in item.state.credentials if row.alive and row.locatable and row != item.state.current]
        left = [row.name for row in taken if row.id not in {action.credential for action in waiting}]
        return [f"{', '.join(left)} has yet to be revoked, and its identity is not free before that"] if left else []

    def _left_behind(self, item: Planned) -> list[str]:
        """A cut-over reaches every environment at once."""
        left = [step.name for step in item.secret.steps if not self._picked(step)]
        if not item.traits.cuts_over or not left:
            return []
        return [f"the new one ends the old one everywhere, and rotate_environments leaves out {', '.join(left)}"]


_NOT_LISTED = "the credential {}, named as the one in use, is not listed as valid by its provider"
