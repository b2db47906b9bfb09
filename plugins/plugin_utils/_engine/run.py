# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advances many secrets at once, each on its own, as far as a phase allows.

The calling thread schedules and speaks; others make the effects. After each effect, or group of them, the secret is
planned anew from the ledger, so nothing is ever remembered here that a crash could lose.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from queue import Empty, SimpleQueue
from typing import Any

from ...module_utils._core import guard, registry
from ...module_utils._core.contracts import Recover
from ...module_utils._core.errors import BusyError, PersonNeededError, StoppedError
from .decide import windows
from .decide.case import Case, is_under_way
from .decide.clocks import NotYetError
from .decide.planner import Action, in_environments, is_of_use, remaining
from .decide.state import ActionKind, CredentialState, Order, Origin, Phase, SecretState, Subject
from .effects import mint, revoke, write
from .effects.context import EffectContext, Work
from .pools import Pools
from .progress import Counts, ProgressReport
from .turns import Standing, Turns

EFFECTS: Mapping[ActionKind, Callable[[EffectContext, Work], str]] = {
    ActionKind.RECOVER: mint.recover,
    ActionKind.REVOKE_ORPHAN: revoke.revoke,
    ActionKind.APPROVE: revoke.ask,
    ActionKind.DISABLE: revoke.disable,
    ActionKind.NARROW: write.narrow,
    ActionKind.GIVE_UP: mint.give_up,
    ActionKind.MINT: mint.mint,
    ActionKind.ACTIVATE: mint.activate,
    ActionKind.ACCEPT: mint.accept,
    ActionKind.WRITE: write.write,
    ActionKind.VERIFY: write.verify,
    ActionKind.PROMOTE: write.promote,
    ActionKind.DISCARD: write.discard,
    ActionKind.REVOKE: revoke.revoke,
    ActionKind.RECHECK: revoke.check_again,
    ActionKind.CONFIRM_EXPIRY: revoke.confirm_expiry,
    ActionKind.PURGE_VALUE: revoke.purge_value,
}
"""What carries out each kind; a reload serves several secrets, looks are made on hosts, and to wait is nothing."""
_SLOW = {ActionKind.DISABLE, ActionKind.NARROW}
_ENDS = {*_SLOW, ActionKind.REVOKE}
_QUICK = {ActionKind.WRITE, *(kind for kind in ActionKind if kind.phase is Phase.ISSUED)} - _SLOW
_TOGETHER = (
    (ActionKind.PROBE, ActionKind.INSPECT),
    (ActionKind.APPROVE,),
    (ActionKind.NARROW,),
    (ActionKind.WRITE,),
)
"""What is done at once in one step. Reloads are not, but for those of one turn in the map."""
_WAITS = (
    ActionKind.ACCEPT,
    ActionKind.DISABLE,
    ActionKind.RELOAD,
    ActionKind.VERIFY,
    ActionKind.PROMOTE,
    *(k for k in ActionKind if k.phase is Phase.REVOKED),
)
"""What may wait long, and holds up nobody meanwhile."""
_MAY_FAIL = (ActionKind.WRITE, ActionKind.RELOAD, ActionKind.VERIFY)
"""What does not stop the others of its secret once the old value is dead."""


def perform(ctx: EffectContext, works: list[Work]) -> str:
    """Carry out one action, and say in a few words what came of it. RotorError: it did not happen, or nobody knows.

    Several works are one reload that serves several secrets; anything else comes alone.
    """
    ctx.clock.check()
    kind = works[0].action.kind
    with ctx.clock.busy(f"{', '.join(work.name for work in works)}  {kind.verb}{_object(works[0])}"):
        return write.reload(ctx, works) if kind is ActionKind.RELOAD else EFFECTS[kind](ctx, works[0])


class RotationStatus(StrEnum):
    READY = "ready"
    DONE = "done"
    HELD = "held"
    WAITING = "waiting"  # for its grace to pass, or for others to release what runs on it
    AWAITING = "awaiting"  # it is a person's turn
    PARTIAL = "partial"  # done in the environments that were picked
    TODO = "todo"  # it is Ansible's turn
    SKIPPED = "skipped"  # not begun
    LOCKED = "locked"  # another run is at work on it


