# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suite must know of a store; each one is a file in ``benches``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options, Store
from tests.conformance.proxy import Line, Proxy
from tests.conformance.tasks import TaskResult, run_here
from tests.unit.core.doubles import ServersClock


@dataclass(frozen=True)
class Lie:
    """An answer with a good status that is no success: to which requests it comes, and what it says."""

    method: str
    path: str
    """A regular expression that is looked for in the path."""
    status: int
    body: Any
    headers: Mapping[str, str] | None = None
    body_contains: str = ""
    """What a request's body must hold as well, where several operations share a path."""
    operation: str = ""
    """The same for AWS: ``PutParameter``."""


@dataclass(frozen=True)
class Refusal:
    """How this system says no."""

    status: int
    headers: Mapping[str, str] | None = None
    body: Any = None

    @property
    def pause(self) -> float:
        """For how long it asks to be left alone."""
        return float((self.headers or {}).get("Retry-After", 0))


class Bench(ABC):
    """A store and the server behind it, with a :class:`Proxy` in between that can spoil answers.

    An instance serves one test: its container is its own, and empty. Servers are started once, by fixtures.
    """

    title: ClassVar[str]
    """The heading of its column: ``Vault KV v2``."""
    module: ClassVar[str]
    """Its thin module: ``vault_kv_secret``; empty where it has none."""
    server: ClassVar[str]
    """What is behind it: ``a real OpenBao, through hvac``."""
    atomic: ClassVar[bool] = False
    """Whether it compares and sets in one, so that a change between looking and writing is never overwritten."""
    races: ClassVar[str] = ""
    """Why a sibling that somebody changes while we write is lost, where the system offers nothing against that."""
    makes_containers: ClassVar[bool] = False
    """Whether a container comes with its first key, so that none can be missing."""
    may_be_plain: ClassVar[bool] = False
    """Whether the system also takes secrets that it does not encrypt."""
    bad_name: ClassVar[str | None] = None
    """A key that the system refuses; None where it takes every name."""
    lie: ClassVar[Lie | None] = None
    names: ClassVar[tuple[str, ...]] = ("FIRST_KEY", "SECOND_KEY", "SIBLING")
    throttle: ClassVar[Refusal] = Refusal(429, {"Retry-After": "7"})
    """Too many requests."""
    denial: ClassVar[Refusal] = Refusal(403)
    """The right to do this is missing; sent by the proxy to some requests only, so that one right can be missing."""
    proxy: Proxy | Line
    """What is between us and the store."""

    def __init__(self) -> None:
        self.clock = ServersClock()
        """For every store that this bench makes."""

    @property
    def url(self) -> str:
        """The proxy's address; a bench on a host has none."""
        assert isinstance(self.proxy, Proxy)
        return self.proxy.url

    @property
    def addresses(self) -> list[str]:
        """Under which an error may name the system, instead of the store's label."""
        return [self.proxy.url.split("/")[2]] if isinstance(self.proxy, Proxy) else []

    @property
    @abstractmethod
    def container(self) -> Options:
        """It is there (or comes with its first key), and is empty."""

    @property
    def missing(self) -> Options:
        """A container that is not there; asked only where it does not come with its first key."""
        raise NotImplementedError

    @abstractmethod
    def store(self, *, allowed: bool = True) -> Store:
        """Through the proxy, on ``self.clock``; ``allowed=False``: its credential has no right to the container."""

    @abstractmethod
    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        """The module's options for the same, without ``name``, ``value``, ``secrets`` and ``state``."""

    def tasks(self, options: Mapping[str, Any], secrets: Mapping[str, str | None]) -> list[dict[str, Any]]:
        """The options of as many tasks as it takes; a value of None means ``absent``."""
        (first, *more), state = secrets.items(), "absent" if None in secrets.values() else "present"
        named = [{"name": name, **({"value": value} if value is not None else {})} for name, value in [first, *more]]
        return [{**options, "state": state, **({"secrets": named} if more else named[0])}]

    def run_task(self, options: Mapping[str, Any], *, check: bool = False) -> TaskResult:
        """The module as a task runs it; an action plugin needs :func:`tests.conformance.tasks.play`."""
        return run_here(self.module, options, check=check)

    @abstractmethod
    def holds(self, key: str, value: str) -> bool:
        """Whether the key has exactly this value now; found out by a way that shares no code with ours."""

    @abstractmethod
    def exists(self, key: str) -> bool: ...

    def encrypted(self, key: str) -> bool:
        """Whether the system keeps it encrypted; asked where that is a choice."""
        raise NotImplementedError

    @abstractmethod
    def poke(self, key: str, value: str) -> None:
        """Somebody else sets it, past the proxy."""


Front = Callable[..., Proxy]
"""``front(upstream, reads="")`` starts a proxy that the suite stops; see :class:`Proxy`."""
OpenBench = Callable[[type[Bench], Front], AbstractContextManager[Bench]]
"""``open_bench`` of each file in ``benches``."""
