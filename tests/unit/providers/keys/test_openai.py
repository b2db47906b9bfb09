# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.core.described import KEY, issuer, mistakes
from tests.unit.core.doubles import ScriptedServer

OPTIONS: dict[str, Any] = {"project": "proj_1", "service_account": "svc_1", "scopes": ["models.read"]}
MADE = {"id": "key_1", "value": "sk-of-the-openai-tests", "name": "rotor-1", "created_at": 1767225600}


def test_key_is_made_for_the_service_account_and_ended_in_its_project() -> None:
    with ScriptedServer() as server:
        openai = issuer("openai_api_key", server.answer(200, MADE).answer(200, {"deleted": True}), **OPTIONS)
        openai.mint("rotor-1")
        openai.revoke(KEY)
        project = "/organization/projects/proj_1"
        assert server.asked == [f"POST {project}/service_accounts/svc_1/api_keys", f"DELETE {project}/api_keys/7"]
        assert server.received[0].json == {"name": "rotor-1", "scopes": ["models.read"]}


def test_listed_has_the_kind_of_owner() -> None:
    key = {**MADE, "last_used_at": None, "owner": {"type": "user"}}
    with ScriptedServer() as server:
        (listed,) = issuer("openai_api_key", server.answer(200, {"data": [key], "has_more": False}), **OPTIONS).listed()
        assert (listed.scope, listed.last_used_at) == ("user", None)


def test_admin_key_is_made_and_ended_in_the_organization() -> None:
    with ScriptedServer() as server:
        server.answer(200, {**MADE, "expires_at": 1775001600}).answer(200, {"deleted": True})
        openai = issuer("openai_admin_key", server, lifetime="120d")
        assert openai.mint("rotor-1").facts["expires_at"] == "2026-04-01T00:00:00+00:00"
        openai.revoke(KEY)
        assert server.asked == ["POST /organization/admin_api_keys", "DELETE /organization/admin_api_keys/7"]
        assert server.received[0].json == {"name": "rotor-1", "expires_in_seconds": 120 * 86400}


@pytest.mark.parametrize(("lifetime", "allowed"), [("365d", True), ("366d", False), ("1y", False)])
def test_admin_key_lives_a_year_at_most(lifetime: str, allowed: bool) -> None:
    assert (mistakes("openai_admin_key", lifetime=lifetime) == []) is allowed
