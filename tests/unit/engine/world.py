# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world in memory for the engine's tests: it holds the truth, judges every moment, and breaks where it is told to."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import StoppedError

WORLDS: dict[str, World] = {}
_machines = itertools.count(1)
MUTATING = ("mint", "activate", "revoke", "write", "update", "run", "execute")


class Killed(BaseException):
    """What a SIGKILL is to a process: nothing catches it, and nothing is done after it."""


class FakeClock(Clock):
    """Sleeping costs no time; the world's days pass when a test says so."""

    def __init__(self, start: datetime = datetime(2026, 11, 1, tzinfo=UTC)) -> None:
        super().__init__()
        self._now = start
        self._slept = 0.0

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._slept)

    def monotonic(self) -> float:
        return self._slept

    def sleep(self, seconds: float) -> None:
        if self.stopped:
            raise StoppedError("the run was asked to stop")
        self._slept += max(seconds, 0.01)
        time.sleep(0.0005)  # let another thread finish what is being waited for

    def __deepcopy__(self, _memo: object) -> FakeClock:
        other = FakeClock(self._now)
        other._slept = self._slept
        return other

    def pass_(self, **duration: float) -> None:
        self._now += timedelta(**duration)


@dataclass
class Issued:
    """A credential at its provider."""

    id: str
    name: str
    value: str
    created_at: datetime
    last_used_at: datetime | None = None
    revoked: bool = False
    disabled: bool = False
    """Whether its provider takes it for now no more."""
    ends_at: datetime | None = None
    """When its provider ends it by itself."""
    role: str | None = None
    """Whose password it is, where identities stay and values change."""


class Machine(dict[str, str]):
    """The values that a machine was last updated with; it stays itself through an update, which gives it a new mark."""

    id: int
    mark: int

    def start(self, values: dict[str, str]) -> None:
        self.clear()
        self.update(values)
        self.mark = next(_machines)


@dataclass
class Service:
    """Something that runs on copies."""

    reads: list[str]
    machines: list[Machine] = field(default_factory=list)
    sick: bool = False
    breaks_at: int | None = None
    """The machine whose update fails half-way through a reload."""


@dataclass(frozen=True)
class Moment:
    """What was true from one time on, until the next moment."""

    at: datetime
    boxes: dict[str, dict[str, tuple[str, int]]]
    machines: dict[str, list[dict[str, str]]]
    valid: dict[str, datetime | None]
    """Values that nobody has revoked, and when their provider ends each."""

    def lives(self, value: str, at: datetime) -> bool:
        ends = self.valid.get(value)
        return value in self.valid and (ends is None or ends > at)


