# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities: one login for all threads, another one in time, and none that locks the identity out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import AuthenticationError, ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client import InfisicalConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.store import InfisicalSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import VirtualClock
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
        with pytest.raises(AuthenticationError, match="wait five minutes"):
            wrong.observe(FOLDER, [])

    assert asked(world, LOGIN) == ["POST"]


def test_the_probe_says_who_we_are(store: InfisicalSecrets, world: Visitor) -> None:
    assert store.connection.probe() == f"machine identity with client {world.credentials['INFISICAL_CLIENT_ID']}"


def test_what_a_method_needs_is_named(clock: VirtualClock) -> None:
    auth = {"method": "universal", "client_secret": SecretValue("some-secret")}
    with pytest.raises(ConfigurationError, match="auth method universal needs client_id"):
        InfisicalConnection({"auth": auth}, clock=clock)
