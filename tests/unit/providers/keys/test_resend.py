# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    NotFoundError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.effects.context import NO_CHECKPOINT
from tests.unit.core.described import KEY, TOKEN, issuer, mistakes
from tests.unit.core.doubles import Scripted, ScriptedServer, VirtualClock

SENDING: dict[str, Any] = {"permission": "sending_access", "domain_id": "d-1"}


@pytest.mark.parametrize(
    ("status", "name", "message", "answer"),
    [
        (401, "restricted_api_key", "This API key is restricted to only send emails", Answer.ACCEPTED),
        (403, "invalid_api_key", "API key is invalid", Answer.REFUSED),
        (400, "validation_error", "API key is invalid", Answer.REFUSED),
        (401, "validation_error", "API key is invalid.", Answer.REFUSED),
        (401, "missing_api_key", "Missing API Key", Answer.UNCLEAR),
        (403, "validation_error", "You can only send testing emails", Answer.UNCLEAR),
    ],
)
def test_proof_goes_by_the_words_of_the_error(status: int, name: str, message: str, answer: Answer) -> None:
    with ScriptedServer() as server:
        server.answer(status, {"statusCode": status, "name": name, "message": message})
        assert issuer("resend_api_key", server, **SENDING).answer(KEY) is answer


def test_key_has_the_permission_that_the_map_names() -> None:
    with ScriptedServer() as server:
        issuer("resend_api_key", server.answer(201, {"id": "7", "token": "re_of_the_tests"}), **SENDING).mint("rotor-1")
        assert server.received[0].json == {"name": "rotor-1", **SENDING}


def test_domain_is_refused_for_a_full_access_key() -> None:
    assert mistakes("resend_api_key", permission="full_access", domain_id="d") != []


def domain(server: Scripted, name: str = "example.com") -> Any:
    clock = VirtualClock()
    connection = registry.find("connections", "resend")({"token": TOKEN, "url": server.url}, clock=clock)
    return registry.find("checks", "resend_domain")({"domain": name}, connection, clock=clock)


def listed(*names: str, more: bool = False) -> dict[str, Any]:
    return {"object": "list", "has_more": more, "data": [{"id": f"d-{name}", "name": name} for name in names]}


def records(**statuses: str) -> list[dict[str, str]]:
    return [{"record": name, "type": "TXT", "status": status} for name, status in statuses.items()]


def test_domain_that_is_verified_holds() -> None:
    with ScriptedServer() as server:
        server.answer(200, listed("example.org", more=True)).answer(200, listed("Example.com"))
        server.answer(200, {"status": "verified", "records": records(SPF="verified", Tracking="pending")})
        assert domain(server).run(None, NO_CHECKPOINT) == {"status": "verified"}
        assert server.asked == [
            "GET /domains?limit=100",
            "GET /domains?limit=100&after=d-example.org",
            "GET /domains/d-Example.com",
        ]


def test_domain_that_is_not_verified_says_which_records_are_missing() -> None:
    with ScriptedServer() as server:
        for _turn in range(2):
            server.answer(200, listed("example.com"))
            found = records(SPF="pending", DKIM="verified", Receiving="not_started")
            server.answer(200, {"status": "partially_verified", "records": found})
        said = "is partially_verified, not verified: SPF (TXT) pending, Receiving (TXT) not_started"
        assert domain(server).preflight() == [f"resend domain example.com {said}"]
        with pytest.raises(CheckFailedError, match="SPF") as raised:
            domain(server).run(None, NO_CHECKPOINT)
        assert "does not tell of DMARC" in str(raised.value)


def test_domain_that_is_not_there_is_not_found() -> None:
    with ScriptedServer() as server, pytest.raises(NotFoundError, match="there is no resend domain"):
        domain(server.answer(200, listed("example.org"))).preflight()


@pytest.mark.parametrize("answer", [{"status": "verified"}, {"status": "verified", "records": [{"record": 5}]}, []])
def test_domain_whose_records_cannot_be_read_is_not_taken_for_verified(answer: Any) -> None:
    with ScriptedServer() as server, pytest.raises(UnexpectedAnswerError):
        domain(server.answer(200, listed("example.com")).answer(200, answer)).preflight()
