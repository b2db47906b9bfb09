# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._providers.neon.client import NeonConnection
from tests.unit.core.described import KEY, issuer, mistakes
from tests.unit.core.doubles import ScriptedServer

MADE = {"id": 7, "key": "napi_of_the_neon_tests", "name": "rotor-1", "created_at": "2026-01-01T00:00:00Z"}
ORG = {"organization": "acme"}
PROJECT = {**ORG, "project": "shiny"}


@pytest.mark.parametrize(
    ("options", "root", "body", "shown"),
    [
        ({}, "/api_keys", {}, "/auth"),
        (ORG, "/organizations/acme/api_keys", {}, "/auth"),
        (PROJECT, "/organizations/acme/api_keys", {"project_id": "shiny"}, "/projects/shiny/branches?limit=1"),
    ],
)
def test_key_is_of_the_account_or_of_what_is_named(options: Any, root: str, body: Any, shown: str) -> None:
    with ScriptedServer() as server:
        server.answer(200, MADE).answer(200, {}).answer(200, {"revoked": True})
        neon = issuer("neon_api_key", server, **options)
        assert neon.mint("rotor-1").fields["token"].reveal() == MADE["key"]
        neon.verify(KEY)
        neon.revoke(KEY)
        assert server.asked == [f"POST {root}", f"GET {shown}", f"DELETE {root}/7"]
        assert server.received[0].json == {"key_name": "rotor-1", **body}


@pytest.mark.parametrize(("options", "mine"), [(ORG, ["1"]), (PROJECT, ["2"])])
def test_keys_of_other_scopes_are_left_out(options: Any, mine: list[str]) -> None:
    keys = [{**MADE, "id": 1}, {**MADE, "id": 2, "project_id": "shiny"}, {**MADE, "id": 3, "project_id": "dull"}]
    with ScriptedServer() as server:
        neon = issuer("neon_api_key", server.answer(200, keys).answer(200, keys).answer(200, keys), **options)
        assert [key.id for key in neon.listed()] == mine
        assert neon.preflight(mine[0]) == []
        assert "the current key 3 is not among the valid keys" in neon.preflight("3")[0]


def test_person_s_connection_and_key_need_no_organization() -> None:
    with ScriptedServer() as server:
        details = {"account_id": "2a1b", "auth_method": "api_key_user"}
        neon = issuer("neon_api_key", server.answer(200, details).answer(200, details))
        assert isinstance(neon.connection, NeonConnection)
        assert neon.connection.probe() == "Neon lets us in"
        assert neon.verify(KEY) is Answer.ACCEPTED
        assert server.asked == ["GET /auth"] * 2


def test_project_without_an_organization_is_a_validation_error() -> None:
    assert mistakes("neon_api_key", project="shiny") != []
    assert mistakes("neon_api_key", **PROJECT) == []
