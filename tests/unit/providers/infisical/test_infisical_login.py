# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities: one login for all threads, another one in time, and none that locks the identity out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    ConfigurationError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client import InfisicalConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.store import InfisicalSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import Scripted, VirtualClock
from tests.unit.providers.infisical.conftest import FOLDER, Connect, asked

LOGIN = "/universal-auth/login"


def test_threads_share_one_login(store: InfisicalSecrets, world: Visitor) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _number: store.observe(FOLDER, []), range(8)))

    assert asked(world, LOGIN) == ["POST"]


def test_a_token_is_replaced_before_it_ends(store: InfisicalSecrets, world: Visitor, clock: VirtualClock) -> None:
    store.observe(FOLDER, [])
    clock.time += 7200 * 2 / 3 + 1

    store.observe(FOLDER, [])

    assert asked(world, LOGIN) == ["POST", "POST"]


@pytest.mark.parametrize("too_old", [False, True])
def test_a_token_that_is_refused_is_replaced_once(store: InfisicalSecrets, world: Visitor, too_old: bool) -> None:
    store.observe(FOLDER, [])
    world.act("expire_infisical_tokens", too_old=too_old)

    store.write(FOLDER, {"API_KEY": SecretValue("after")})

    assert asked(world, LOGIN) == ["POST", "POST"]


def test_a_given_token_that_has_ended_is_said_to_have(connect: Connect, world: Visitor) -> None:
    given = connect(method="token", token=world.act("mint_infisical_token")["token"])
    world.act("expire_infisical_tokens")

    with pytest.raises(AuthenticationError, match=r"answered 403 \(request req-.*has expired or is unknown"):
        given.observe(FOLDER, [])


def test_a_refused_login_is_not_tried_again(connect: Connect, world: Visitor) -> None:
    wrong = connect(
        method="universal", client_id=world.credentials["INFISICAL_CLIENT_ID"], client_secret="not-the-secret"
    )

    for _attempt in range(3):
        with pytest.raises(AuthenticationError, match="is wrong, or the client secret was revoked"):
            wrong.observe(FOLDER, [])

    assert asked(world, LOGIN) == ["POST"]


@pytest.mark.parametrize(
    ("status", "sentence", "hint"),
    [
        (401, "Invalid credentials", "is wrong, or the client secret was revoked"),
        (401, "This identity auth method is temporarily locked, please try again later", "locked the identity out"),
        (401, "Access denied due to expired client secret", "has expired: make a new one"),
        (401, "Access denied due to client secret usage limit reached", "as often as it may be"),
        (403, "You are not allowed to access this resource from the current IP address", "trusted IPs"),
    ],
)
def test_a_refused_login_says_why(script: Scripted, clock: VirtualClock, status: int, sentence: str, hint: str) -> None:
    body = {"reqId": "req-1", "statusCode": status, "error": "UnauthorizedError", "message": sentence}
    script.answer(200, {"message": "Ok"}).answer(status, body)
    auth = {"method": "universal", "client_id": "us", "client_secret": SecretValue("some-secret")}
    with pytest.raises(AuthenticationError, match=rf"answered {status} \(request req-1\)") as refused:
        InfisicalConnection({"url": script.url, "auth": auth}, clock=clock).probe()
    assert hint in refused.value.hint
    assert sentence not in str(refused.value)


@pytest.mark.parametrize("url", ["https://host/api/v4", "https://host/infisical/api/v3/"])
def test_an_address_with_the_version_of_the_api_is_refused(clock: VirtualClock, url: str) -> None:
    auth = {"method": "token", "token": SecretValue("some-token")}
    assert "leave out /api/v" in InfisicalConnection.validate({"url": url, "auth": auth})[0]
    with pytest.raises(ConfigurationError, match="it is the server's address"):
        InfisicalConnection({"url": url, "auth": auth}, clock=clock)


def test_a_page_in_place_of_the_status_is_another_address(script: Scripted, clock: VirtualClock) -> None:
    script.answer(200, "<html>")
    connection = InfisicalConnection(
        {"url": script.url, "auth": {"method": "token", "token": SecretValue("some-token")}}, clock=clock
    )
    with pytest.raises(UnexpectedAnswerError, match="Is url the server's address"):
        connection.probe()


def test_the_probe_says_who_we_are(store: InfisicalSecrets, world: Visitor) -> None:
    assert store.connection.probe() == f"machine identity with client {world.credentials['INFISICAL_CLIENT_ID']}"


def test_what_a_method_needs_is_named(clock: VirtualClock) -> None:
    auth = {"method": "universal", "client_secret": SecretValue("some-secret")}
    with pytest.raises(ConfigurationError, match="auth method universal needs client_id"):
        InfisicalConnection({"auth": auth}, clock=clock)
