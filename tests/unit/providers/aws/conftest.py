# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS as moto has it, a proxy in front of it, and a script where moto cannot be brought to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import (
    AwsConnection,
    SecretsManagerConnection,
    SsmConnection,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.secretsmanager import SecretsManagerSecrets
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.ssm import SsmParameters
from tests.conformance.proxy import Proxy
from tests.servers.moto import REGION, Keys, Moto, alone
from tests.unit.core.doubles import Scripted, ScriptedServer, VirtualClock

Kind = TypeVar("Kind", bound=AwsConnection)
Connect = Callable[..., Any]


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    with alone():
        running = Moto()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with alone():
        yield


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    with Proxy(moto.url) as proxy:
        yield proxy


@pytest.fixture
def script() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


def options(url: str, keys: Keys, **more: Any) -> dict[str, Any]:
    """Of a connection, with its references resolved."""
    resolved = {name: SecretValue(text) for name, text in keys.items()}
    return {"region": REGION, "endpoint_url": url, **resolved, **more}


@pytest.fixture
def connect(moto: Moto, proxy: Proxy, clock: VirtualClock) -> Connect:
    """Through the proxy, as the admin or with these keys."""

    def connect(kind: type[Kind], keys: Keys | None = None, *, run: str = "", **more: Any) -> Kind:
        return kind(options(proxy.url, moto.admin if keys is None else keys, **more), clock=clock, run=run)

    return connect


@pytest.fixture
def scripted(script: Scripted, moto: Moto, clock: VirtualClock) -> SsmConnection:
    return SsmConnection(options(script.url, moto.admin), clock=clock, run="run-7")


@pytest.fixture
def ssm(connect: Connect, clock: VirtualClock) -> SsmParameters:
    return SsmParameters(connect(SsmConnection), clock=clock)


@pytest.fixture
def sm(connect: Connect, clock: VirtualClock) -> SecretsManagerSecrets:
    return SecretsManagerSecrets(connect(SecretsManagerConnection), clock=clock)


@pytest.fixture
def path() -> str:
    """A part of the Parameter Store for this test alone."""
    return f"/test-{secrets.token_hex(6)}"


@pytest.fixture
def name() -> str:
    """A secret for this test alone."""
    return f"test/{secrets.token_hex(6)}"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Operations and what was sent with them, in order."""
    seen: list[tuple[str, dict[str, Any]]] = []
    real = AwsConnection.call

    def call(self: AwsConnection, operation: str, doing: str, **more: Any) -> dict[str, Any]:
        seen.append((operation, {name: value for name, value in more.items() if name[0].isupper()}))
        return real(self, operation, doing, **more)

    monkeypatch.setattr(AwsConnection, "call", call)
    return seen


def names(asked: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [operation for operation, _sent in asked]
