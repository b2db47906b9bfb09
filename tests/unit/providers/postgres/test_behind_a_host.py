# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that only a host reaches: its roles are served through a forward over a real sshd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import Forwards, SshHost
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.checks import Sessions, SignIn
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.client import PostgresConnection
from tests.servers import sshd as server_of_hosts
from tests.servers.behind import Behind, behind
from tests.servers.postgres import Postgres
from tests.servers.process import free_port
from tests.servers.sshd import Sshd
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock
from tests.unit.providers.postgres.test_roles import MANAGER, cluster, in_turns, issued, server, session

__all__ = ["cluster", "server"]
pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server_of_hosts.is_missing()), reason=server_of_hosts.is_missing()),
]


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with server_of_hosts.running() as running:
        yield running


@pytest.fixture
def forwards(sshd: Sshd) -> Iterator[Forwards]:
    with closing(Forwards(lambda name: SshHost(name, sshd.command, "127.0.0.1", os.environ))) as opened:
        yield opened


@pytest.fixture
def hidden(server: Postgres) -> Iterator[Behind]:
    with behind(server.port) as relay:
        yield relay


def through(forwards: Forwards, port: int, **more: Any) -> PostgresConnection:
    options = {"host": "127.0.0.1", "port": port, "user": "manager", "password": SecretValue(MANAGER), **more}
    return PostgresConnection({**options, "via": forwards.way("db1")}, clock=VirtualClock())


def test_roles_and_checks_go_through_the_forward(server: Postgres, hidden: Behind, forwards: Forwards) -> None:
    connection = through(forwards, hidden.port)
    assert connection.probe().startswith("role manager on PostgreSQL ")
    first = issued(in_turns(connection))
    assert in_turns(connection).answer(first) is Answer.ACCEPTED
    sign_in = SignIn({"port": hidden.port}, connection, clock=VirtualClock())
    assert sign_in.run(first, MemoryCheckpoint()) == {"at": f"postgresql://127.0.0.1:{hidden.port}/postgres via db1"}
    with session(server, first):
        assert Sessions({}, connection, clock=VirtualClock()).run(first, MemoryCheckpoint()) == {"sessions": 1}

    in_turns(connection).revoke(first)

    assert in_turns(connection).answer(first) is Answer.REFUSED
    assert set(hidden.visitors) == {"sshd"}


def test_replicas_are_behind_the_same_host(hidden: Behind, forwards: Forwards) -> None:
    connection = through(forwards, hidden.port, replicas=[f"localhost:{hidden.port}"])
    connection.sessions(["nova_a"])
    assert hidden.visitors == ["sshd"] * 2


def test_name_of_the_server_is_what_its_certificate_is_held_against(
    hidden: Behind, forwards: Forwards, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def refuse(**options: Any) -> None:
        given.update(options)
        raise psycopg.OperationalError("server certificate does not match host name")

    connection = through(forwards, hidden.port, host="db.example.com")
    monkeypatch.setattr(psycopg, "connect", refuse)
    with pytest.raises(errors.UntrustedServerError):
        connection.probe()
    assert (given["host"], given["hostaddr"], given["sslmode"]) == ("db.example.com", "127.0.0.1", "verify-full")
    assert given["port"] != hidden.port


def test_port_where_nobody_listens_is_told_by_the_host(forwards: Forwards) -> None:
    port = free_port()
    with pytest.raises(errors.UnavailableError) as raised:
        through(forwards, port).probe()
    assert f"postgresql://127.0.0.1:{port}/postgres via db1: it neither lets manager in" in str(raised.value)
    assert f"Of 127.0.0.1:{port}, ssh to host db1 says: " in str(raised.value)
    assert "Connection refused" in str(raised.value)
