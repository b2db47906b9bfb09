# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the Fly provider have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock

APP = "molecule-cp"
ORGANIZATION = "molecule-ai"
FIRST, SECOND, STOPPED = "d8905e2c41e708", "e28600dc7d9e86", "683d92ea0b1748"


class CrashingCheckpoint(MemoryCheckpoint):
    """Ends the run right after so many records."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    def record(self, evidence: Mapping[str, Any]) -> None:
        super().record(evidence)
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


def connect(world: Visitor, token: str = "", clock: Clock | None = None) -> FlyConnection:
    options = {
        "token": SecretValue(token or world.credentials["FLY_ADMIN_TOKEN"]),
        "url": f"{world.url}/fly/v1",
        "graphql_url": f"{world.url}/fly/graphql",
    }
    return FlyConnection(options, clock=clock or VirtualClock(), run="7f3a")


def paths(world: Visitor, method: str) -> list[str]:
    """What was asked of Fly with this verb, in order; GraphQL by its fields."""
    asked = world.ask("requests")["requests"]
    return [" ".join([entry["path"], *entry["operations"]]) for entry in asked if entry["method"] == method]
