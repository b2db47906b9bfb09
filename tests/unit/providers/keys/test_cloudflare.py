# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, TOKEN, issuer
from tests.unit.core.doubles import ScriptedServer

ACCOUNT = {"token": TOKEN, "account": "0" * 32}
POLICY = {"effect": "allow", "permission_groups": [{"id": "g"}], "resources": {"com.cloudflare.api.account.x": "*"}}
OPTIONS: dict[str, Any] = {"policies": [POLICY]}
VALUE = "value-of-the-cloudflare-tests"


def said(result: Any, *, success: bool = True, code: int = 0) -> dict[str, Any]:
    errors = [{"code": code, "message": "no"}] if code else []
    return {"success": success, "errors": errors, "messages": [], "result": result}


MADE = said({"id": "7", "name": "rotor-1", "value": VALUE})


@pytest.mark.parametrize(
    ("account", "root"), [({"token": TOKEN}, "/user/tokens"), (ACCOUNT, f"/accounts/{'0' * 32}/tokens")]
)
def test_token_is_of_the_user_or_of_the_account(account: dict[str, Any], root: str) -> None:
    with ScriptedServer() as server:
        for answer in (MADE, said({"id": "7", "status": "active"}), said({"id": "7"}), said([])):
            server.answer(200, answer)
        cloudflare = issuer("cloudflare_api_token", server, account, **OPTIONS)
        cloudflare.mint("rotor-1")
        assert cloudflare.answer(KEY) is Answer.ACCEPTED
        cloudflare.revoke(KEY)
        cloudflare.connection.probe()
        listed = f"GET {root}?per_page=5"
        assert server.asked == [f"POST {root}", f"GET {root}/verify", f"DELETE {root}/7", listed]
        assert server.received[0].json == {"name": "rotor-1", "policies": [POLICY]}


def test_lifetime_ends_at_a_time_by_cloudflares_clock() -> None:
    with ScriptedServer() as server:
        issuer("cloudflare_api_token", server.answer(200, MADE), **OPTIONS, lifetime="120d").mint("rotor-1")
        assert server.received[0].json["expires_on"] == "2027-03-21T12:00:00Z"


@pytest.mark.parametrize(
    ("status", "answer", "proves"),
    [
        (401, said(None, success=False, code=1000), Answer.REFUSED),
        (200, said({"id": "7", "status": "disabled"}), Answer.REFUSED),
        (200, said({"id": "7", "status": "expired"}), Answer.REFUSED),
        (400, said(None, success=False, code=6003), Answer.UNCLEAR),
        (401, said(None, success=False, code=10000), Answer.UNCLEAR),
        (403, said(None, success=False, code=9109), Answer.UNCLEAR),
        (200, said(None, success=False), Answer.UNCLEAR),
    ],
)
def test_proof_goes_by_code_and_status(status: int, answer: Any, proves: Answer) -> None:
    with ScriptedServer() as server:
        assert issuer("cloudflare_api_token", server.answer(status, answer), **OPTIONS).answer(KEY) is proves


@pytest.mark.parametrize("deed", ["mint", "revoke"])
def test_answer_without_success_is_an_unknown_outcome(deed: str) -> None:
    with ScriptedServer() as server:
        cloudflare = issuer("cloudflare_api_token", server.answer(200, said(None, success=False, code=7)), **OPTIONS)
        with pytest.raises((errors.OutcomeUnknownError, errors.UnexpectedAnswerError)):
            cloudflare.mint("rotor-1") if deed == "mint" else cloudflare.revoke(KEY)


@pytest.mark.parametrize("issuer_type", ["cloudflare_api_token", "cloudflare_r2_key"])
@pytest.mark.parametrize(("credential_id", "own"), [("7", True), ("8", False)])
def test_own_token_is_told_by_its_id(issuer_type: str, credential_id: str, own: bool) -> None:
    with ScriptedServer() as server:
        cloudflare = issuer(issuer_type, server.answer(200, said({"id": "7", "status": "active"})), ACCOUNT, **OPTIONS)
        assert cloudflare.is_own(credential_id) is own
        assert server.asked == [f"GET /accounts/{'0' * 32}/tokens/verify"]
        assert server.received[0].headers["Authorization"] == f"Bearer {TOKEN.reveal()}"


def test_own_token_of_a_user_is_none_of_an_account() -> None:
    with ScriptedServer() as server:
        server.answer(401, said(None, success=False, code=1000))
        assert not issuer("cloudflare_api_token", server, ACCOUNT, **OPTIONS).is_own("7")


def test_own_token_that_cannot_be_asked_for_is_an_error() -> None:
    with ScriptedServer() as server:
        cloudflare = issuer("cloudflare_api_token", server.answer(403, said(None, success=False)), **OPTIONS)
        with pytest.raises(errors.PermissionDeniedError):
            cloudflare.is_own("7")


def test_disabling_writes_the_token_as_it_was_found() -> None:
    token = {"id": "7", "name": "<name>", "status": "active", "policies": [POLICY]}
    with ScriptedServer() as server:
        server.answer(200, said(token)).answer(200, said(token)).answer(200, said(token)).answer(200, said(token))
        cloudflare = issuer("cloudflare_api_token", server, **OPTIONS)
        cloudflare.disable(KEY)
        cloudflare.enable(KEY)
        sent = [received.json for received in server.received if received.method == "PUT"]
        assert sent == [{**token, "status": "disabled"}, {**token, "status": "active"}]


def test_disabling_what_is_gone_is_no_error() -> None:
    with ScriptedServer() as server:
        server.answer(404, said(None, success=False, code=1003))
        issuer("cloudflare_api_token", server, **OPTIONS).disable(KEY)
        assert server.asked == ["GET /user/tokens/7"]


def test_r2_pair_follows_from_the_token() -> None:
    with ScriptedServer() as server:
        made = issuer("cloudflare_r2_key", server.answer(200, MADE), ACCOUNT, **OPTIONS).mint("rotor-1")
        fields = {name: value.reveal() for name, value in made.fields.items()}
        secret = hashlib.sha256(VALUE.encode()).hexdigest()
        assert fields == {"token": VALUE, "access_key_id": "7", "secret_access_key": secret}