AT_REST = (RotationStatus.DONE, RotationStatus.WAITING, RotationStatus.AWAITING, RotationStatus.PARTIAL)


@dataclass
class Rotation:
    """One secret on its way."""

    case: Case
    actions: list[Action] = field(default_factory=list)
    """What is left to do, by the case; both are read anew after each effect, or group of them."""
    status: RotationStatus = RotationStatus.READY
    problem: str = ""
    until: datetime | None = None
    in_flight: int = 0
    """How many effects are under way."""
    in_line: bool = False
    """Whether it is not begun before others are proven."""
    changed: bool = False
    held_at: Action | None = None
    lost: str = ""
    """Why the answer to its mint is not known."""
    failed: dict[tuple[ActionKind, str], tuple[Action, str]] = field(default_factory=dict)
    """Kind and target -> the action and its problem, of what has failed since the old value died."""

    @property
    def name(self) -> str:
        return self.case.secret.name

    @property
    def moving(self) -> bool:
        return self.status is RotationStatus.READY

    @property
    def is_bad(self) -> bool:
        """Whether it was held, or not begun."""
        return self.status in (RotationStatus.HELD, RotationStatus.SKIPPED)

    @property
    def awaits_release(self) -> bool:
        """Whether it waits until others have released what runs on it."""
        waits = self.status is RotationStatus.WAITING
        return waits and bool(self.actions) and self.actions[0].kind is ActionKind.RELOAD

    @property
    def under_way(self) -> bool:
        """Whether it goes on in this phase, if only after work on a host."""
        return self.moving or self.status is RotationStatus.TODO

    @property
    def standing(self) -> Standing:
        """Tell what it is to the others; one that is about to be minted has a new credential already."""
        if self.status is RotationStatus.HELD:
            return Standing.HELD
        if not any(action.phase <= Phase.ROLLED_OUT for action in self.actions):
            return Standing.PROVEN if self.minted else Standing.OTHER
        if not self.under_way:
            return Standing.OTHER
        mints = self.in_flight > 0 and self.actions[0].kind is ActionKind.MINT
        return Standing.UNPROVEN if self.minted or mints else Standing.ROLLING

    @property
    def minted(self) -> bool:
        """Whether it has a new credential, which this run has made or goes on with."""
        target, order = self.case.target, self.case.order
        if target is None or order.rollback:
            return False
        return target.state is CredentialState.PENDING or target.id > (order.base or 0)

    def hold(self, action: Action | None, problem: str) -> None:
        if self.status is not RotationStatus.HELD:
            self.status, self.problem, self.held_at = RotationStatus.HELD, problem, action
        elif action and self.held_at and action.kind is self.held_at.kind and problem not in self.problem:
            self.problem += f"; {problem}"


