# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing for loopback goes through a proxy, https goes through one unseen, and ``ca_cert`` says whom to trust."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Connection
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    RotorError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import Forwards, SshHost
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.check import Http
from tests.servers.recording_proxy import RecordingProxy
from tests.servers.tls import Authority, TlsServer
from tests.unit.core.doubles import MemoryCheckpoint, Scripted, ScriptedServer, VirtualClock

TOKEN = "t0ken-that-no-proxy-may-see"
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::1:user/rotor</Arn><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
GRANTS = {"tokens": [{"user": "me@example.com", "org_slug": "example", "token_id": "1"}]}
LIMIT = {"resources": {"core": {"limit": 5000, "remaining": 4999}}}
SELF = {"data": {"display_name": "rotor", "policies": ["default"]}}
KEYS = {"access_key_id": SecretValue("AKIAEXAMPLE"), "secret_access_key": SecretValue(TOKEN)}
SECRET = SecretValue(TOKEN)
CONNECTIONS: Mapping[str, tuple[Mapping[str, Any], str, Any]] = {
    "fly": ({"token": SECRET}, "url", GRANTS),
    "github": ({"token": SECRET}, "url", LIMIT),
    "vault": ({"token": SECRET}, "url", SELF),
    "infisical": ({"auth": {"method": "token", "token": SECRET}}, "url", {}),
    "http": ({"token": SECRET, "probe": "/health"}, "url", {}),
    "neon": ({"token": SECRET}, "url", {}),
    "aws_ssm": ({**KEYS, "region": "eu-central-1"}, "endpoint_url", IDENTITY),
}
"""Type -> options, the option that is an address, and what a probe is answered."""


@pytest.fixture(params=CONNECTIONS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(kind: str) -> Callable[..., Connection]:
    options, address, _answer = CONNECTIONS[kind]

    def connect(url: str, **more: Any) -> Connection:
        made: Connection = registry.find("connections", kind)({**options, address: url, **more}, clock=VirtualClock())
        return made

    return connect


@pytest.fixture
def answer(kind: str) -> bytes:
    said = CONNECTIONS[kind][2]
    return (said if isinstance(said, str) else json.dumps(said)).encode()


@pytest.fixture
def server() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(authority: Authority, answer: bytes) -> Iterator[TlsServer]:
    with TlsServer(authority.context("api.example", "127.0.0.1"), answer) as server:
        yield server


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[RecordingProxy], None]:
    """Everything is to go through this proxy, as far as the environment can say so."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)

    def proxied(proxy: RecordingProxy) -> None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        monkeypatch.setenv("NO_PROXY", "elsewhere.example")
        monkeypatch.setenv("no_proxy", "elsewhere.example")

    return proxied


of_each_library = pytest.mark.parametrize("kind", ["fly", "aws_ssm"], indirect=True)
Proxied = Callable[[RecordingProxy], None]
Connect = Callable[..., Connection]


class Detour(Forwards):
    """Leads to one port here, whatever the address behind a host."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.asked: list[tuple[str, int]] = []

    def local(self, host: str, there: tuple[str, int]) -> tuple[str, int]:
        self.asked.append(there)
        return "127.0.0.1", self.port


def test_connection_behind_a_host_goes_there_alone_and_checks_the_real_name(
    connect: Connect, secure: TlsServer, authority: Authority, proxied: Proxied
) -> None:
    detour = Detour(secure.port)
    with RecordingProxy() as proxy:
        proxied(proxy)
        way = detour.way("app1")
        connect("https://api.example:8200", ca_cert=str(authority.pem), via=way).probe()
        assert proxy.seen == b""
    assert secure.paths
    assert set(detour.asked) == {("api.example", 8200)}
    assert way.taken


def test_host_on_the_way_that_is_away_is_told_without_another_attempt(connect: Connect) -> None:
    def away(host: str) -> SshHost:
        raise UnavailableError(f"host {host} cannot be reached by ssh: no route")

    with pytest.raises(UnavailableError, match=r": host app1 cannot be reached by ssh: no route") as raised:
        connect("https://api.example:8200", via=Forwards(away).way("app1")).probe()
    assert "asking" in raised.value.message


def test_connection_to_loopback_uses_no_proxy(
    connect: Connect, answer: bytes, server: Scripted, proxied: Proxied
) -> None:
    with RecordingProxy() as proxy:
        proxied(proxy)
        for host in ("127.0.0.1", "localhost"):
            server.answer(200, answer.decode())
            connect(server.url.replace("127.0.0.1", host)).probe()
        assert proxy.seen == b""
    assert len(server.received) == 2


