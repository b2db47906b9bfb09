# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One stand-in world for all tests that want one, as new for each."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from tests.sandbox import server
from tests.sandbox.visitor import Visitor

# An example may take as long as it takes: a busy machine is no fault.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Look for garbage rarely, and not among all that was imported: it would take a third of many a test's time."""
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(autouse=True)
def own_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test knows as a value may be a plain word in the messages of the next."""
    monkeypatch.setattr(masking, "_forms", set())
    monkeypatch.setattr(masking, "_public", set())


def forget_values() -> None:
    """A process masks all values that it has ever seen; those of a thousand cases in one test would slow it down."""
    masking._forms.clear()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[server.Sandbox]:
    running = server.start(specs=server.find_specs())
    yield running
    running.stop()


@pytest.fixture
def fresh(sandbox: server.Sandbox) -> Iterator[Visitor]:
    """The world with nothing but the seed in it."""
    visitor = Visitor(sandbox.url)
    visitor.tell("reset")
    yield visitor
    visitor.http.close()


@pytest.fixture
def world(fresh: Visitor) -> Iterator[Visitor]:
    """The same; what is asked of it must fit the providers' descriptions, and never be a value."""
    yield fresh
    assert fresh.violations("spec", "leak") == []


@pytest.fixture
def brisk(world: Visitor) -> Visitor:
    """A world in which machines and runs take no time, and nobody counts requests."""
    world.tell("switch", rate_limits=False, machine_seconds=0, run_seconds=0)
    return world
