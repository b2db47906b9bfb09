# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in at a real Redis server."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    ConfigurationError,
    UnexpectedAnswerError,
    UntrustedServerError,
)
from tests.servers.process import free_port
from tests.servers.redis import Redis
from tests.servers.tls import Authority
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock

SignIn = registry.find("checks", "redis")
PASSWORD = "password-of-the-redis-tests ü"
ALL = "~* &* +@all"


def credential(user: str, password: str = PASSWORD) -> Credential:
    return Credential("7", "rotor-2", {"username": SecretValue(user), "password": SecretValue(password)})


def users() -> list[str]:
    """Give the three of them the password, by its hash: a name with a blank cannot stand in the file."""
    digest = sha256(PASSWORD.encode()).hexdigest()
    return [
        f"default on #{digest} {ALL}",
        f"app on #{digest} {ALL}",
        f"muted on #{digest} {ALL} -ping",
        f"open on nopass {ALL}",
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis"), *users()) as server:
        yield server


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def run(url: str, clock: VirtualClock, new: Credential, **options: Any) -> Evidence:
    given = {"url": url, "password": "${password}", "retries": 2, **options}
    evidence: Evidence = SignIn(given, None, clock=clock).run(new, MemoryCheckpoint())
    return evidence


@pytest.mark.parametrize("user", ["", "app", "muted"])
def test_new_password_of_a_user_is_let_in(server: Redis, clock: VirtualClock, user: str) -> None:
    named = {"username": "${username}"} if user else {}
    assert run(f"redis://127.0.0.1:{server.port}", clock, credential(user or "-"), **named) == {"attempts": 1}
    assert clock.slept == []


def test_password_that_is_refused_fails_after_its_retries(server: Redis, clock: VirtualClock) -> None:
    with pytest.raises(CheckFailedError) as caught:
        run(f"redis://127.0.0.1:{server.port}", clock, credential("app", "another"), username="${username}")
    where = f"redis://127.0.0.1:{server.port}"
    problem = "the new password is not accepted: it is refused (asked 3 times)"
    assert caught.value.message == f"signing in at {where}: {problem}"
    assert clock.slept == [3, 3]


def test_user_that_needs_no_password_proves_nothing(server: Redis, clock: VirtualClock) -> None:
    with pytest.raises(CheckFailedError, match=r"nobody is not refused: it is accepted \(asked 3 times\)"):
        run(f"redis://127.0.0.1:{server.port}", clock, credential("open"), username="${username}")


def test_password_of_nobody_that_is_taken_fails_at_once_before_a_revoke(server: Redis, clock: VirtualClock) -> None:
    options = {"url": f"redis://127.0.0.1:{server.port}", "username": "open", "password": "${password}"}
    check = SignIn(options, None, clock=clock)
    check.before_revoke = True
    with pytest.raises(CheckFailedError, match=r"it is accepted \(asked 1 times\)"):
        check.run(credential("open"), MemoryCheckpoint())
    assert clock.slept == []


def test_server_without_any_password_is_told(tmp_path: Path, clock: VirtualClock) -> None:
    with Redis(tmp_path) as server, pytest.raises(UnexpectedAnswerError, match="neither with OK nor with WRONGPASS"):
        run(f"redis://127.0.0.1:{server.port}", clock, credential("-"))


def test_server_that_is_away_is_told(clock: VirtualClock) -> None:
    with pytest.raises(CheckFailedError, match=r"not accepted: not answered \(no answer\) \(asked 3 times\)"):
        run(f"redis://127.0.0.1:{free_port()}", clock, credential("-"))


def test_tls_is_verified(tmp_path: Path, clock: VirtualClock) -> None:
    authority = Authority(tmp_path)
    with Redis(tmp_path, *users(), authority=authority) as server:
        url = f"rediss://127.0.0.1:{server.port}/"
        assert run(url, clock, credential("-"), ca_cert=str(authority.pem)) == {"attempts": 1}
        with pytest.raises(UntrustedServerError):
            run(url, clock, credential("-"))


# The map


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": "redis://cache.example.com:6379"}, "url: redis:// would send a password in clear; use rediss://"),
        ({"url": "rediss://cache:x"}, "url: that is not an address such as rediss://HOST:6379"),
        ({"password": "${name}"}, "password: it needs the field that holds the password, such as ${password}"),
        ({"username": "${"}, "username: '${' is never closed with '}'"),
    ],
)
def test_what_the_schema_cannot_say_is_found_beforehand(options: dict[str, Any], problem: str) -> None:
    given = {"url": "rediss://cache.example.com", "password": "${password}", **options}
    assert SignIn.validate(given) == [problem]


def test_right_options_have_no_problem() -> None:
    assert SignIn.validate({"url": "rediss://cache.example.com:6379", "password": "${password}"}) == []


def test_health_cannot_be_asked(clock: VirtualClock) -> None:
    options = {"url": "redis://localhost", "password": "${password}"}
    with pytest.raises(ConfigurationError, match="needs the new credential"):
        SignIn(options, None, clock=clock).run(None, MemoryCheckpoint())
