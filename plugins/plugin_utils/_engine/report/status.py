# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what the ledger says with what the providers and the copies say now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from ....module_utils._core import guard, registry
from ....module_utils._core.contracts import Answer, Evidence, Issuer, Listed, Maker
from ....module_utils._core.errors import LedgerError, RotorError, StoppedError
from ..decide import approval, planner, rule, selection
from ..decide.case import Case
from ..decide.departed import departed, relied_on
from ..decide.selection import Due, DueStatus, RunOptions
from ..decide.state import ActionKind, CredentialRow, Order
from ..effects.context import EffectContext
from ..effects.life import lists, may_show, over_by_list, tells_life
from ..effects.looks import bundles, observe
from ..effects.own import late_connections
from ..pools import Pools
from ..preflight.preflight import Preflight
from ..secret_map.model import Copy, Secret
from .claims import Basis, Claim, Fact, claim, life, places

_ANSWERS = {Answer.ACCEPTED: Fact.ACCEPTED, Answer.REFUSED: Fact.REFUSED}
_ENDS = (Fact.REFUSED, Fact.LISTED_ENDED)
_MINTS = (DueStatus.DUE, DueStatus.DEAD)
DRIFTS = (Fact.CHANGED, Fact.GONE)


class SecretCondition(StrEnum):
    """Name what may be true of a secret, the gravest first."""

    DEAD = "dead"  # what is in use is refused, or listed as ended
    DRIFTED = "drifted"  # somebody has changed a copy, or deleted it
    HELD = "held"  # the last run could not go on
    OVERDUE = "overdue"  # older than max_age, or about to be ended by its provider
    LEFT_ALIVE = "left_alive"  # nobody rotates it any more, and what no run will end is alive
    UNREACHABLE = "unreachable"  # a system that was asked has given no answer
    AWAITING = "awaiting_value"  # due, and a person has yet to make the value
    DUE = "due"  # to be minted anew for another reason
    UNFINISHED = "unfinished"  # a rotation is under way
    RESTING = "resting"  # due, and taken back: a person has to name it
    APPROVAL = "awaiting_approval"  # a person has yet to say yes to a revoke
    RELEASE = "awaiting_release"  # every copy is written, and others have yet to release what runs on it
    WAITING = "waiting"  # the old credential has its grace
    UNKNOWN = "unknown"  # this ledger does not know what is in use
    UNROTATED = "unrotated"  # nobody rotates it here
    UP_TO_DATE = "up_to_date"


@dataclass(frozen=True)
class SecretStatus:
    """A secret by the ledger, and what the systems say of it now."""

    case: Case
    due: Due
    asked: Mapping[int, Claim] = field(default_factory=dict)
    """Row -> what the provider says of it."""
    seen: Mapping[str, Claim] = field(default_factory=dict)
    """Copy -> whether it is as this ledger left it."""
    late: tuple[str, ...] = ()
    """Connections that a revoke waits for: they have yet to be opened with the new credential."""
    releases: str = ""
    """The consumer that others have yet to release, where nothing else is left to do before."""
    ends: datetime | None = None
    """When its provider says now that it ends the current credential."""
    departed: tuple[str, ...] = ()
    """Identities that have left the map, and that its provider still has."""

    @cached_property
    def places(self) -> list[Claim]:
        return [place for row in self.case.state.credentials if row.alive for place in places(self.case, row)]

    def may_run_on(self, consumer: str) -> list[Claim]:
        """Say on which credentials a consumer may run, where nobody knows."""
        return [one for one in self.places if one.fact is Fact.MAY_RUN and one.target == consumer]

    def life(self, row: CredentialRow) -> list[Claim]:
        """Say whether a credential lives: by its provider if it was asked and knows, else by the ledger."""
        said = [self.asked[row.id]] if row.id in self.asked else []
        known = said and said[0].fact.basis is Basis.ASKED
        return said if known else [*said, *life(self.case, row)]

    @property
    def due_at(self) -> datetime | None:
        current = self.case.state.current
        return selection.due_at(self.case.secret, current, self.ends) if current else None

    @cached_property
    def waits(self) -> planner.Action | None:
        """Find the wait for the end of a grace, if nothing else is left to do before it."""
        return _first(self.case, ActionKind.WAIT)

    @cached_property
    def asks(self) -> bool:
        """Whether nothing but a person's yes is left to be had before a revoke, and a run has asked for that."""
        return bool(_first(self.case, ActionKind.APPROVE) and approval.unanswered(self.case))

    @property
    def conditions(self) -> list[SecretCondition]:
        """List all that is true of it, the gravest first."""
        state, overdue = self.case.state, bool(self.due_at and self.due_at < self.case.now)
        in_use = {mark.credential for mark in (*state.holdings.values(), *state.running.values())}
        in_use |= {state.current.id} if state.current else set()
        rest = SecretCondition.WAITING if self.waits else SecretCondition(self.due.status)
        rest = SecretCondition.APPROVAL if self.asks else SecretCondition.RELEASE if self.releases else rest
        awaiting = self.case.traits.value is Maker.PERSON and self.due.status in _MINTS and not state.pending
        said = [*self.asked.values(), *self.seen.values()]
        found = {
            SecretCondition.DEAD: any(one.fact in _ENDS and row in in_use for row, one in self.asked.items()),
            SecretCondition.DRIFTED: any(one.fact in DRIFTS for one in said),
            SecretCondition.HELD: state.hold is not None,
            SecretCondition.OVERDUE: overdue,
            SecretCondition.UNREACHABLE: any(one.fact is Fact.UNANSWERED for one in said),
            SecretCondition.AWAITING: awaiting,
            rest: not ((overdue or awaiting) and self.due.status is DueStatus.DUE),
        }
        if any(true for condition, true in found.items() if condition is not rest):
            found.pop(SecretCondition.UP_TO_DATE, None)
        return [condition for condition in SecretCondition if found.get(condition)]

    @property
    def state(self) -> SecretCondition:
        return self.conditions[0]