class Engine:
    """Schedule the effects of one run."""

    def __init__(
        self,
        ctx: EffectContext,
        orders: Mapping[str, Order],
        *,
        say: Callable[[str], None],
        environments: tuple[str, ...] = (),
        max_failures: int = 1,
        only_roll_out: bool = False,
    ) -> None:
        self._ctx = ctx
        self._ledger = ctx.ledger
        self._say = say
        self.picked = in_environments(environments)
        self._max_failures = max_failures
        self._only_roll_out = only_roll_out
        self.rotations = [self._rotation(order) for order in orders.values()]
        self._by_name = {rotation.name: rotation for rotation in self.rotations}
        self._turns = Turns(list(self._by_name))
        self._sharing: dict[str, list[Rotation]] = {}
        """Consumer -> the secrets that it is reloaded for."""
        for rotation in self.rotations:
            for consumer in rotation.case.secret.consumers:
                self._sharing.setdefault(consumer, []).append(rotation)
        self._blocked: dict[str, deque[Rotation]] = {}
        """Consumer -> the secrets whose reload of it waits for another secret."""
        self._todo: dict[str, list[tuple[int, str]]] = {}
        self._reloading: set[tuple[str, str]] = set()
        """Secret and consumer of the reloads that are in flight or handed over."""
        self._futures: dict[Future[str], list[tuple[Rotation, Work]]] = {}
        self._ended: SimpleQueue[Future[str]] = SimpleQueue()

    def _rotation(self, order: Order) -> Rotation:
        secret = self._ctx.secret_map.secrets[order.secret]
        traits = registry.find("issuers", secret.issuer.type).traits
        return Rotation(Case(secret, SecretState(), order, traits, self._ctx.clock.now()))

    @property
    def todo(self) -> list[dict[str, Any]]:
        """List what is left for Ansible, with one entry for each host."""
        found = []
        for host, work in self._todo.items():
            first, more = work[0][1], len(work) - 1
            what = f"{first}, and {more} more" if more else first
            found.append({"host": host, "work": [intent for intent, _what in work], "what": what})
        return found

    def advance(self, until: Phase) -> list[Rotation]:
        """Do everything that can be done up to the end of that phase. StoppedError when the run was asked to stop."""
        with ExitStack() as held:
            failures = self._ledger.failures(self._ctx.run)
            for rotation in self.rotations:
                self._lock(rotation, held)
            self._refresh(*self.rotations)
            for rotation in self.rotations:
                for kind, target, problem in failures.get(rotation.name, ()) if rotation.moving else ():
                    self._hold_again(rotation, ActionKind(kind), target, problem)
            for rotation in self.rotations:
                self._turns.note(rotation.name, rotation.standing)
            self._progress = ProgressReport(len(self.rotations), self._counts, self._ctx.clock, self._say)
            with Pools() as self._pools:
                self._dispatch(until)
                while self._futures:
                    finished = self._await_ended()
                    self._progress.waiting()
                    for future in finished:
                        parts = self._futures.pop(future)
                        self._collect(future, parts)
                        for rotation, _work in parts:
                            self._note(rotation)
                            self._turns.stir(rotation.name)
                    if finished and not self._ctx.clock.stopped:
                        self._dispatch(until)
            for rotation in self.rotations if not self._ctx.clock.stopped else ():
                self._keep_hold(rotation)
        self._ctx.clock.check()
        return self.rotations

    def _await_ended(self) -> list[Future[str]]:
        """Wait a moment for an effect to end, and return all that have ended."""
        ended: list[Future[str]] = []
        with suppress(Empty):
            ended.append(self._ended.get(timeout=0.2))
            while True:
                ended.append(self._ended.get_nowait())
        return ended

    def _keep_hold(self, rotation: Rotation) -> None:
        """Record what holds up a secret, or that nothing does any more, where it has moved at all."""
        before, problem = rotation.case.state.hold, rotation.problem
        if rotation.status is RotationStatus.HELD:
            if not before or (before.run, before.reason) != (self._ctx.run, problem):
                self._ledger.held(self._ctx.run, rotation.name, problem)
        elif before and rotation.status in AT_REST:
            self._ledger.released(self._ctx.run, rotation.name)

    def _lock(self, rotation: Rotation, held: ExitStack) -> None:
        try:
            held.enter_context(self._ctx.access.hold(rotation.name))
        except BusyError as error:
            rotation.status, rotation.problem = RotationStatus.LOCKED, str(error)

    def _read(self, *rotations: Rotation) -> None:
        states = self._ledger.states([rotation.name for rotation in rotations])
        for rotation in rotations:
            rotation.case = replace(rotation.case, state=states[rotation.name], now=self._ctx.clock.now())

    def _refresh(self, *rotations: Rotation) -> None:
        self._read(*rotations)
        for rotation in rotations:
            actions = remaining(rotation.case, self.picked)
            rotation.actions = [action for action in actions if not rotation.failed or _is_left(rotation, action)]

    # -- scheduling ---------------------------------------------------------------------------------------------

    def _dispatch(self, until: Phase) -> None:
        """Start all that can start now; what ends or steps aside at once may make room for others."""
        while name := self._turns.next(self._has_turn):
            rotation = self._by_name[name]
            if rotation.moving and not rotation.in_flight:
                before = (rotation.status, rotation.in_flight, rotation.in_line)
                self._start(rotation, until)
                if before != (rotation.status, rotation.in_flight, rotation.in_line):
                    self._note(rotation)

    def _note(self, rotation: Rotation) -> None:
        """Take notice of a change, and look again at one of the reloads that may have waited for it: it serves all."""
        self._turns.note(rotation.name, rotation.standing)
        for consumer in rotation.case.secret.consumers:
            blocked = self._blocked.get(consumer, deque())
            while blocked and not (blocked[0].moving and blocked[0].in_flight == 0):
                blocked.popleft()
            if blocked:
                self._turns.stir(blocked.popleft().name)

    def _start(self, rotation: Rotation, until: Phase) -> None:
        if rotation.failed and not (rotation.actions and rotation.actions[0].kind in _MAY_FAIL):
            problems = [problem for _action, problem in rotation.failed.values()]
            rotation.hold(next(iter(rotation.failed.values()))[0], "; ".join(problems))
        elif not rotation.actions:
            left_out = remaining(rotation.case, lambda _step: True)
            rotation.status = RotationStatus.PARTIAL if left_out else RotationStatus.DONE
        elif rotation.actions[0].phase <= until:
            self._start_first(rotation, rotation.actions[0])

    def _start_first(self, rotation: Rotation, first: Action) -> None:
        mints = first.kind is ActionKind.MINT and not rotation.case.must_finish
        rotation.in_line = mints and not self._has_room()
        if first.kind is ActionKind.WAIT:
            rotation.status, rotation.until = RotationStatus.WAITING, first.until
        elif first.kind is ActionKind.AWAIT:
            rotation.status = RotationStatus.AWAITING
        elif first.kind is ActionKind.MINT and rotation.lost:
            rotation.hold(first, rotation.lost)
        elif kept := self._keeps(rotation, first):
            rotation.status, rotation.problem = RotationStatus.WAITING, kept
        elif mints and (why := self._barred(rotation)):
            rotation.status, rotation.problem = RotationStatus.SKIPPED, f"not begun: {why}"
        elif rotation.in_line:
            self._turns.line_up(rotation.name)
        else:
            for action in _group(rotation):
                self._start_action(rotation, action)

    def _start_action(self, rotation: Rotation, action: Action) -> None:
        work = Work(rotation.case, action)
        if action.kind is ActionKind.RELOAD:
            self._start_reload(rotation, action)
        elif host := self._host_of(work):
            self._hand_over(host, f"{action.kind}{_object(work)}", [(rotation, work)])
        else:
            self._submit([(rotation, work)])

    def _host_of(self, work: Work) -> str | None:
        """Name the inventory host where only Ansible can do this; None where it is done here."""
        if work.action.kind is ActionKind.INSPECT:
            return self._ctx.secret_map.consumers[work.action.target].host
        if work.action.kind.subject is Subject.COPY:
            return work.copy.host
        return work.check.host if work.action.kind is ActionKind.VERIFY else None

    def _barred(self, rotation: Rotation) -> str:
        """Say why a rotation may not begin now, which it might when it was planned."""
        case, now, failures = rotation.case, self._ctx.clock.now(), self._turns.count(Standing.HELD)
        goes_on = case.is_urgent or is_under_way(case.state)
        if not goes_on and (freeze := self._ledger.freeze()):
            return f"all is {freeze}"
        if not (goes_on or case.order.anytime) and (closed := windows.closed(case.secret.window, now)):
            return closed
        return f"{failures} other secrets were held" if failures > self._max_failures else ""

    def _keeps(self, rotation: Rotation, action: Action) -> str:
        """Say what keeps an old credential now; no freeze does so where a rollback has replaced it.

        One that has an alternating identity ends before the next is made, and is no orphan.
        """
        case, row = rotation.case, rotation.case.state.credential(action.credential)
        was_in_use = row is not None and row.origin is not Origin.ORPHAN
        ends = action.kind in _ENDS or (action.kind is ActionKind.REVOKE_ORPHAN and was_in_use)
        if not (ends or (action.kind is ActionKind.APPROVE and action.again)):
            return ""
        if not (case.is_urgent or case.order.rollback) and (freeze := self._ledger.freeze()):
            return f"all is {freeze}"
        if ends and was_in_use and self._only_roll_out:
            return "this run only rolls out; rotor.secrets.revoke goes on"
        return ""

    def _start_reload(self, rotation: Rotation, action: Action) -> None:
        """Reload once for every secret that needs it now, once none is about to need it.

        Where others release a consumer, each secret waits for the release after its own writes; what is fed a value
        is reloaded for each secret by itself.
        """
        consumer = self._ctx.secret_map.consumers[action.target]
        if consumer.awaited:
            self._submit([(rotation, Work(rotation.case, action))])
            return
        sharing = (other for other in self._sharing[action.target] if other is not rotation and other.under_way)
        others = [other for other in sharing if not consumer.is_fed and self._turns.has_begun(other.name)]
        if any(_about_to_reload(other, action.target) for other in others):
            self._blocked.setdefault(action.target, deque()).append(rotation)
            return
        parts = [(rotation, Work(rotation.case, action))]
        for other in others:
            same = (mine for mine in _group(other) if _reloads(mine, action.target))
            parts += [
                (other, Work(other.case, mine)) for mine in same if (other.name, mine.target) not in self._reloading
            ]
        self._reloading |= {(part.name, action.target) for part, _work in parts}
        if host := consumer.host:
            self._hand_over(host, f"reload {action.target}", parts)
        else:
            self._submit(parts)

    def _hand_over(self, host: str, what: str, parts: list[tuple[Rotation, Work]]) -> None:
        """Put work on the list of what only Ansible can do."""
        first, action = parts[0][1].name, parts[0][1].action
        served = {work.name: work.action.credential for _rotation, work in parts}
        about, progress = (first, action.kind, action.target, action.credential), {"served": served}
        intent = self._ledger.intend(self._ctx.run, *about, waiting=True, progress=progress)
        self._todo.setdefault(host, []).append((intent, what))
        for rotation, _work in parts:
            rotation.status = RotationStatus.TODO

    def _submit(self, parts: list[tuple[Rotation, Work]]) -> None:
        for rotation, _work in parts:
            rotation.in_flight += 1
        works = [work for _rotation, work in parts]
        connection = None if works[0].action.kind in _WAITS else works[0].connection
        future = self._pools.submit(connection, perform, self._ctx, works)
        self._futures[future] = parts
        future.add_done_callback(self._ended.put)

    def _collect(self, future: Future[str], parts: list[tuple[Rotation, Work]]) -> None:
        for rotation, work in parts:
            rotation.in_flight -= 1
            self._reloading.discard((rotation.name, work.action.target))
        try:
            summary = future.result()
        except StoppedError:
            return
        except (NotYetError, PersonNeededError) as error:
            for rotation, _work in parts:
                self._set_aside(rotation, error)
            return
        except BaseException as error:  # noqa: BLE001 - what nobody foresaw must not stop the other secrets
            problem = str(guard.as_rotor_error(error))
            for rotation, work in parts:
                self._fail(rotation, work.action, problem)
            return
        for rotation, _work in parts:
            rotation.changed = True
            if not rotation.in_flight:  # nothing is decided before the last of a group has ended
                self._refresh(rotation)
        self._progress.effect(f"  {', '.join(rotation.name for rotation, _work in parts)}  {summary}")

    def _set_aside(self, rotation: Rotation, error: NotYetError | PersonNeededError) -> None:
        """Leave a rotation to a later run, or to a person; one that is held beside that stays so."""
        if rotation.status is RotationStatus.HELD:
            return
        rotation.problem = "; ".join(filter(None, [rotation.problem, str(error)]))
        if isinstance(error, NotYetError):
            rotation.status, rotation.until = RotationStatus.WAITING, error.until
            self._read(rotation)
        else:
            rotation.status = RotationStatus.AWAITING

    def _fail(self, rotation: Rotation, action: Action, problem: str) -> None:
        """Hold the secret; but where the old value is dead, go on with the rest of it."""
        self._read(rotation)  # the ledger now tells what may have been done
        lost = action.kind is ActionKind.MINT and rotation.case.traits.recover is Recover.READABLE
        if rotation.case.must_finish and action.kind in _MAY_FAIL:
            rotation.failed[action.kind, action.target] = (action, problem)
            self._refresh(rotation)
        elif rotation.case.must_finish and lost:
            rotation.lost = problem
            self._refresh(rotation)  # it is read back at once, not by the next run
        else:
            rotation.hold(action, problem)

    def _hold_again(self, rotation: Rotation, kind: ActionKind, target: str, problem: str) -> None:
        """Do not try again in a run what failed once in it: the phases that follow are for the other secrets."""
        found = next((one for one in rotation.actions if (one.kind, one.target) == (kind, target)), None)
        if not (rotation.case.must_finish and kind in _MAY_FAIL):
            rotation.hold(found, problem)
        elif found:
            rotation.failed[kind, target] = (found, problem)
            self._refresh(rotation)

    # -- how many at once ---------------------------------------------------------------------------------------

    def _counts(self) -> Counts:
        return Counts(sum(map(_writes_left, self.rotations)), self._turns.count(Standing.HELD))

    def _has_room(self) -> bool:
        """Allow one new credential more than may fail, and more with each that is proven."""
        allowed = self._max_failures + 1 + self._turns.count(Standing.PROVEN) - self._turns.count(Standing.HELD)
        return self._turns.unproven < allowed

    def _has_turn(self) -> bool:
        """Tell whether whoever is first in line can begin, or never will."""
        return self._has_room() or self._turns.count(Standing.HELD) > self._max_failures


