# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suite must know of a store; each one is a file in ``benches``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options, Store
from tests.conformance.proxy import Proxy


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


class Bench(ABC):
    """A store and the server behind it, with a :class:`Proxy` in between that can spoil answers.

    An instance serves one test: its container is its own, and empty. Servers are started once, by fixtures.
    """

    title: ClassVar[str]
    """The heading of its column: ``Vault KV v2``."""
    module: ClassVar[str]
    """Its thin module: ``vault_kv_secret``."""
    atomic: ClassVar[bool] = False
    """Whether it compares and sets in one, so that a change between looking and writing is never overwritten."""
    makes_containers: ClassVar[bool] = False
    """Whether a container comes with its first key, so that none can be missing."""
    bad_name: ClassVar[str | None] = None
    """A key that the system refuses; None where it takes every name."""
    lie: ClassVar[Lie | None] = None
    names: ClassVar[tuple[str, ...]] = ("FIRST_KEY", "SECOND_KEY", "SIBLING")
    proxy: Proxy | None = None
    """None where nothing is between us and the store (files on a host)."""

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
        """Through the proxy, on a virtual clock; ``allowed=False``: its credential has no right to the container."""

    @abstractmethod
    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        """The module's options for the same, without ``name``, ``value``, ``secrets`` and ``state``."""

    @abstractmethod
    def holds(self, key: str, value: str) -> bool:
        """Whether the key has exactly this value now; found out by a way that shares no code with ours."""

    @abstractmethod
    def exists(self, key: str) -> bool: ...

    @abstractmethod
    def poke(self, key: str, value: str) -> None:
        """Somebody else sets it, past the proxy."""


MakeBench = Callable[..., Bench]
"""A fixture of each file in ``benches``: called with pytest's ``request``, it gives a new bench."""
