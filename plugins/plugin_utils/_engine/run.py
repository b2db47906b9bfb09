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

from ...module_utils._core import guard, registry
from ...module_utils._core.clock import Clock
from ...module_utils._core.contracts import Recover, Traits
from ...module_utils._core.errors import BusyError, StoppedError
from .decide import selection
from .decide.clocks import NotYetError
from .decide.cutover import old_expired
from .decide.planner import Action, Phase, is_of_use, remaining
from .decide.state import Order, SecretState
from .effects.context import Work
from .effects.effects import Effects
from .ledger.location import LedgerAccess
from .report.progress import Counts, Progress
from .secret_map.model import Secret, SecretMap, Step

THREADS = 8
_FAST = ("recover", "clean", "mint", "activate", "accept", "write")
_MAY_FAIL = ("write", "reload", "verify")
"""What does not stop the others of its secret once the old value is dead."""


@dataclass
class Rotation:
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
        access: LedgerAccess,
        clock: Clock,
        *,
        say: Callable[[str], None],
        environments: tuple[str, ...] = (),
        max_failures: int = 1,
    ) -> None:
        self._run = run
        self._map = secret_map
        self._effects = effects
        self._ledger = access.ledger
        self._locks = access.locks
        self._clock = clock
        self._say = say
        self._environments = environments
        self._max_failures = max_failures
        self.rotations = [
            Rotation(
                secret_map.secrets[name], order, registry.find("issuers", secret_map.secrets[name].issuer.type).traits
            )
            for name, order in orders.items()
        ]
        self.todo: list[dict[str, Any]] = []
        self._futures: dict[Future[str], list[Work]] = {}

    def picked(self, step: Step) -> bool:
        return not self._environments or step.environment is None or step.environment in self._environments

    def advance(self, until: Phase) -> list[Rotation]:
        """Do everything that can be done up to the end of that phase. StoppedError when the run was asked to stop."""
        with ExitStack() as held:
            failures = self._ledger.failures(self._run)
            for rotation in self.rotations:
                self._lock(rotation, held)
                self._refresh(rotation)
                for kind, target, problem in failures.get(rotation.secret.name, ()) if rotation.moving else ():
                    self._hold_again(rotation, kind, target, problem)
            self._progress = Progress(len(self.rotations), self._counts, self._clock, self._say)
            with ThreadPoolExecutor(THREADS, thread_name_prefix="rotor") as pool:
                self._dispatch(pool, until)
                while self._futures:
                    finished, _rest = wait(self._futures, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in finished:
                        self._collect(future)
                    if finished and not self._clock.stopped:
                        self._dispatch(pool, until)
        self._clock.check()
        return self.rotations

    def _lock(self, rotation: Rotation, held: ExitStack) -> None:
        try:
            held.enter_context(self._locks.hold(f"secret {rotation.secret.name}"))
        except BusyError as error:
            rotation.status, rotation.problem = "busy", str(error)

    def _refresh(self, rotation: Rotation) -> None:
        rotation.state = self._ledger.state(rotation.secret.name)
        now = self._clock.now()
        actions = remaining(rotation.secret, rotation.state, rotation.order, rotation.traits, now, self.picked)
        rotation.dead = not rotation.order.rollback and old_expired(rotation.state, rotation.traits, now)
        rotation.actions = [action for action in actions if not rotation.failed or _is_left(rotation, action)]

    # -- scheduling ---------------------------------------------------------------------------------------------

    def _dispatch(self, pool: ThreadPoolExecutor, until: Phase) -> None:
        """Start all that can start now; what ends or steps aside at once may make room for others."""
        before = None
        while before != (before := [(rotation.status, rotation.busy) for rotation in self.rotations]):
            for rotation in self._open_wave():
                if rotation.moving and not rotation.busy:
                    self._start(pool, rotation, until)

    def _start(self, pool: ThreadPoolExecutor, rotation: Rotation, until: Phase) -> None:
        if rotation.failed and not (rotation.actions and rotation.actions[0].kind in _MAY_FAIL):
            problems = [problem for _action, problem in rotation.failed.values()]
            self._hold(rotation, next(iter(rotation.failed.values()))[0], "; ".join(problems))
            return
        if not rotation.actions:
            rotation.status = "done"
            return
        first = rotation.actions[0]
        if first.phase > until:
            return
        if first.kind == "wait":
            rotation.status, rotation.until = "waiting", first.until
        elif first.kind == "mint" and rotation.lost:
            self._hold(rotation, first, rotation.lost)
        elif first.kind == "mint" and self._failures() > self._max_failures:
            rotation.status, rotation.problem = "idle", f"not begun: {self._failures()} other secrets were held"
        else:
            for action in _group(rotation.actions):
                if action.kind == "reload":
                    self._start_reload(pool, rotation, action)
                elif host := self._host_of(rotation, action):
                    copy = self._effects.copy(rotation.secret, action.target)
                    self._hand_over(host, f"{action.kind} {copy.label}", [self._work(rotation, action)])
                else:
                    self._submit(pool, [self._work(rotation, action)])

    def _start_reload(self, pool: ThreadPoolExecutor, rotation: Rotation, action: Action) -> None:
        """One reload for every secret that needs it now, once none is about to need it."""
        others = [other for other in self._open_wave() if other is not rotation and other.moving]
        if any(_about_to_reload(other, action.target) for other in others):
            return
        works = [self._work(rotation, action)]
        for other in others:
            works += [self._work(other, mine) for mine in _group(other.actions) if _reloads(mine, action.target)]
        if host := self._map.consumers[action.target].host:
            self._hand_over(host, f"reload {action.target}", works)
        else:
            self._submit(pool, works)

    def _host_of(self, rotation: Rotation, action: Action) -> str | None:
        """Where Ansible has to do it; None: it is done here."""
        on_copy = action.kind in ("look", "write")
        return self._effects.copy(rotation.secret, action.target).host if on_copy else None

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
            self._rotation(work).status = "todo"

    def _submit(self, pool: ThreadPoolExecutor, works: list[Work]) -> None:
        for work in works:
            self._rotation(work).busy += 1
        self._futures[pool.submit(self._effects.perform, works)] = works

    def _collect(self, future: Future[str]) -> None:
        works = self._futures.pop(future)
        rotations = [self._rotation(work) for work in works]
        for rotation in rotations:
            rotation.busy -= 1
        try:
            said = future.result()
        except StoppedError:
            return
        except NotYetError as error:
            for rotation in rotations:
                rotation.status, rotation.until, rotation.problem = "waiting", error.until, str(error)
            return
        except BaseException as error:  # noqa: BLE001 - what nobody foresaw must not stop the other secrets
            self._failed(works, str(guard.as_rotor_error(error)))
            return
        for rotation in rotations:
            rotation.changed = True
            self._refresh(rotation)
        self._progress.effect(f"  {', '.join(rotation.secret.name for rotation in rotations)}  {said}")

    def _failed(self, works: list[Work], problem: str) -> None:
        for work in works:
            rotation = self._rotation(work)
            rotation.state = self._ledger.state(rotation.secret.name)  # which now tells what may have been done
            self._fail(rotation, work.action, problem)

    def _fail(self, rotation: Rotation, action: Action, problem: str) -> None:
        """Hold the secret; but where the old value is dead, go on with the rest of it."""
        rotation.dead = not rotation.order.rollback and old_expired(rotation.state, rotation.traits, self._clock.now())
        if rotation.dead and action.kind in _MAY_FAIL:
            rotation.failed[action.kind, action.target] = (action, problem)
            self._refresh(rotation)
        elif rotation.dead and action.kind == "mint" and rotation.traits.recover is Recover.READABLE:
            rotation.lost = problem
            self._refresh(rotation)  # it is read back at once, not by the next run
        else:
            self._hold(rotation, action, problem)

    def _hold(self, rotation: Rotation, action: Action | None, problem: str) -> None:
        if rotation.status != "held":
            rotation.status, rotation.problem, rotation.held_at = "held", problem, action
        elif action and rotation.held_at and action.kind == rotation.held_at.kind and problem not in rotation.problem:
            rotation.problem += f"; {problem}"

    def _hold_again(self, rotation: Rotation, kind: str, target: str, problem: str) -> None:
        """What failed once in a run is not tried again in it: the phases that follow are for the other secrets."""
        found = next((one for one in rotation.actions if (one.kind, one.target) == (kind, target)), None)
        if rotation.dead and kind in _MAY_FAIL:
            if found:
                rotation.failed[kind, target] = (found, problem)
                self._refresh(rotation)
        else:
            self._hold(rotation, found, problem)

    # -- waves --------------------------------------------------------------------------------------------------

    def _open_wave(self) -> Iterator[Rotation]:
        """The rotations that may move: a wave begins when the one before it is rolled out, held or waits."""
        by_name = {rotation.secret.name: rotation for rotation in self.rotations}
        for wave in selection.waves(list(by_name)):
            rotations = [by_name[name] for name in wave]
            yield from rotations
            if any(rotation.moving and _rolling(rotation) for rotation in rotations):
                return

    def _counts(self) -> Counts:
        return Counts(
            sum(action.kind == "write" for rotation in self.rotations for action in rotation.actions), self._failures()
        )

    def _failures(self) -> int:
        return sum(rotation.status == "held" for rotation in self.rotations)

    def _work(self, rotation: Rotation, action: Action) -> Work:
        return Work(rotation.secret, rotation.order, action, rotation.state)

    def _rotation(self, work: Work) -> Rotation:
        return next(rotation for rotation in self.rotations if rotation.secret is work.secret)


def _group(actions: list[Action]) -> list[Action]:
    """The first action, and those of its kind and step that may go with it."""
    if not actions:
        return []
    first = actions[0]
    together = first.kind in ("look", "write", "reload")
    same = list(takewhile(lambda action: (action.kind, action.step) == (first.kind, first.step), actions))
    return same if together else same[:1]


def _is_left(rotation: Rotation, action: Action) -> bool:
    """Of a secret that goes on after a failure: neither what has failed, nor what that makes pointless."""
    failed = (action.kind, action.target) in rotation.failed
    return not failed and is_of_use(rotation.secret, rotation.state, action)


def _reloads(action: Action, consumer: str) -> bool:
    return action.kind == "reload" and action.target == consumer


def _about_to_reload(rotation: Rotation, consumer: str) -> bool:
    """Whether nothing but quick effects, or effects under way, stand between this secret and that reload."""
    quick = list(takewhile(lambda action: action.kind in _FAST, rotation.actions))
    after = _group(rotation.actions[len(quick) :])
    return bool(quick or rotation.busy) and any(_reloads(action, consumer) for action in after)


def _rolling(rotation: Rotation) -> bool:
    return any(action.phase <= Phase.ROLLED_OUT for action in rotation.actions)