class World:
    """Providers, stores and consumers, with an effect log and an oracle."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clock = FakeClock()
        self.issued: dict[str, Issued] = {}
        self.containers: dict[str, dict[str, tuple[str, int]]] = {}
        self.services: dict[str, Service] = {}
        self.log: list[tuple[str, str]] = []
        self.ledger = ""
        """Whose run it is."""
        self.revoked_by: set[tuple[str, str]] = set()
        """Ledgers and what each of them has revoked."""
        self.violations: list[str] = []
        self.made: set[str] = set()
        """Ids that this world issued to the engine; anything else is foreign to it."""
        self.named: set[str] = set()
        """Foreign ids that a person gave for revoking."""
        self.dropped: set[str] = set()
        """Identities that the provider has no more."""
        self.unclear: set[str] = set()
        """Ids about which the provider gives no clear answer."""
        self.stubborn: set[str] = set()
        """Ids that stay accepted although they are revoked."""
        self.received: defaultdict[str, set[str]] = defaultdict(set)
        """Value that ever was in a container -> the keys that it had."""
        self.stamps: dict[str, str] = {}
        """Box -> the ledger that it says it belongs to."""
        self.ended_by_others: set[str] = set()
        """Ids of what was in use, and died without the engine: whoever holds one is no fault of the engine's."""
        self.problems: dict[str, list[str]] = {}
        self.after: dict[str, Callable[[], None]] = {}
        """Kind of call -> what happens right after the next one."""
        self.connection_ends: datetime | None = None
        """When the credential expires with which its connection is opened."""
        self.ahead = timedelta()
        """How far the provider's clock is ahead of the engine's."""
        self.cuts_over = False
        """Whether a moment without a working credential is a gap, which is measured, and no violation."""
        self.gap_since: datetime | None = None
        self.gaps: list[timedelta] = []
        self.moments: list[Moment] = []
        self.ours: set[int] = set()
        """Versions that an engine has written."""
        self.forgetful = False
        """Whether a person has told a ledger to forget something."""
        self._calling = False
        self.points = 0
        self.crash_at: tuple[int, str] | None = None
        self.dead = False
        self.lock = threading.RLock()
        self._faults: list[list[Any]] = []
        self._numbers = itertools.count(1)
        WORLDS[name] = self

    def clone(self, name: str) -> World:
        """The same world, to be tried out in another way."""
        other = World(name)
        for what in (
            "clock",
            "issued",
            "containers",
            "services",
            "log",
            "ledger",
            "revoked_by",
            "made",
            "named",
            "cuts_over",
            "moments",
            "ours",
            "forgetful",
        ):
            setattr(other, what, deepcopy(getattr(self, what)))
        other._numbers = itertools.count(next(self._numbers) + 1)
        return other

    # -- faults -------------------------------------------------------------------------------------------------

    def fail(self, kind: str, error: BaseException, what: str = "", *, after: bool = False, times: int = 1) -> None:
        """The next ``times`` calls of that kind raise ``error``, before or after their effect."""
        self._faults.append([kind, what, error, after, times])

    def mend(self) -> None:
        self._faults.clear()

    def revive(self) -> None:
        """A new process: what was killed stays as it was."""
        self.dead, self.crash_at, self.points = False, None, 0

    def _fault(self, kind: str, what: str, *, after: bool) -> None:
        for fault in self._faults:
            if fault[0] == kind and fault[1] in what and fault[3] is after and fault[4] > 0:
                fault[4] -= 1
                raise fault[2]

    @contextmanager
    def point(self) -> Iterator[None]:
        """A moment at which a kill may come: before or after one outside call or commit."""
        if self.dead:
            raise Killed
        self.points += 1
        here = self.points
        self._maybe_die(here, "before")
        yield
        self._maybe_die(here, "after")

    def _maybe_die(self, point: int, when: str) -> None:
        if self.crash_at == (point, when):
            self.dead = True
            raise Killed

    def call(self, kind: str, what: str, effect: Callable[[], Any] = lambda: None) -> Any:
        """One call to the outside."""
        with self.lock, self.point():
            self._fault(kind, what, after=False)
            self._calling = True
            try:
                result = effect()
            finally:
                self._calling = False
            self.log.append((kind, what))
            if kind == "revoke":
                self.revoked_by.add((self.ledger, what))
            self.after.pop(kind, lambda: None)()
            self.remember()
            self._judge(f"{kind} {what}")
            self._fault(kind, what, after=True)
            return result

    # -- the oracle ---------------------------------------------------------------------------------------------

    def valid(self, value: str) -> bool:
        """Whether whoever holds a value is well, by the engine's doing."""
        issued = (one for one in self.issued.values() if one.value == value)
        return all(self._lives(one) or one.id in self.ended_by_others for one in issued)

    def lives(self, value: str) -> bool:
        """Whether its provider takes a value."""
        return all(self._lives(one) for one in self.issued.values() if one.value == value)

    def end(self, credential: str) -> None:
        """Somebody ends a credential at its provider, past the engine."""
        self.issued[credential].revoked = True
        self.ended_by_others.add(credential)

    def remember(self) -> None:
        """Keep how things are, if that is new."""
        boxes = {name: dict(box) for name, box in self.containers.items()}
        machines = {name: [dict(one) for one in service.machines] for name, service in self.services.items()}
        valid = {one.value: one.ends_at for one in self.issued.values() if not (one.revoked or one.disabled)}
        now = Moment(self.clock.now(), boxes, machines, valid)
        if not self.moments or replace(now, at=self.moments[-1].at) != self.moments[-1]:
            self.moments.append(now)

    def moments_at(self, time: datetime) -> list[Moment]:
        """What may have been true then: all moments that touch that time."""
        ends = [*(moment.at for moment in self.moments[1:]), datetime.max.replace(tzinfo=UTC)]
        spans = [(moment, sorted((moment.at, end))) for moment, end in zip(self.moments, ends, strict=True)]
        return [moment for moment, (since, until) in spans if since <= time <= until]  # a clock may be set back

    def holder_of(self, box: str, key: str) -> str:
        """The id of the credential in a box."""
        return next(one.id for one in self.issued.values() if one.value == self.containers[box][key][0])

    def judge_revoke(self, credential: str) -> None:
        """What works is not ended while what is in use in its place does not: both would be dead."""
        held = {value for service in self.services.values() for value in self._held(service)}
        ending = self.issued[credential]
        dead = [
            one.id
            for one in self.issued.values()
            if one.value in held and one.id in self.ended_by_others and self._keys(one) & self._keys(ending)
        ]
        if dead and self._lives(ending):
            self.violations.append(f"revoked {credential}, and {', '.join(dead)}, which is in use, is dead")

    def _keys(self, one: Issued) -> set[str]:
        return self.received.get(one.value, set())

    def _lives(self, one: Issued) -> bool:
        return not (one.revoked or one.disabled) and (one.ends_at is None or one.ends_at > self.clock.now())

    def _judge(self, when: str) -> None:
        broken = self.broken()
        if not self.cuts_over:
            self.violations += [f"after {when}: {name} holds a credential that was revoked" for name in broken]
        elif broken:
            self.gap_since = self.gap_since or self.clock.now()
        elif self.gap_since:
            self.gaps.append(self.clock.now() - self.gap_since)
            self.gap_since = None

    def broken(self) -> list[str]:
        """The services that hold what is no longer valid."""
        return [name for name, service in self.services.items() if not all(map(self.valid, self._held(service)))]

    def _held(self, service: Service) -> list[str]:
        """What its machines run on, and what they would run on if they were started now."""
        held = [value for machine in service.machines for value in machine.values()]
        return held + [value for where in service.reads for value, _at in self.containers.get(where, {}).values()]

    def counted(self, *kinds: str) -> int:
        return sum(kind in kinds for kind, _what in self.log)

    @property
    def mutations(self) -> list[str]:
        return [f"{kind} {what}" for kind, what in self.log if kind in MUTATING]

    @property
    def alive(self) -> list[Issued]:
        return [one for one in self.issued.values() if self._lives(one)]

    def values_in(self, service: str) -> set[str]:
        return {value for machine in self.services[service].machines for value in machine.values()}

    # -- what happens without the engine ------------------------------------------------------------------------

    def issue(self, name: str, *, engine: bool = False, role: str | None = None) -> Issued:
        number = next(self._numbers)
        one = Issued(f"{self.name}-{number}", name, f"value-{self.name}-{number:06}", self.clock.now(), role=role)
        self.issued[one.id] = one
        if engine:
            self.made.add(one.id)
        return one

    def put(self, container: str, values: dict[str, str]) -> None:
        """A write by hand, or by the engine."""
        for key, value in values.items():
            self.received[value].add(key)
        there = self.containers.setdefault(container, {})
        there.update({key: (value, next(self._numbers)) for key, value in values.items()})
        self.ours |= {there[key][1] for key in values if self._calling}
        self.remember()

    def remove(self, container: str, keys: Iterable[str]) -> None:
        """A removal by the engine."""
        assert container.endswith("list"), "the engine deletes no key but from what lets credentials in"
        for key in keys:
            self.containers[container].pop(key, None)
        self.remember()

    def serve(self, name: str, reads: list[str], machines: int = 2) -> Service:
        """A service that was started on what is in its containers now."""
        self.services[name] = service = Service(reads)
        for _turn in range(machines):
            self.start_machine(service)
        self.remember()
        return service

    def start_machine(self, service: Service) -> None:
        machine = Machine()
        machine.id = next(_machines)
        machine.start(self.snapshot(service))
        service.machines.append(machine)

    def release(self, name: str, machines: int | None = None) -> None:
        """Somebody else's release: the first machines, or all, run on what is in their containers now."""
        service = self.services[name]
        for machine in service.machines[:machines]:
            machine.start(self.snapshot(service))
        self.remember()

    def snapshot(self, service: Service) -> dict[str, str]:
        return {
            f"{where}/{key}": value
            for where in service.reads
            for key, (value, _version) in self.containers.get(where, {}).items()
        }


@contextmanager
def commits_as_points(world: World) -> Iterator[None]:
    """Every commit of a ledger that wrote something is a point, too. "After" is after the database has it."""

    def wrote(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")):
            connection.info["wrote"] = True

    def commit(connection: Any) -> None:
        if not connection.info.pop("wrote", False):
            return
        with world.lock, world.point():
            connection.connection.dbapi_connection.commit()

    sa.event.listen(sa.engine.Engine, "after_cursor_execute", wrote)
    sa.event.listen(sa.engine.Engine, "commit", commit)
    try:
        yield
    finally:
        sa.event.remove(sa.engine.Engine, "after_cursor_execute", wrote)
        sa.event.remove(sa.engine.Engine, "commit", commit)


def offer(collection: str, module: Any) -> None:
    """Make a module the ``rotor_provider.py`` of a collection that is not there."""
    sys.modules[f"ansible_collections.{collection}.plugins.module_utils.rotor_provider"] = module
