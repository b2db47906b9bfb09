# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, NotFoundError
from tests.unit.core.described import issuer, mistakes
from tests.unit.core.doubles import Scripted, ScriptedServer

URL = "https://shop.example.com/stripe"
ENDPOINTS = "/v1/webhook_endpoints"
OLD: dict[str, Any] = {
    "id": "we_1",
    "url": URL,
    "status": "enabled",
    "enabled_events": ["charge.failed", "charge.succeeded"],
    "api_version": "2023-08-16",
    "description": "the shop",
    "metadata": {"team": "shop", "rotor": "rotor-0"},
    "created": 1767225600,
}
MADE = {**OLD, "id": "we_2", "secret": "whsec_of_the_stripe_tests"}
ENDED = Credential("we_1", "rotor-0", {})


def secrets(server: Scripted, **options: Any) -> Any:
    return issuer("stripe_webhook_secret", server, url=URL, idempotent=True, **options)


def listed(*endpoints: Any) -> dict[str, Any]:
    return {"object": "list", "data": list(endpoints), "has_more": False, "url": ENDPOINTS}


@pytest.mark.parametrize(("options", "connect"), [({}, []), ({"connect": True}, [("connect", "true")])])
def test_second_endpoint_copies_the_first(options: dict[str, Any], connect: Any) -> None:
    other = {**OLD, "id": "we_3", "url": "https://shop.example.com/other", "description": "another"}
    off = {**OLD, "id": "we_4", "status": "disabled", "enabled_events": ["*"]}
    with ScriptedServer() as server:
        made = secrets(server.answer(200, listed(OLD, other, off)).answer(200, MADE), **options).mint("rotor-1")
        assert made.fields["secret"].reveal() == MADE["secret"]
        assert sorted(parse_qsl(server.received[1].body.decode())) == sorted(
            [
                ("url", URL),
                ("enabled_events[]", "charge.failed"),
                ("enabled_events[]", "charge.succeeded"),
                ("api_version", "2023-08-16"),
                ("description", "the shop"),
                ("metadata[team]", "shop"),
                ("metadata[rotor]", "rotor-1"),
                *connect,
            ]
        )


@pytest.mark.parametrize("endpoints", [[], [{**OLD, "status": "disabled"}], [OLD, {**OLD, "enabled_events": ["*"]}]])
def test_mint_is_refused_where_endpoints_differ_or_are_missing(endpoints: Any) -> None:
    with ScriptedServer() as server:
        for _turn in range(3):
            server.answer(200, listed(*endpoints))
        with pytest.raises(ConfigurationError):
            secrets(server).mint("rotor-1")
        assert "nothing to copy" in secrets(server).preflight(None)[0]
        assert {received.method for received in server.received} == {"GET"}


@pytest.mark.parametrize("options", [{}, {"idempotent": False}])
def test_map_without_idempotent_is_a_validation_error(options: dict[str, Any]) -> None:
    (problem,) = mistakes("stripe_webhook_secret", url=URL, **options)
    assert "up to three days" in problem


def test_old_endpoint_is_disabled_and_enabled_by_its_id() -> None:
    with ScriptedServer() as server:
        stripe = secrets(server.answer(200, OLD).answer(200, OLD).answer(200, {"deleted": True, "id": "we_1"}))
        stripe.disable(ENDED)
        stripe.enable(ENDED)
        stripe.revoke(ENDED)
        assert server.asked == [f"POST {ENDPOINTS}/we_1", f"POST {ENDPOINTS}/we_1", f"DELETE {ENDPOINTS}/we_1"]
        assert [received.body for received in server.received] == [b"disabled=true", b"disabled=false", b""]


def test_disabling_what_is_gone_is_no_error_and_enabling_is() -> None:
    with ScriptedServer() as server:
        stripe = secrets(server.answer(404, {}).answer(404, {}))
        stripe.disable(ENDED)
        with pytest.raises(NotFoundError):
            stripe.enable(ENDED)


def test_listed_says_which_endpoint_is_disabled() -> None:
    with ScriptedServer() as server:
        (key,) = secrets(server.answer(200, listed({**OLD, "status": "disabled"}))).listed()
        assert (key.name, key.scope, key.revoked) == ("rotor-0", URL, True)


def test_no_value_is_shown_to_stripe() -> None:
    with ScriptedServer() as server:
        assert secrets(server).answer(ENDED) is Answer.UNCLEAR
        assert server.asked == []