@of_each_library
def test_secure_connection_to_loopback_uses_no_proxy(
    connect: Connect, secure: TlsServer, proxied: Proxied, authority: Authority
) -> None:
    with RecordingProxy() as proxy:
        proxied(proxy)
        connect(f"https://127.0.0.1:{secure.port}", ca_cert=str(authority.pem)).probe()
        assert proxy.seen == b""


def test_redirect_on_loopback_uses_no_proxy(server: Scripted, proxied: Proxied) -> None:
    with RecordingProxy() as proxy:
        proxied(proxy)
        server.answer(302, Location="/moved").answer(200)
        HttpClient("Acme", server.url, lambda: TOKEN, clock=VirtualClock()).request("GET", "/", doing="looking")
        assert proxy.seen == b""


def test_body_to_loopback_uses_no_proxy(server: Scripted, proxied: Proxied) -> None:
    with RecordingProxy() as proxy:
        proxied(proxy)
        client = HttpClient("Acme", server.answer(200).url, None, clock=VirtualClock())
        client.request("PUT", "/", doing="writing", body={"value": TOKEN})
        assert proxy.seen == b""
    assert server.received[0].json == {"value": TOKEN}


def test_role_of_a_profile_is_assumed_without_a_proxy(
    server: Scripted, proxied: Proxied, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A client of botocore's own making."""
    config = tmp_path / "config"
    config.write_text(
        "[profile ci]\nrole_arn = arn:aws:iam::1:role/ci\nsource_profile = own\nregion = eu-central-1\n"
        "[profile own]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with RecordingProxy() as proxy:
        proxied(proxy)
        with pytest.raises(RotorError):
            registry.find("connections", "aws_ssm")({"profile": "ci"}, clock=VirtualClock()).probe()
        assert proxy.seen == b""
    assert "Action=AssumeRole" in server.received[0].body.decode()


def test_proxy_gets_nothing_but_connect(
    connect: Connect, secure: TlsServer, proxied: Proxied, authority: Authority
) -> None:
    with RecordingProxy(leads_to=secure.port) as proxy:
        proxied(proxy)
        connect("https://api.example", ca_cert=str(authority.pem)).probe()
        assert proxy.seen.startswith(b"CONNECT api.example:443 HTTP/1.")
        assert TOKEN.encode() not in proxy.seen
        assert b"HTTP/1.1 200" not in proxy.seen


# Certificates


@of_each_library
def test_private_authority_is_trusted_by_ca_cert_alone(
    connect: Connect, secure: TlsServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    url = f"https://127.0.0.1:{secure.port}"
    connect(url, ca_cert=str(authority.pem)).probe()
    asked = len(secure.paths)
    with pytest.raises(RotorError):
        connect(url).probe()
    assert len(secure.paths) == asked > 0


@of_each_library
def test_requests_ca_bundle_goes_on_working(
    connect: Connect, secure: TlsServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.pem))
    connect(f"https://127.0.0.1:{secure.port}").probe()
    assert secure.paths


@of_each_library
def test_ca_cert_goes_before_requests_ca_bundle(
    connect: Connect, secure: TlsServer, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path).pem))
    connect(f"https://127.0.0.1:{secure.port}", ca_cert=str(authority.pem)).probe()
    assert secure.paths


def test_check_trusts_its_ca_cert(authority: Authority) -> None:
    with TlsServer(authority.context("127.0.0.1"), b"{}") as server:
        options = {"url": f"https://127.0.0.1:{server.port}/health", "ca_cert": str(authority.pem), "retries": 0}
        assert Http(options, None, clock=VirtualClock()).run(None, MemoryCheckpoint())["attempts"] == 1


@of_each_library
def test_file_without_a_certificate_is_refused(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("not a certificate")
    with pytest.raises(ConfigurationError, match=r"^ca_cert: .*none\.pem holds no certificate in PEM form$"):
        connect("https://api.example", ca_cert=str(tmp_path / "none.pem"))


def test_missing_bundle_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(ConfigurationError, match=r"^REQUESTS_CA_BUNDLE: there is no file /nowhere/ca\.pem"):
        HttpClient("Acme", "https://api.example", None, clock=VirtualClock())
