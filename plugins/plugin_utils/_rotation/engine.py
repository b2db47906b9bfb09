# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advances many secrets at once, each on its own, as far as a phase allows.

The calling thread schedules and speaks; a pool makes the effects. After each effect the secret is planned anew from
the ledger, so nothing is ever remembered here that a crash could lose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Recover, Traits
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import BusyError, RotorError, StoppedError
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation import selection
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.acts import Work
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.cutover import is_dead
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.effects import Effects
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.journal import Journal
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.model import Secret, SecretMap, Step
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.planner import (
    Action,
    Phase,
    is_of_use,
    remaining,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.progress import Counts, Progress
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import Order, SecretState
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.surprises import surprise

THREADS = 8
_FAST = ("recover", "clean", "mint", "activate", "accept", "write")
_MAY_FAIL = ("write", "reload", "verify")
"""What does not stop the others of its secret once the old value is dead."""


@dataclass
class Lane:
    """One secret on its way."""

    secret: Secret
    order: Order
    traits: Traits
    state: SecretState = field(default_factory=SecretState)
    actions: list[Action] = field(default_factory=list)
    """What is left to do, by the state; both are read anew after each effect."""
    status: str = "ready"
    """ready, done, held, waiting (for its grace to pass), todo (Ansible's turn), idle (not begun), busy (another's)."""
    problem: str = ""
    until: datetime | None = None
    busy: int = 0
    changed: bool = False
    held_at: Action | None = None
    dead: bool = False
    """The old value has ended: what fails is told in the end, and holds up nothing."""
    lost: str = ""
    """Why the answer to its mint is not known."""
    failed: dict[tuple[str, str], tuple[Action, str]] = field(default_factory=dict)
    """Kind and target -> the action and its problem, of what has failed since."""

    @property
    def moving(self) -> bool:
        return self.status == "ready"


class Engine:
    """One run's effects."""

    def __init__(
        self,
        run: str,
        secret_map: SecretMap,
        orders: Mapping[str, Order],
        effects: Effects,
        journal: Journal,
        clock: Clock,
        *,
        say: Callable[[str], None],
        environments: tuple[str, ...] = (),
        max_failures: int = 1,
    ) -> None:
        self._run = run
        self._map = secret_map
        self._effects = effects
        self._ledger = journal.ledger
        self._locks = journal.locks
        self._clock = clock
        self._say = say
        self._environments = environments
        self._max_failures = max_failures
        self.lanes = [
            Lane(secret_map.secrets[name], order, registry.find("issuers", secret_map.secrets[name].issuer.type).traits)
            for name, order in orders.items()
        ]
        self.todo: list[dict[str, Any]] = []
        self._futures: dict[Future[str], list[Work]] = {}

    def picked(self, step: Step) -> bool:
        return not self._environments or step.environment is None or step.environment in self._environments

    def advance(self, until: Phase) -> list[Lane]:
        """Do everything that can be done up to the end of that phase. StoppedError when the run was asked to stop."""
        with ExitStack() as held:
            failures = self._ledger.failures(self._run)
            for lane in self.lanes:
                self._lock(lane, held)
                self._refresh(lane)
                for kind, target, problem in failures.get(lane.secret.name, ()) if lane.moving else ():
                    self._hold_again(lane, kind, target, problem)
            self._progress = Progress(len(self.lanes), self._counts, self._clock, self._say)
            with ThreadPoolExecutor(THREADS, thread_name_prefix="rotor") as pool:
                self._dispatch(pool, until)
                while self._futures:
                    finished, _rest = wait(self._futures, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in finished:
                        self._collect(future)
                    if finished and not self._clock.stopped:
                        self._dispatch(pool, until)
        self._clock.check()
        return self.lanes

    def _lock(self, lane: Lane, held: ExitStack) -> None:
        try:
            held.enter_context(self._locks.hold(f"secret {lane.secret.name}"))
        except BusyError as error:
            lane.status, lane.problem = "busy", str(error)

    def _refresh(self, lane: Lane) -> None:
        lane.state = self._ledger.state(lane.secret.name)
        now = self._clock.now()
        actions = remaining(lane.secret, lane.state, lane.order, lane.traits, now, self.picked)
        lane.dead = not lane.order.rollback and is_dead(lane.state, lane.traits, now)
        lane.actions = [action for action in actions if not lane.failed or _is_left(lane, action)]

    # -- scheduling ---------------------------------------------------------------------------------------------

    def _dispatch(self, pool: ThreadPoolExecutor, until: Phase) -> None:
        """Start all that can start now; what ends or steps aside at once may make room for others."""
        before = None
        while before != (before := [(lane.status, lane.busy) for lane in self.lanes]):
            for lane in self._open_wave():
                if lane.moving and not lane.busy:
                    self._start(pool, lane, until)

    def _start(self, pool: ThreadPoolExecutor, lane: Lane, until: Phase) -> None:
        if lane.failed and not (lane.actions and lane.actions[0].kind in _MAY_FAIL):
            problems = [problem for _action, problem in lane.failed.values()]
            self._hold(lane, next(iter(lane.failed.values()))[0], "; ".join(problems))
            return
        if not lane.actions:
            lane.status = "done"
            return
        first = lane.actions[0]
        if first.phase > until:
            return
        if first.kind == "wait":
            lane.status, lane.until = "waiting", first.until
        elif first.kind == "mint" and lane.lost:
            self._hold(lane, first, lane.lost)
        elif first.kind == "mint" and self._failures() > self._max_failures:
            lane.status, lane.problem = "idle", f"not begun: {self._failures()} other secrets were held"
        else:
            for action in _group(lane.actions):
                if action.kind == "reload":
                    self._start_reload(pool, lane, action)
                elif host := self._host_of(lane, action):
                    copy = self._effects.copy(lane.secret, action.target)
                    self._hand_over(host, f"{action.kind} {copy.label}", [self._work(lane, action)])
                else:
                    self._submit(pool, [self._work(lane, action)])

    def _start_reload(self, pool: ThreadPoolExecutor, lane: Lane, action: Action) -> None:
        """One reload for every secret that needs it now, once none is about to need it."""
        others = [other for other in self._open_wave() if other is not lane and other.moving]
        if any(_about_to_reload(other, action.target) for other in others):
            return
        works = [self._work(lane, action)]
        for other in others:
            works += [self._work(other, mine) for mine in _group(other.actions) if _reloads(mine, action.target)]
        if host := self._map.consumers[action.target].host:
            self._hand_over(host, f"reload {action.target}", works)
        else:
            self._submit(pool, works)

    def _host_of(self, lane: Lane, action: Action) -> str | None:
        """Where Ansible has to do it; None: it is done here."""
        on_copy = action.kind in ("look", "write")
        return self._effects.copy(lane.secret, action.target).host if on_copy else None

    def _hand_over(self, host: str, what: str, works: list[Work]) -> None:
        """Put it on the list of what only Ansible can do."""
        first = works[0]
        action = first.action
        credentials = {work.secret.name: work.action.credential for work in works}
        intent = self._ledger.intend(
            self._run,
            first.secret.name,
            action.kind,
            action.target,
            action.credential,
            waiting=True,
            progress={"served": credentials},
        )
        self.todo.append({"id": intent, "host": host, "what": what, "secrets": sorted(credentials)})
        for work in works:
            self._lane(work).status = "todo"

    def _submit(self, pool: ThreadPoolExecutor, works: list[Work]) -> None:
        for work in works:
            self._lane(work).busy += 1
        self._futures[pool.submit(self._effects.perform, works)] = works

    def _collect(self, future: Future[str]) -> None:
        works = self._futures.pop(future)
        lanes = [self._lane(work) for work in works]
        for lane in lanes:
            lane.busy -= 1
        try:
            said = future.result()
        except StoppedError:
            return
        except RotorError as error:  # BusyError as well: whoever has that container or consumer does not do our work
            self._failed(works, str(error))
            return
        except Exception as error:  # noqa: BLE001 - one secret's surprise must not stop the others
            self._failed(works, surprise(error))
            return
        for lane in lanes:
            lane.changed = True
            self._refresh(lane)
        self._progress.effect(f"  {', '.join(lane.secret.name for lane in lanes)}  {said}")

    def _failed(self, works: list[Work], problem: str) -> None:
        for work in works:
            lane = self._lane(work)
            lane.state = self._ledger.state(lane.secret.name)  # which now tells what may have been done
            self._fail(lane, work.action, problem)

    def _fail(self, lane: Lane, action: Action, problem: str) -> None:
        """Hold the secret; but where the old value is dead, go on with the rest of it."""
        lane.dead = not lane.order.rollback and is_dead(lane.state, lane.traits, self._clock.now())
        if lane.dead and action.kind in _MAY_FAIL:
            lane.failed[action.kind, action.target] = (action, problem)
            self._refresh(lane)
        elif lane.dead and action.kind == "mint" and lane.traits.recover is Recover.READABLE:
            lane.lost = problem
            self._refresh(lane)  # it is read back at once, not by the next run
        else:
            self._hold(lane, action, problem)

    def _hold(self, lane: Lane, action: Action | None, problem: str) -> None:
        if lane.status != "held":
            lane.status, lane.problem, lane.held_at = "held", problem, action

    def _hold_again(self, lane: Lane, kind: str, target: str, problem: str) -> None:
        """What failed once in a run is not tried again in it: the phases that follow are for the other secrets."""
        found = next((one for one in lane.actions if (one.kind, one.target) == (kind, target)), None)
        if lane.dead and kind in _MAY_FAIL:
            if found:
                lane.failed[kind, target] = (found, problem)
                self._refresh(lane)
        else:
            self._hold(lane, found, problem)

    # -- waves --------------------------------------------------------------------------------------------------

    def _open_wave(self) -> Iterator[Lane]:
        """The lanes that may move: a wave begins when the one before it is rolled out, held or waits."""
        by_name = {lane.secret.name: lane for lane in self.lanes}
        for wave in selection.waves(list(by_name)):
            lanes = [by_name[name] for name in wave]
            yield from lanes
            if any(lane.moving and _rolling(lane) for lane in lanes):
                return

    def _counts(self) -> Counts:
        return Counts(sum(action.kind == "write" for lane in self.lanes for action in lane.actions), self._failures())

    def _failures(self) -> int:
        return sum(lane.status == "held" for lane in self.lanes)

    def _work(self, lane: Lane, action: Action) -> Work:
        return Work(lane.secret, lane.order, action, lane.state)

    def _lane(self, work: Work) -> Lane:
        return next(lane for lane in self.lanes if lane.secret is work.secret)


def _group(actions: list[Action]) -> list[Action]:
    """The first action, and those of its kind and step that may go with it."""
    if not actions:
        return []
    first = actions[0]
    together = first.kind in ("write", "reload")
    same = list(takewhile(lambda action: (action.kind, action.step) == (first.kind, first.step), actions))
    return same if together else same[:1]


def _is_left(lane: Lane, action: Action) -> bool:
    """Of a secret that goes on after a failure: neither what has failed, nor what that makes pointless."""
    failed = (action.kind, action.target) in lane.failed
    return not failed and is_of_use(lane.secret, lane.state, action)


def _reloads(action: Action, consumer: str) -> bool:
    return action.kind == "reload" and action.target == consumer


def _about_to_reload(lane: Lane, consumer: str) -> bool:
    """Whether nothing but quick effects, or effects under way, stand between this secret and that reload."""
    quick = list(takewhile(lambda action: action.kind in _FAST, lane.actions))
    after = _group(lane.actions[len(quick) :])
    return bool(quick or lane.busy) and any(_reloads(action, consumer) for action in after)


def _rolling(lane: Lane) -> bool:
    return any(action.phase <= Phase.ROLLED_OUT for action in lane.actions)
