# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub as the sandbox has it, and as a script where the sandbox cannot be brought to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import Scripted, ScriptedServer, VirtualClock

REPOSITORY = "Molecule-AI/molecule-monorepo"
TOKEN = "ghp_token-of-the-github-tests"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def world(world: Visitor) -> Visitor:
    world.tell("switch", run_seconds=0)
    return world


Connect = Callable[..., GitHubConnection]


@pytest.fixture
def connect(world: Visitor, clock: VirtualClock) -> Connect:
    """A connection to the sandbox, with the operator's token or one of these rights."""

    def connect(permissions: dict[str, str] | None = None, repositories: list[str] | None = None) -> GitHubConnection:
        token = world.credentials["GITHUB_ADMIN_TOKEN"]
        if permissions is not None or repositories is not None:
            wish = {"permissions": permissions or {}, "repositories": repositories}
            token = world.tell("github/token", **wish)["token"]
        return GitHubConnection({"token": SecretValue(token), "url": f"{world.url}/github"}, clock=clock)

    return connect


@pytest.fixture
def github(connect: Connect) -> GitHubConnection:
    return connect()


@pytest.fixture
def script() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture
def scripted(script: Scripted, clock: VirtualClock) -> GitHubConnection:
    return GitHubConnection({"token": SecretValue(TOKEN), "url": script.url}, clock=clock)
