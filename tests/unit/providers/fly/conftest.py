# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One world for all tests of the Fly provider, as new for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from tests.sandbox import server
from tests.sandbox.visitor import Visitor
from tests.unit.providers.fly.support import connect


@pytest.fixture(scope="session")
def sandbox() -> Iterator[server.Sandbox]:
    running = server.start(specs=server.find_specs())
    yield running
    running.stop()


@pytest.fixture
def world(sandbox: server.Sandbox) -> Iterator[Visitor]:
    visitor = Visitor(sandbox.url)
    visitor.tell("reset")
    visitor.tell("switch", rate_limits=False, machine_seconds=0.01)
    yield visitor
    assert visitor.violations("spec", "leak") == [], "requests fit Fly's descriptions, and no value is ever asked for"


@pytest.fixture
def fly(world: Visitor) -> FlyConnection:
    return connect(world)
