# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that a person makes: what shows one to its provider, and what its answer proves."""

from __future__ import annotations

import re

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer, Issuer, Maker, Revocation
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from tests.unit.core.described import by_hand
from tests.unit.core.doubles import ScriptedServer

OK = {"status": "ok"}
NO = {"error": "no such key"}
STRIPE_S_NO = "Expired API Key provided: sk_live_***"
VALUE = "key_of-a-person"
SHOWN = {
    "mem0_api_key": ("GET /v1/ping/", f"Token {VALUE}", OK),
    "ayrshare_api_key": ("GET /user", f"Bearer {VALUE}", OK),
    "clerk_dashboard_key": ("GET /instance", f"Bearer {VALUE}", OK),
    "stripe_api_key": ("GET /v1/balance", f"Bearer {VALUE}", OK),
    "helius_api_key": (f"POST /?api-key={VALUE}", None, {"jsonrpc": "2.0", "id": 1, "result": "ok"}),
    "github_personal_token": ("GET /user", f"Bearer {VALUE}", OK),
}
"""Type -> the request that shows a key, what carries it, and the answer to a living one."""
PATTERNS = {
    "clerk_dashboard_key": ({}, "sk_live_a1", "pk_live_a1"),
    "stripe_api_key": ({}, "sk_test_a1", "rk_test_a1"),
    "stripe_api_key restricted": ({"restricted": True}, "rk_live_a1", "sk_live_a1"),
    "github_personal_token": ({}, "github_pat_11_x", "gho_1"),
    "anthropic_api_key": ({}, "sk-ant-api03-R2-D_2", "sk-1"),
}
KEY = Credential(None, "rotor-1", {"token": SecretValue(VALUE)})


@pytest.mark.parametrize("type_", SHOWN)
def test_key_is_shown_without_a_connection(type_: str) -> None:
    asked, carried, answer = SHOWN[type_]
    refusal = {"error": {"message": STRIPE_S_NO}} if type_ == "stripe_api_key" else NO
    with ScriptedServer() as server:
        server.answer(200, answer).answer(401, refusal)
        issuer = by_hand(type_, server)
        dead = Answer.UNCLEAR if type_ == "helius_api_key" else Answer.REFUSED
        assert [issuer.answer(KEY), issuer.answer(KEY)] == [Answer.ACCEPTED, dead]
        assert server.asked == [asked] * 2
        assert server.received[0].headers.get("Authorization") == carried


@pytest.mark.parametrize("type_", SHOWN)
@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_other_answer_proves_nothing_and_shows_no_key(type_: str, status: int) -> None:
    with ScriptedServer() as server:
        for _attempt in range(9):
            server.answer(status, NO)
        issuer = by_hand(type_, server)
        with pytest.raises(Exception, match=str(status)) as raised:
            issuer.verify(KEY)
        assert VALUE not in str(raised.value)


@pytest.mark.parametrize("type_", [*SHOWN, "github_app_key"])
def test_person_is_told_where_to_go(type_: str) -> None:
    kind: type[Issuer] = registry.find("issuers", type_)
    handwork = kind.handwork({"app": 1} if type_ == "github_app_key" else {})
    assert re.match(r"[\w.]+\.(com|ai|dev)[,/]", handwork.where)
    assert handwork.make
    assert handwork.end
    assert kind.traits.value is Maker.PERSON
    assert kind.traits.revoke is (Revocation.API if type_ == "github_personal_token" else Revocation.PERSON)
    assert kind.label({"app": 1}).startswith(type_)


@pytest.mark.parametrize("case", PATTERNS)
def test_pattern_is_that_of_its_provider(case: str) -> None:
    options, good, bad = PATTERNS[case]
    pattern = registry.find("issuers", case.partition(" ")[0]).handwork(options).pattern
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (STRIPE_S_NO, Answer.REFUSED),
        ("Invalid API Key provided: rk_live_***", Answer.REFUSED),
        ("The API key provided does not allow requests from your IP address.", Answer.UNCLEAR),
        ("You did not provide an API key. Invalid API Key provided", Answer.UNCLEAR),
        (None, Answer.UNCLEAR),
    ],
)
def test_stripe_key_is_dead_by_its_words_alone(message: str | None, answer: Answer) -> None:
    with ScriptedServer() as server:
        server.answer(401, {"error": {"type": "invalid_request_error", "message": message}})
        assert by_hand("stripe_api_key", server).answer(KEY) is answer


def test_restricted_stripe_key_that_may_not_ask_lives() -> None:
    with ScriptedServer() as server:
        server.answer(403, {"error": {"type": "invalid_request_error", "message": "lacks a permission"}})
        assert by_hand("stripe_api_key", server, restricted=True).verify(KEY) is Answer.ACCEPTED