class Status:
    """Asks the systems of each secret once; an error is part of the answer."""

    def __init__(self, ctx: EffectContext, options: RunOptions) -> None:
        self._ctx = ctx
        self._map = ctx.secret_map
        self._options = options
        self._ledger = ctx.ledger
        self._preflight = Preflight(ctx, lambda _line: None)
        """Asks once for what the providers list."""
        self._relied = relied_on(ctx.secret_map)

    def ask(self) -> Iterator[SecretStatus]:
        """Yield each secret that the options pick, and what its systems say, of which all are asked at once."""
        picked = [s for s in self._map.secrets.values() if selection.picked_by(self._options, s, self._map)]
        head, now = self._ledger.audit_head(), self._ctx.clock.now()
        states = self._ledger.states([secret.name for secret in picked])
        with Pools() as pools:
            begun = []
            for secret in picked:
                traits = registry.find("issuers", secret.issuer.type).traits
                case = Case(secret, states[secret.name], Order(secret.name), traits, now)
                told = pools.submit(secret.issuer.connection, self._ask_provider, case)
                begun.append((case, told, pools.submit(secret.issuer.connection, self._departed, case)))
            seen: dict[tuple[str, str], Future[dict[tuple[str, str], Claim]]] = {}
            marked = [(case, copy) for case, _told, _gone in begun for copy in _marked(case)]
            for bundle in bundles(marked, lambda pair: pair[1]):
                future = pools.submit(bundle[0][1].store, self._look_at, bundle)
                seen |= {(case.secret.name, copy.id): future for case, copy in bundle}
            for case, told, gone in begun:
                name = case.secret.name
                asked, looks = told.result(), {c.id: seen[name, c.id].result()[name, c.id] for c in _marked(case)}
                if self._ledger.audit_head() != head and (state := self._ledger.state(name)) != case.state:
                    case = replace(case, state=state, now=self._ctx.clock.now())  # a run has changed it meanwhile
                    asked, looks = self._ask_provider(case), self._look_again(case)
                yield replace(self._status(case, *asked, looks), departed=gone.result())

    def _status(
        self, case: Case, asked: dict[int, Claim], listed: list[Listed], looks: dict[str, Claim]
    ) -> SecretStatus:
        current = case.state.current
        ends = next((one.expires_at for one in listed if current and one.id == current.provider_id), None)
        due = selection.assess(case.secret, case.state, case.now, ends)
        return SecretStatus(case, due, asked, looks, self._late(case), self._releases(case), ends)

    def _releases(self, case: Case) -> str:
        """Name the consumer that others have yet to release; empty where something else is to be done before."""
        reload = _first(case, ActionKind.RELOAD)
        return reload.target if reload and self._map.consumers[reload.target].awaited else ""

    def _late(self, case: Case) -> tuple[str, ...]:
        """List the connections that a revoke waits for, once all is rolled out; none where nobody can tell."""
        actions = planner.remaining(case) if case.is_settled and not case.secret.unrotated else []
        ends = {action.credential for action in actions if action.kind is ActionKind.REVOKE}
        rows = [row for row in case.state.credentials if row.id in ends]
        try:
            found = [late_connections(self._ctx, case, row) for row in rows]
        except (StoppedError, LedgerError):
            raise
        except BaseException as error:  # noqa: BLE001 - what cannot be read or asked is told by the plan
            guard.as_rotor_error(error)
            return ()
        return tuple(dict.fromkeys(name for names in found for name in names))

    def _departed(self, case: Case) -> tuple[str, ...]:
        """List the identities that have left the map and are still there; none where nobody can tell."""
        known = departed(case.secret, case.state, self._relied)
        try:
            there = self._ctx.systems.issuer(case.secret).still_there(known) if known else ()
            return tuple(one for one in known if one in there)
        except (StoppedError, LedgerError):
            raise
        except BaseException as error:  # noqa: BLE001 - whoever cannot be asked is told of where its credentials are
            guard.as_rotor_error(error)
            return ()

    def _ask_provider(self, case: Case) -> tuple[dict[int, Claim], list[Listed]]:
        """Ask the provider about each credential that may be alive there, and return what it lists, too."""
        secret, kind = case.secret, registry.find("issuers", case.secret.issuer.type)
        ours = (row for row in case.state.credentials if not secret.made_elsewhere(row.made_by))
        rows = [row for row in ours if row.alive and row.locatable]
        rows = [row for row in rows if life(case, row)[0].fact is not Fact.INACTIVE and (row.has_value or lists(kind))]
        if not rows or not tells_life(kind):
            return {}, []
        try:
            issuer, now = self._ctx.systems.issuer(secret), self._ctx.clock.now
            listed = self._preflight.listed(secret) if lists(kind) else None
            said = {row.id: claim(self._answer(secret, issuer, row, listed), row, at=now()) for row in rows}
            return said, listed or []
        except BaseException as error:  # noqa: BLE001 - it is about this secret alone
            problem = str(guard.as_rotor_error(error))
            return {row.id: claim(Fact.UNANSWERED, row, note=problem) for row in rows}, []

    def _answer(self, secret: Secret, issuer: Issuer, row: CredentialRow, listed: list[Listed] | None) -> Fact:
        """Return what the provider says to the value, or else of the id: absence from a list is no end."""
        shown = row.has_value and may_show(secret, type(issuer), row)
        answer = issuer.answer(self._ledger.unseal(row)) if shown else Answer.UNCLEAR
        found = next((one for one in listed or () if one.id == row.provider_id), None)
        over = found is not None and over_by_list(issuer, self._ctx.clock, found)
        if answer is Answer.REFUSED and found and not over:
            return Fact.UNCLEAR  # it may be one that may not be used from here
        if answer in _ANSWERS or listed is None:
            return _ANSWERS.get(answer, Fact.UNCLEAR)
        if found is None:
            return Fact.UNLISTED
        return Fact.LISTED_ENDED if over else Fact.LISTED

    def _look_again(self, case: Case) -> dict[str, Claim]:
        pairs = [(case, copy) for copy in _marked(case)]
        found = [self._look_at(bundle) for bundle in bundles(pairs, lambda pair: pair[1])]
        return {copy: said for claims in found for (_secret, copy), said in claims.items()}

    def _look_at(self, bundle: list[tuple[Case, Copy]]) -> dict[tuple[str, str], Claim]:
        """Compare copies of one connection with how this ledger left them, by secret and copy."""
        if bundle[0][1].host:
            seen: list[Evidence | RotorError | None] = [None]
        else:
            looks = [(copy, rule.watched(copy, case.state.holdings[copy.id])) for case, copy in bundle]
            seen = list(observe(self._ctx.systems, looks))
        pairs = zip(bundle, seen, strict=True)
        return {(case.secret.name, copy.id): self._compare(case, copy, evidence) for (case, copy), evidence in pairs}

    def _compare(self, case: Case, copy: Copy, seen: Evidence | RotorError | None) -> Claim:
        mark, said = case.state.holdings[copy.id], Claim(Fact.UNSEEN, target=copy.id, who=copy.label)
        if seen is None:
            return said
        try:
            if isinstance(seen, RotorError):
                raise seen
            unchanged = registry.find("stores", copy.type).unchanged
            if not unchanged(mark.evidence, seen):  # a run may have written it after the ledger was read
                mark = self._ledger.state(case.secret.name).holdings[copy.id]
            said = replace(said, at=mark.at)
            if unchanged(mark.evidence, seen):
                return replace(said, fact=Fact.UNSEEN if seen.get("unseen") else Fact.UNCHANGED)
            if rule.in_doubt(case.state, copy):
                return replace(said, fact=Fact.IN_DOUBT)
            return replace(said, fact=Fact.GONE if rule.is_gone(mark.evidence, seen) else Fact.CHANGED)
        except BaseException as error:  # noqa: BLE001 - it is about this copy alone
            return replace(said, fact=Fact.UNANSWERED, note=str(guard.as_rotor_error(error)))


def _first(case: Case, kind: ActionKind) -> planner.Action | None:
    """Find what is to be done first, if it is of a kind."""
    first = next(iter(planner.remaining(case)), None)
    return first if first and first.kind is kind else None


def _marked(case: Case) -> list[Copy]:
    """List the copies of which the ledger knows how they were left."""
    return [copy for copy in case.secret.copies if copy.id in case.state.holdings]
