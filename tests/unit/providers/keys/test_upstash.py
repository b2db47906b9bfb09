# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    UnexpectedAnswerError,
    UntrustedServerError,
)
from tests.servers.redis import RedisServer
from tests.servers.tls import Authority
from tests.unit.core.described import TOKEN, issuer
from tests.unit.core.doubles import Detour, ScriptedServer

ACCOUNT = {"email": "ops@example.com", "api_key": TOKEN}
PASSWORD = Credential("cache", "rotor-1", {"password": SecretValue("password-of-the-upstash-tests")})
SAID = {b"+OK\r\n": Answer.ACCEPTED, b"-WRONGPASS no\r\n": Answer.REFUSED, b"-ERR max\r\n": Answer.UNCLEAR}
TYPE = "upstash_redis_password"


@pytest.mark.parametrize(("said", "answer"), SAID.items())
def test_password_is_shown_to_the_database_inside_tls(tmp_path: Path, said: bytes, answer: Answer) -> None:
    authority = Authority(tmp_path)
    trusted = {**ACCOUNT, "ca_cert": str(authority.pem)}
    with ScriptedServer() as server, RedisServer(authority.context("127.0.0.1"), lambda _password: said) as redis:
        for _turn in range(2):
            server.answer(200, {"endpoint": "127.0.0.1", "port": redis.port, "tls": True})
        assert issuer(TYPE, server, trusted, database="c").answer(PASSWORD) is answer
        with pytest.raises(UntrustedServerError):
            issuer(TYPE, server, ACCOUNT, database="c").answer(PASSWORD)


def test_password_goes_the_way_of_the_connection(tmp_path: Path) -> None:
    authority, database = Authority(tmp_path), ("cache.test", 6379)
    account = {**ACCOUNT, "ca_cert": str(authority.pem)}
    with (
        ScriptedServer() as server,
        RedisServer(authority.context("cache.test"), lambda _password: b"+OK\r\n") as redis,
    ):
        server.answer(200, {"endpoint": "cache.test", "port": 6379, "tls": True})
        via = Detour({database: ("127.0.0.1", redis.port)})
        assert issuer(TYPE, server, {**account, "via": via}, database="c").verify(PASSWORD) is Answer.ACCEPTED


def test_database_without_tls_is_refused() -> None:
    with ScriptedServer() as server:
        server.answer(200, {"database_id": "c", "password": "password-of-the-upstash-tests"})
        server.answer(200, {"endpoint": "c", "port": 6379, "tls": False})
        assert "without TLS" in issuer(TYPE, server, ACCOUNT, database="c").preflight(None)[0]


def test_credentials_are_read_after_the_reset() -> None:
    old = {"database_id": "c", "password": "old", "rest_token": "rest-1", "read_only_rest_token": "read-1"}
    with ScriptedServer() as server:
        server.answer(200, old).answer(200, {"database_id": "c"}).answer(200, {**old, "password": "new"})
        made = issuer("upstash_redis_credentials", server, ACCOUNT, database="c").mint("rotor-1")
        fields = {name: value.reveal() for name, value in made.fields.items()}
        assert fields == {"password": "new", "rest_token": "rest-1", "read_only_rest_token": "read-1"}


def test_credentials_without_a_token_are_unexpected() -> None:
    answer = {"database_id": "c", "password": "old", "rest_token": ""}
    with ScriptedServer() as server, pytest.raises(UnexpectedAnswerError):
        issuer("upstash_redis_credentials", server.answer(200, answer), ACCOUNT, database="c").preflight(None)
