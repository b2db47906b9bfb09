# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the world, its clock, and its judgement over what happens to the consumers."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import secrets
import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .faults import Faults, Gates
from .provider import Provider, Use

_entry: ContextVar[Entry | None] = ContextVar("entry", default=None)


@dataclass
class Entry:
    """A request as the journal remembers it: no value, no query, no body."""

    n: int
    at: float
    provider: str
    method: str
    path: str
    operations: list[str]
    mutating: bool
    token: str | None
    agent: str
    status: int | None = None
    effect: bool = False
    texts: list[str] = field(default_factory=list)
    """Where the answer has texts, if the switch `note_texts` is on."""

    def __str__(self) -> str:
        return f"request {self.n}: {' '.join([self.provider, self.method, self.path, *self.operations])}"


@dataclass
class Violation:
    at: float
    kind: str
    what: str
    cause: str
    until: float | None = None


@dataclass(frozen=True)
class Moment:
    """How things were from a time on: what lives, and what each place holds; a value is an id or a fingerprint."""

    at: float
    living: list[str]
    held: dict[str, dict[str, str]]
    ended: list[str]
    """What the requests of a client have ended so far."""


class Switches:
    """How the world behaves; set through the oracle. ``frozen``: budgets do not fill up, and checks stay open."""

    def __init__(self, of_providers: Iterable[Mapping[str, Any]]) -> None:
        values = {"named": [], "rate_limits": True, "note_texts": False, "frozen": False}
        vars(self).update(deepcopy(dict(ChainMap(values, *map(dict, of_providers)))))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)[name] = value

    def set(self, **changes: Any) -> None:
        known = {name: type(value) for name, value in vars(self).items()}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown switch {name}; known: {', '.join(known)}")
            if known[name] is float and isinstance(value, int):
                value = float(value)
            if value.__class__ is not known[name]:
                raise ValueError(f"switch {name} takes a {known[name].__name__}")
            setattr(self, name, value)


class World:
    def __init__(self, kinds: Sequence[type[Provider]], credentials: Mapping[str, str], speed: float = 1.0) -> None:
        names = [name for kind in kinds for name in kind.credentials()]
        self.credentials = {name: credentials.get(name) or f"sandbox-{secrets.token_urlsafe(24)}" for name in names}
        self.speed = speed
        self.faults = Faults()
        self.gates = Gates()
        self._timers: set[asyncio.TimerHandle] = set()
        self.providers: dict[str, Provider] = {}
        for kind in kinds:
            self.providers[kind.name] = kind(self)
        self.reset()

    def reset(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.faults.clear()
        self.gates.clear()
        self.switches = Switches(provider.switches for provider in self.providers.values())
        self.requests: list[Entry] = []
        self.violations: list[Violation] = []
        self.moments: list[Moment] = []
        self.minted: list[str] = []
        self.values: set[str] = set(self.credentials.values())
        self._broken: dict[tuple[str, str], Violation] = {}
        self._numbers = itertools.count(1)
        for provider in self.providers.values():
            provider.seed()
        self._foreign = self._possessions()
        self._keep_moment()

    # Time

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return 0.0 if self.switches.frozen else time.monotonic()

    def later(self, seconds: float, happen: Callable[[], None], cause: str) -> None:
        """Let something happen by itself after a simulated time, and judge it; at once, where that takes no time."""
        if seconds <= 0:
            happen()
            self.judge(cause)
            return

        def ring() -> None:
            self._timers.discard(timer)
            happen()
            self.judge(cause)

        timer = asyncio.get_running_loop().call_later(seconds / self.speed, ring)
        self._timers.add(timer)

    @staticmethod
    async def until(holds: Callable[[], bool], seconds: float) -> bool:
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds():
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(0.005)
        return True

    # The journal

    def record(self, **facts: Any) -> Entry:
        entry = Entry(n=next(self._numbers), at=self.now().timestamp(), **facts)
        self.requests.append(entry)
        _entry.set(entry)
        return entry

    def touch(self) -> None:
        """The state changes now; the request in hand, if there is one, has had an effect."""
        if (entry := _entry.get()) is not None:
            entry.effect = True

    def remember(self, *values: str) -> None:
        """Keep a secret value, so that tests can look for it where it must not be."""
        self.values.update(values)

    # The judgement

    def violate(self, kind: str, what: str, cause: str | None = None) -> Violation:
        violation = Violation(self.now().timestamp(), kind, what, cause or str(_entry.get()))
        self.violations.append(violation)
        return violation

    def judge(self, cause: str) -> None:
        self._judge_uses(cause)
        self._judge_possessions(cause)
        self._keep_moment(by_client=cause.startswith("request "))

    def _keep_moment(self, *, by_client: bool = False) -> None:
        living = sorted(one for provider in self.providers.values() for one in provider.living())
        held: dict[str, dict[str, str]] = {}
        for provider in self.providers.values():
            for place, key, value in provider.contents():
                held.setdefault(place, {})[key] = self._fingerprint(value)
        before = self.moments[-1] if self.moments else None
        ended = [one for one in before.living if one not in living] if before and by_client else []
        now = Moment(self.now().timestamp(), living, held, [*(before.ended if before else []), *ended])
        if before is None or replace(now, at=before.at) != before:
            self.moments.append(now)

    def _fingerprint(self, value: str) -> str:
        return self.identify(value) or f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:16]}"

    def _judge_uses(self, cause: str) -> None:
        broken: dict[tuple[str, str], Use] = {}
        for provider in self.providers.values():
            broken |= {(use.consumer, use.credential): use for use in provider.uses() if use.status != 200}
        for key in self._broken.keys() - broken.keys():
            self._broken.pop(key).until = self.now().timestamp()
        for key in broken.keys() - self._broken.keys():
            use = broken[key]
            what = f"{use.consumer} holds {use.credential}, which answers {use.status}"
            self._broken[key] = self.violate("latent" if use.latent else "consumer", what, cause)

    def _judge_possessions(self, cause: str) -> None:
        now = self._possessions()
        for key, state in self._foreign.items():
            if now.get(key) != state and key[1] not in self.switches.named:
                self.violate("foreign", f"{key[0]} {key[1]} was {'changed' if key in now else 'removed'}", cause)
        self._foreign = {key: now[key] for key in self._foreign if key in now}

    @contextmanager
    def people(self, deed: str) -> Iterator[None]:
        """What people do is no fault of the client's, and from then on that is how things have to stay."""
        before = self._possessions()
        yield
        after = self._possessions()
        for key in before.keys() | after.keys():
            if before.get(key) != after.get(key):
                self._foreign.pop(key, None)
                self._foreign |= {key: after[key]} if key in after else {}
        self.judge(f"somebody's deed: {deed}")

    def _possessions(self) -> dict[tuple[str, str], Any]:
        return {key: state for provider in self.providers.values() for key, state in provider.possessions().items()}

    def identify(self, value: str) -> str | None:
        """Which credential a value is, in terms that may be shown."""
        return next(filter(None, (provider.identify(value) for provider in self.providers.values())), None)

    def probe(self, credential_id: str) -> int:
        """What its issuer says to a credential."""
        return next(filter(None, (provider.probe(credential_id) for provider in self.providers.values())))

    def picture(self) -> dict[str, Any]:
        return {name: provider.picture() for name, provider in self.providers.items()} | {
            "switches": vars(self.switches)
        }
