# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens behind a host is reached through a forward by ssh, over a real sshd, and no ssh outlives its user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import Forwards, SshHost
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient
from tests.servers import sshd as server_of_hosts
from tests.servers.behind import Behind, behind
from tests.servers.openbao import wait_until
from tests.servers.process import free_port
from tests.servers.sshd import Sshd
from tests.servers.tls import Authority, TlsServer
from tests.unit.core.doubles import Scripted, VirtualClock

pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server_of_hosts.is_missing()), reason=server_of_hosts.is_missing()),
]
DOING = "asking"


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with server_of_hosts.running() as running:
        yield running


@pytest.fixture
def host(sshd: Sshd) -> SshHost:
    return SshHost("app1", sshd.command, "127.0.0.1", os.environ)


@pytest.fixture
def forwards(host: SshHost) -> Iterator[Forwards]:
    with closing(Forwards(lambda _name: host)) as opened:
        yield opened


@pytest.fixture
def hidden(server: Scripted) -> Iterator[Behind]:
    with behind(int(urlsplit(server.url).port or 0)) as relay:
        yield relay


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.name() in ("ssh", "sh")]


def client(url: str, forwards: Forwards, clock: VirtualClock, ca: Path | None = None) -> HttpClient:
    return HttpClient("Acme", url, None, clock=clock, via=forwards.way("app1"), ca_cert=str(ca) if ca else None)


def test_server_that_only_a_host_reaches_answers_through_it(
    server: Scripted, hidden: Behind, forwards: Forwards, clock: VirtualClock
) -> None:
    server.answer(200, {"ok": True})

    answer = client(hidden.url, forwards, clock).request("GET", "/x", doing=DOING)

    assert answer.json == {"ok": True}
    assert hidden.visitors == ["sshd"]


def test_forward_opens_at_first_use_and_is_shared_by_address(
    server: Scripted, hidden: Behind, forwards: Forwards, clock: VirtualClock
) -> None:
    clients = [client(hidden.url, forwards, clock) for _turn in range(3)]
    assert children() == []
    seen = []
    for one in clients:
        server.answer(200, {})
        one.request("GET", "/x", doing=DOING)
        seen.append([(child.pid, child.name()) for child in children()])

    assert sorted(name for _pid, name in seen[0]) == ["sh", "ssh"]
    assert seen == [seen[0]] * 3


def test_closing_ends_ssh(server: Scripted, hidden: Behind, forwards: Forwards, clock: VirtualClock) -> None:
    server.answer(200, {})
    client(hidden.url, forwards, clock).request("GET", "/x", doing=DOING)

    forwards.close()

    assert children() == []


def test_forward_that_broke_is_opened_anew(
    server: Scripted, hidden: Behind, forwards: Forwards, clock: VirtualClock
) -> None:
    asked = client(hidden.url, forwards, clock)
    for _turn in range(2):
        server.answer(200, {})
        asked.request("GET", "/x", doing=DOING)
        (ssh,) = (child for child in children() if child.name() == "ssh")
        ssh.kill()
        wait_until(lambda ssh=ssh: ssh.status() == psutil.STATUS_ZOMBIE)  # type: ignore[misc]

    assert server.asked == ["GET /x"] * 2


def test_kill_of_its_user_ends_ssh(host: SshHost) -> None:
    script = (
        "import sys; from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import *; "
        "import os; host = SshHost('app1', tuple(sys.argv[1:]), '127.0.0.1', os.environ); "
        "print(Forwards(lambda _name: host).local('app1', ('127.0.0.1', 9)), flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    user = subprocess.Popen([sys.executable, "-c", script, *host.command], env=environment, **pipes)  # type: ignore[call-overload]
    with user:
        assert user.stdout.readline().startswith("('127.0.0.1', ")
        ssh = psutil.Process(user.pid).children(recursive=True)
        assert "ssh" in [process.name() for process in ssh]

        user.kill()

    _gone, alive = psutil.wait_procs(ssh, timeout=60)
    assert alive == []


def test_tls_in_a_forward_is_checked_by_the_real_name(forwards: Forwards, clock: VirtualClock, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        TlsServer(authority.context("localhost"), b"{}") as right,
        TlsServer(authority.context("x.test"), b"") as other,
    ):
        known = client(f"https://localhost:{right.port}", forwards, clock, tmp_path / "ca.pem")
        stranger = client(f"https://localhost:{other.port}", forwards, clock, tmp_path / "ca.pem")
        assert known.request("GET", "/", doing=DOING).status == 200
        with pytest.raises(errors.UntrustedServerError, match="it was made for another name"):
            stranger.request("GET", "/", doing=DOING)


def test_address_where_nobody_listens_is_told_by_the_host(forwards: Forwards, clock: VirtualClock) -> None:
    port = free_port()
    with pytest.raises(errors.UnavailableError) as raised:
        client(f"http://127.0.0.1:{port}", forwards, clock).request("GET", "/x", doing=DOING)

    assert f"asking: GET http://127.0.0.1:{port}/x via app1: " in str(raised.value)
    assert f"Of 127.0.0.1:{port}, ssh to host app1 says: " in str(raised.value)
    assert "Connection refused" in str(raised.value)


def test_host_that_lets_nobody_in_is_told_once(host: SshHost, clock: VirtualClock) -> None:
    stranger = replace(host, command=(*host.command[:-1], "nobody-of-that-name"))
    with closing(Forwards(lambda _name: stranger)) as forwards, pytest.raises(errors.UnavailableError) as raised:
        client("http://127.0.0.1:1", forwards, clock).request("PUT", "/x", doing=DOING)

    assert "asking: PUT http://127.0.0.1:1/x via app1: host app1 cannot be reached by ssh: " in str(raised.value)
    assert "Permission denied (publickey" in str(raised.value)
    assert clock.slept == []
    assert children() == []


def test_settings_of_the_inventory_do_not_undo_a_forward(
    server: Scripted, hidden: Behind, host: SshHost, clock: VirtualClock
) -> None:
    server.answer(200, {})
    odd = replace(host, command=(*host.command, "-o", "PermitLocalCommand=no", "-o", "LocalCommand=false"))
    with closing(Forwards(lambda _name: odd)) as forwards:
        assert client(hidden.url, forwards, clock).request("GET", "/x", doing=DOING).status == 200


def test_url_in_clear_has_to_be_loopback_behind_a_host_too(forwards: Forwards, clock: VirtualClock) -> None:
    with pytest.raises(errors.ConfigurationError, match="would send a credential in clear"):
        client("http://vault.example:8200", forwards, clock)
