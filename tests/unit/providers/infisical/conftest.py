# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical as the sandbox has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client import InfisicalConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.store import InfisicalSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import Scripted, ScriptedServer, VirtualClock

FOLDER = {"project": "molecule", "environment": "prod", "path": "/backend"}
PLACE = "infisical secret of molecule prod:/backend"

Connect = Callable[..., InfisicalSecrets]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def script() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture
def connect(world: Visitor, clock: VirtualClock) -> Connect:
    """The store, logged in as the operator, or as anybody else with these options."""

    def connect(**auth: str) -> InfisicalSecrets:
        operator = {
            "method": "universal",
            "client_id": world.credentials["INFISICAL_CLIENT_ID"],
            "client_secret": world.credentials["INFISICAL_CLIENT_SECRET"],
        }
        given = auth or operator
        secret = ("client_secret", "token")
        resolved = {name: SecretValue(text) if name in secret else text for name, text in given.items()}
        options = {"url": f"{world.url}/infisical/api", "auth": resolved}
        return InfisicalSecrets(InfisicalConnection(options, clock=clock, run="7f3a"), clock=clock)

    return connect


@pytest.fixture
def store(connect: Connect) -> InfisicalSecrets:
    return connect()


def value(text: str) -> dict[str, SecretValue]:
    return {"API_KEY": SecretValue(text)}


def asked(world: Visitor, path: str) -> list[str]:
    """The verbs of the requests to this path, in order."""
    return [entry["method"] for entry in world.ask("requests")["requests"] if entry["path"].endswith(path)]


def holds(world: Visitor, text: str, key: str = "API_KEY") -> bool | None:
    found: bool | None = world.tell("holds", kind=PLACE, name=key, value=text)["holds"]
    return found
