# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One world for all tests of the Fly provider, as new for each."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.fly.support import connect


@pytest.fixture
def world(brisk: Visitor) -> Visitor:
    return brisk


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def fly(world: Visitor, clock: VirtualClock) -> FlyConnection:
    return connect(world, clock=clock)
