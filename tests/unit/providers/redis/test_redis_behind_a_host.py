# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in at a real Redis server which only a host reaches, through a forward over a real sshd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import Forwards, SshHost
from tests.servers import sshd as server_of_hosts
from tests.servers.behind import behind
from tests.servers.process import free_port
from tests.servers.redis import Redis
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.redis.test_redis import SignIn, clock, credential, run, server

__all__ = ["clock", "server"]
pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server_of_hosts.is_missing()), reason=server_of_hosts.is_missing()),
]


@pytest.fixture(scope="module")
def host() -> Iterator[SshHost]:
    with server_of_hosts.running() as sshd:
        yield SshHost("app1", sshd.command, "127.0.0.1", os.environ)


@pytest.fixture
def forwards(host: SshHost) -> Iterator[Forwards]:
    with closing(Forwards(lambda _name: host)) as opened:
        yield opened


def test_new_password_is_let_in_through_the_forward(server: Redis, clock: VirtualClock, forwards: Forwards) -> None:
    with behind(server.port) as hidden:
        url = f"redis://127.0.0.1:{hidden.port}"
        assert run(url, clock, credential("-"), via=forwards.way("app1")) == {"attempts": 1}
        assert set(hidden.visitors) == {"sshd"}


def test_host_that_lets_nobody_in_is_a_problem_beforehand(host: SshHost, clock: VirtualClock) -> None:
    stranger = replace(host, command=(*host.command[:-1], "nobody-of-that-name"))
    with closing(Forwards(lambda _name: stranger)) as forwards:
        options = {"url": f"redis://127.0.0.1:{free_port()}", "password": "${password}", "via": forwards.way("app1")}
        with pytest.raises(errors.UnavailableError, match="host app1 cannot be reached by ssh"):
            SignIn(options, None, clock=clock).preflight()
