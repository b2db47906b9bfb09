# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anthropic's keys: found by their hints, set inactive, archived."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.unit.core.described import KEY, TOKEN, issuer
from tests.unit.core.doubles import ScriptedServer

VALUE = SecretValue("sk-ant-api03-R2DxxxxxxxxxxxxxxxxigAA")


def key(id_: str, hint: str | None, status: str = "active") -> dict[str, Any]:
    created = {"created_at": "2026-11-01T00:00:00Z", "type": "api_key", "scope": {"type": "organization"}}
    return {"id": id_, "name": id_, "status": status, "partial_key_hint": hint, **created}


def listed(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"data": list(keys), "has_more": False, "first_id": None, "last_id": None}


def test_key_is_found_by_its_hint() -> None:
    with ScriptedServer() as server:
        server.answer(
            200, listed(key("1", "sk-ant-api03-aaa...bbbb"), key("2", "sk-ant-api03-R2D...igAA"), key("3", None))
        )
        taken = issuer("anthropic_api_key", server, workspace="wrkspc_1").take("rotor-1", {"token": VALUE})
        assert (taken.id, taken.name, taken.facts["created_at"]) == ("2", "rotor-1", "2026-11-01T00:00:00+00:00")
        assert server.asked == ["GET /v1/organizations/api_keys?limit=1000&workspace_id=wrkspc_1"]
        headers = server.received[0].headers
        assert (headers["x-api-key"], headers["anthropic-version"]) == (TOKEN.reveal(), "2023-06-01")
        assert "Authorization" not in headers


@pytest.mark.parametrize("expires_at", [None, "2027-02-01T00:00:00Z"])
def test_end_of_a_key_is_kept_as_it_is_listed(expires_at: str | None) -> None:
    found = {**key("2", "sk-ant-api03-R2D...igAA"), "created_at": None, "expires_at": expires_at}
    with ScriptedServer() as server:
        taken = issuer("anthropic_api_key", server.answer(200, listed(found))).take("rotor-1", {"token": VALUE})
    assert taken.facts == ({"expires_at": "2027-02-01T00:00:00+00:00"} if expires_at else {})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "0 keys of anthropic_api_key have its hint"),
        ([key("1", "...")], "0 keys"),
        ([key("1", "sk-ant-api03-R2D...igAA"), key("2", "sk-ant...AA")], "2 keys"),
        ([key("1", "sk-ant-api03-R2D...igAA", "inactive")], "it is not active"),
    ],
)
def test_key_that_is_not_found_for_certain_is_refused(keys: list[dict[str, Any]], said: str) -> None:
    with ScriptedServer() as server, pytest.raises(errors.ConflictError, match=said):
        issuer("anthropic_api_key", server.answer(200, listed(*keys))).take("rotor-1", {"token": VALUE})


def test_key_is_shown_with_itself_alone() -> None:
    with ScriptedServer() as server:
        server.answer(200, {"data": []}).answer(401, {"type": "error", "error": {"type": "authentication_error"}})
        anthropic = issuer("anthropic_api_key", server)
        assert [anthropic.verify(KEY), anthropic.verify(KEY)] == [Answer.ACCEPTED, Answer.REFUSED]
        assert server.asked == ["GET /v1/models?limit=1"] * 2
        assert server.received[0].headers["x-api-key"] == KEY.fields["token"].reveal()


def test_key_is_disabled_with_a_way_back_and_then_archived() -> None:
    with ScriptedServer() as server:
        for status in ("inactive", "active", "archived"):
            server.answer(200, key("7", None, status))
        anthropic = issuer("anthropic_api_key", server)
        for step in (anthropic.disable, anthropic.enable, anthropic.revoke):
            step(KEY)
        assert server.asked == ["POST /v1/organizations/api_keys/7"] * 3
        assert [one.json for one in server.received] == [{"status": s} for s in ("inactive", "active", "archived")]


def test_key_that_is_not_active_is_listed_as_ended() -> None:
    with ScriptedServer() as server:
        server.answer(200, listed(*(key(status, None, status) for status in ("active", "inactive", "archived"))))
        revoked = {one.id: one.revoked for one in issuer("anthropic_api_key", server).listed()}
        assert revoked == {"active": False, "inactive": True, "archived": True}
