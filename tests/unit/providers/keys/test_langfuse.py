# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, TOKEN, issuer
from tests.unit.core.doubles import ScriptedServer

ORGANIZATION = {"public_key": "pk-lf-org", "secret_key": TOKEN}
KEYS = "/api/public/projects/shop/apiKeys"
MADE = {"id": "7", "publicKey": "pk-lf-1", "secretKey": "sk-lf-of-the-tests", "createdAt": "2026-01-01T00:00:00Z"}


def basic(public: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{public}:{secret}'.encode()).decode()}"


def test_pair_is_sent_as_basic_authentication() -> None:
    with ScriptedServer() as server:
        langfuse = issuer("langfuse_api_key", server.answer(200, MADE).answer(200, {}), ORGANIZATION, project="shop")
        made = langfuse.mint("rotor-1")
        assert langfuse.answer(made) is Answer.ACCEPTED
        assert server.asked == [f"POST {KEYS}", "GET /api/public/projects"]
        assert server.received[0].json == {"note": "rotor-1"}
        shown = [received.headers["Authorization"] for received in server.received]
        assert shown == [basic("pk-lf-org", TOKEN.reveal()), basic("pk-lf-1", "sk-lf-of-the-tests")]


def test_listed_has_names_and_last_use() -> None:
    key = {**MADE, "note": "rotor-1", "lastUsedAt": "2026-02-01T00:00:00Z", "expiresAt": None}
    with ScriptedServer() as server:
        server.answer(200, {"apiKeys": [key]})
        (listed,) = issuer("langfuse_api_key", server, ORGANIZATION, project="shop").listed()
        assert (listed.id, listed.name, listed.expires_at) == ("7", "rotor-1", None)
        assert listed.last_used_at


@pytest.mark.parametrize("answer", [{}, {"success": False}])
def test_revoke_without_success_in_the_answer_fails(answer: object) -> None:
    with ScriptedServer() as server, pytest.raises(errors.UnexpectedAnswerError):
        issuer("langfuse_api_key", server.answer(200, answer), ORGANIZATION, project="shop").revoke(KEY)
