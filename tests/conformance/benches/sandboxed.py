# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in world, for the benches of systems that cannot be had: started once, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import ClassVar

from tests.conformance.bench import Bench, Front
from tests.conformance.proxy import Proxy
from tests.sandbox import server
from tests.sandbox.visitor import Visitor


class WorldBench(Bench):
    """A bench whose store asks the stand-in world."""

    base: ClassVar[str]
    """The path below which the world has the store's system."""

    def __init__(self, visitor: Visitor, proxy: Proxy) -> None:
        super().__init__()
        self.proxy = proxy
        self._visitor = visitor


@contextmanager
def open_bench(kind: type[WorldBench], front: Front) -> Iterator[Bench]:
    with world() as visitor:
        yield kind(visitor, front(f"{visitor.url}{kind.base}"))


@contextmanager
def world(*, strict: bool = True) -> Iterator[Visitor]:
    """``strict``: what is asked of it must fit the provider's description, where that is at hand."""
    visitor = Visitor(_sandbox().url)
    visitor.tell("reset")
    visitor.tell("switch", rate_limits=False, machine_seconds=0.0, run_seconds=0.0)
    try:
        yield visitor
        assert not strict or visitor.violations("spec", "leak") == []
    finally:
        visitor.http.close()


def holds(visitor: Visitor, kind: str, name: str, value: str) -> bool:
    """``kind`` and ``name`` as the provider calls its possessions."""
    return bool(visitor.tell("holds", kind=kind, name=name, value=value)["holds"])


def stop() -> None:
    """Several benches share the world, so that each of them may say this."""
    if _sandbox.cache_info().currsize:
        _sandbox().stop()
        _sandbox.cache_clear()


@cache
def _sandbox() -> server.Sandbox:
    return server.start(specs=server.find_specs())
