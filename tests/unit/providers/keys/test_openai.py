# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
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


@pytest.mark.parametrize("type_", ["openai_api_key", "openai_admin_key"])
@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("invalid_api_key", Answer.REFUSED),
        ("ip_not_authorized", Answer.UNCLEAR),
        ("missing_scope", Answer.UNCLEAR),
        (None, Answer.UNCLEAR),
    ],
)
def test_only_an_invalid_key_is_dead(type_: str, code: str | None, answer: Answer) -> None:
    error = {"message": "no", "type": "invalid_request_error", "param": None, "code": code}
    with ScriptedServer() as server:
        options = OPTIONS if type_ == "openai_api_key" else {}
        assert issuer(type_, server.answer(401, {"error": error}), **options).answer(KEY) is answer


def keys() -> dict[str, Any]:
    """One key of each owner; the list is of the whole project."""
    kinds = (("service_account", "svc_1"), ("user", "svc_1"), ("service_account", "svc_2"))
    owners = [{"type": kind, kind: {"id": id_}} for kind, id_ in kinds]
    data = [{**MADE, "id": f"key_{n}", "last_used_at": None, "owner": owner} for n, owner in enumerate(owners, 1)]
    return {"data": data, "has_more": False}


def test_keys_of_other_accounts_of_the_project_are_left_out() -> None:
    with ScriptedServer() as server:
        listed = issuer("openai_api_key", server.answer(200, keys()), **OPTIONS).listed()
        assert [(key.id, key.scope) for key in listed] == [("key_1", "service_account")]


def test_current_key_of_another_account_is_refused() -> None:
    with ScriptedServer() as server:
        openai = issuer("openai_api_key", server.answer(200, keys()).answer(200, keys()), **OPTIONS)
        assert openai.preflight("key_1") == []
        assert "the current key key_3 is not among the valid keys" in openai.preflight("key_3")[0]


def test_refused_revoke_of_a_key_of_another_account_is_an_error() -> None:
    with ScriptedServer() as server:
        openai = issuer("openai_api_key", server.answer(404, {}).answer(200, keys()), **OPTIONS)
        with pytest.raises(errors.NotFoundError):
            openai.revoke(Credential("key_3", "rotor-1", {}))


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
