# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenBao, started once; each test has documents of its own in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conformance.proxy import Proxy
from tests.servers.openbao import OpenBao
from tests.unit.core.doubles import Scripted, ScriptedServer, ServersClock, VirtualClock
from tests.unit.providers.vault.place import Place


@pytest.fixture(scope="session")
def bao() -> Iterator[OpenBao]:
    server = OpenBao()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mounts(bao: OpenBao) -> dict[int, str]:
    return {version: bao.mount(version) for version in (1, 2)}


@pytest.fixture
def clock() -> VirtualClock:
    return ServersClock()


@pytest.fixture
def kv2(bao: OpenBao, mounts: dict[int, str], clock: VirtualClock) -> Place:
    return Place(bao, clock, mounts[2], f"agenticverz/{secrets.token_hex(4)}")


@pytest.fixture
def kv1(bao: OpenBao, mounts: dict[int, str], clock: VirtualClock) -> Place:
    return Place(bao, clock, mounts[1], f"agenticverz/{secrets.token_hex(4)}", version=1)


@pytest.fixture(params=[1, 2], ids=["kv1", "kv2"])
def kv(request: pytest.FixtureRequest, kv1: Place, kv2: Place) -> Place:
    return kv1 if request.param == 1 else kv2


@pytest.fixture
def proxy(bao: OpenBao) -> Iterator[Proxy]:
    with Proxy(bao.url, reads=r"/(login|renew-self)") as proxy:
        yield proxy


@pytest.fixture
def script() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture
def namespaced(bao: OpenBao, kv2: Place) -> Place:
    """The same path in a namespace of its own."""
    name = f"team-{secrets.token_hex(4)}"
    bao.ask("POST", f"sys/namespaces/{name}")
    return replace(kv2, mount=bao.mount(2, namespace=name), namespace=name)
