# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sweeps share: real servers, started when a scene asks for them, and a host that must hear nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .scenes import Servers
from .stage import Stage
from .wire import Stranger


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    running = Stage()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    running = Stranger()
    yield running
    running.stop()