def _object(work: Work) -> str:
    """Name what an action is done to."""
    subject = work.action.kind.subject
    if subject is Subject.CHECK:
        return f" {registry.find('checks', work.check.type).label(work.check.options)}"
    if subject is Subject.COPY:
        return f" {work.copy.label}"
    return f" {work.action.target}" if subject is Subject.CONSUMER else ""


def _group(rotation: Rotation) -> list[Action]:
    """Return the first action, and those of its step that may go with it."""
    actions = rotation.actions
    if not actions:
        return []
    first = actions[0]
    same = takewhile(lambda action: action.step == first.step, actions)
    if first.kind is ActionKind.RELOAD:
        turn = rotation.case.secret.steps[first.step or 0].turn_of(first.target)
        return list(takewhile(lambda action: action.kind is ActionKind.RELOAD and action.target in turn, same))
    kinds = next((kinds for kinds in _TOGETHER if first.kind in kinds), ())
    return list(takewhile(lambda action: action.kind in kinds, same)) or [first]


def _writes_left(rotation: Rotation) -> int:
    group = _group(rotation) if rotation.in_flight else []
    ended = len(group) - rotation.in_flight if group and group[0].kind is ActionKind.WRITE else 0
    return sum(action.kind is ActionKind.WRITE for action in rotation.actions) - ended


def _is_left(rotation: Rotation, action: Action) -> bool:
    """Whether an action has not failed, nor become pointless by what has, where a secret goes on after a failure."""
    failed = (action.kind, action.target) in rotation.failed
    return not failed and is_of_use(rotation.case, action)


def _reloads(action: Action, consumer: str) -> bool:
    return action.kind is ActionKind.RELOAD and action.target == consumer


def _about_to_reload(rotation: Rotation, consumer: str) -> bool:
    """Whether nothing but quick effects, or some in flight or on a host, stand between this secret and that reload."""
    if rotation.in_line:
        return False
    quick = list(takewhile(lambda action: action.kind in _QUICK, rotation.actions))
    after = _first_reloads(rotation.actions[len(quick) :])
    return bool(quick or rotation.in_flight) and any(_reloads(action, consumer) for action in after)


def _first_reloads(actions: list[Action]) -> list[Action]:
    """Return the reloads with which these begin, of one step."""
    return [one for one in takewhile(lambda one: one.kind is ActionKind.RELOAD, actions) if one.step == actions[0].step]
