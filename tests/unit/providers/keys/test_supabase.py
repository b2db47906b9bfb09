# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, issuer
from tests.unit.core.doubles import Scripted, ScriptedServer

PROJECT = "abcdefghijklmnopqrst"
KEYS = f"/projects/{PROJECT}/api-keys"


def keys(server: Scripted) -> Any:
    return issuer("supabase_secret_key", server, project=PROJECT, project_url=server.url)


def test_value_is_revealed_at_the_mint_alone() -> None:
    with ScriptedServer() as server:
        server.answer(201, {"id": "7", "name": "rotor_1", "api_key": "sb_secret_of_the_tests"}).answer(200, [])
        assert keys(server).mint("rotor_1").fields["token"].reveal() == "sb_secret_of_the_tests"
        keys(server).listed()
        assert server.asked == [f"POST {KEYS}?reveal=true", f"GET {KEYS}"]
        assert server.received[0].json == {"name": "rotor_1", "type": "secret"}


def test_listed_leaves_out_keys_of_another_kind() -> None:
    secret = {"id": "7", "name": "rotor_1", "type": "secret", "inserted_at": "2026-01-01T00:00:00Z"}
    others = [{"id": None, "name": "anon", "type": "legacy"}, {"id": "8", "name": "default", "type": "publishable"}]
    with ScriptedServer() as server:
        assert [key.id for key in keys(server.answer(200, [*others, secret])).listed()] == ["7"]


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (404, {"code": 404, "error_code": "user_not_found"}, Answer.ACCEPTED),
        (401, {"message": "Invalid API key"}, Answer.REFUSED),
        (401, {"message": "Unregistered API key"}, Answer.REFUSED),
        (401, {"message": "No API key found in request"}, Answer.UNCLEAR),
        (401, "", Answer.UNCLEAR),
        (404, {"error": "requested path is invalid"}, Answer.UNCLEAR),
        (403, {"message": "Forbidden use of secret API key in browser"}, Answer.UNCLEAR),
    ],
)
def test_verify_sends_the_key_as_apikey_header(status: int, body: Any, answer: Answer) -> None:
    with ScriptedServer() as server:
        assert keys(server.answer(status, body)).answer(KEY) is answer
        assert server.received[0].headers["apikey"] == KEY.fields["token"].reveal()
        assert server.received[0].headers["Authorization"] is None
