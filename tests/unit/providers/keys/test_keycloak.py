# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer, Issuer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from tests.unit.core.described import TOKEN, issuer
from tests.unit.core.doubles import Scripted, ScriptedServer

ACCOUNT = {"client_id": "rotor", "client_secret": TOKEN}
IN = {"access_token": "token-of-the-keycloak-tests", "expires_in": 60}
SECRET = Credential(None, "rotor-1", {"secret": SecretValue("secret-of-the-keycloak-tests")})
PASSWORD = Credential(None, "rotor-1", {"password": SecretValue("password-of-the-keycloak-tests")})
REALM = "/admin/realms/shop"
ADMIN_REALM = "/realms/master/protocol/openid-connect/token"
WRONG_CLIENT = {"error": "unauthorized_client", "error_description": "Invalid client or Invalid client credentials"}
WITHOUT_ACCOUNT = {**WRONG_CLIENT, "error_description": "Client not enabled to retrieve service account"}
WRONG_USER = {"error": "invalid_grant", "error_description": "Invalid user credentials"}
UNFINISHED = {"error": "invalid_grant", "error_description": "Account is not fully set up"}


def client(server: Scripted) -> Issuer:
    return issuer("keycloak_client_secret", server, ACCOUNT, realm="shop", client_id="web")


def user(server: Scripted) -> Issuer:
    return issuer("keycloak_user_password", server, ACCOUNT, realm="shop", username="admin")


def test_secret_of_a_client_is_reset_and_read_with_one_token() -> None:
    with ScriptedServer() as server:
        server.answer(200, IN).answer(200, [{"id": "u-1"}]).answer(200, {"type": "secret", "value": "old"})
        server.answer(200, [{"id": "u-1"}]).answer(200, {})
        server.answer(200, [{"id": "u-1"}]).answer(200, {"type": "secret", "value": "new"})
        assert client(server).mint("rotor-1").fields["secret"].reveal() == "new"
        asked = [line for line in server.asked if "client-secret" in line]
        assert asked == [f"{method} {REALM}/clients/u-1/client-secret" for method in ("GET", "POST", "GET")]
        assert server.asked.count(f"POST {ADMIN_REALM}") == 1


@pytest.mark.parametrize(("realm", "client_id", "own"), [("master", "rotor", True), ("shop", "rotor", False)])
def test_client_of_the_connection_is_refused(realm: str, client_id: str, own: bool) -> None:
    with ScriptedServer() as server:
        server.answer(200, IN).answer(200, [{"id": "u-1"}]).answer(200, {"type": "secret", "value": "old"})
        keycloak = issuer("keycloak_client_secret", server, ACCOUNT, realm=realm, client_id=client_id)
        problems = keycloak.preflight(None)
        assert [problem.partition(" signs in with ")[0] for problem in problems] == ["the connection"] * own


def test_client_without_a_secret_is_unexpected() -> None:
    with ScriptedServer() as server, pytest.raises(errors.UnexpectedAnswerError):
        client(server.answer(200, IN).answer(200, [{"id": "u-1"}]).answer(200, {"type": "secret"})).preflight(None)


def test_password_of_a_user_is_set_for_good() -> None:
    with ScriptedServer() as server:
        server.answer(200, IN).answer(200, [{"id": "u-1"}]).answer(204, None)
        user(server).activate(PASSWORD)
        assert server.asked[1:] == [
            f"GET {REALM}/users?username=admin&exact=true",
            f"PUT {REALM}/users/u-1/reset-password",
        ]
        value = PASSWORD.fields["password"].reveal()
        assert server.received[2].json == {"type": "password", "value": value, "temporary": False}


def test_reused_password_in_force_counts_as_set() -> None:
    with ScriptedServer() as server:
        server.answer(200, IN).answer(200, [{"id": "u-1"}]).answer(400, {"error": "invalidPasswordHistoryMessage"})
        user(server.answer(200, IN)).activate(PASSWORD)
    with ScriptedServer() as server:
        server.answer(200, IN).answer(200, [{"id": "u-1"}]).answer(400, {"error": "invalidPasswordHistoryMessage"})
        refused = user(server.answer(401, WRONG_USER))
        with pytest.raises(errors.InvalidRequestError):
            refused.activate(PASSWORD)


@pytest.mark.parametrize("found", [[], [{"id": "u-1"}, {"id": "u-2"}]])
def test_user_who_is_not_there_is_a_problem(found: list[Any]) -> None:
    with ScriptedServer() as server:
        assert "there is no" in user(server.answer(200, IN).answer(200, found)).preflight(None)[0]


@pytest.mark.parametrize(("facts", "refused"), [({"totp": True}, True), ({"totp": False}, False), ({}, False)])
def test_user_with_a_second_factor_is_a_problem(facts: dict[str, bool], refused: bool) -> None:
    with ScriptedServer() as server:
        problems = user(server.answer(200, IN).answer(200, [{"id": "u-1", **facts}])).preflight(None)
        assert ["second factor" in problem for problem in problems] == [True] * refused


@pytest.mark.parametrize(
    ("status", "body", "of_client", "of_user"),
    [
        (200, IN, Answer.ACCEPTED, Answer.ACCEPTED),
        (401, WRONG_CLIENT, Answer.REFUSED, Answer.UNCLEAR),
        (401, WITHOUT_ACCOUNT, Answer.ACCEPTED, Answer.UNCLEAR),
        (401, WRONG_USER, Answer.UNCLEAR, Answer.REFUSED),
        (400, UNFINISHED, Answer.UNCLEAR, Answer.UNCLEAR),
        (403, WRONG_CLIENT, Answer.UNCLEAR, Answer.UNCLEAR),
        (200, "<html>", Answer.UNCLEAR, Answer.UNCLEAR),
    ],
)
def test_proof_goes_by_the_words_of_the_token_endpoint(
    status: int, body: Any, of_client: Answer, of_user: Answer
) -> None:
    with ScriptedServer() as server:
        assert client(server.answer(status, body)).answer(SECRET) is of_client
        assert user(server.answer(status, body)).answer(PASSWORD) is of_user


@pytest.mark.parametrize(("status", "body"), [(401, WRONG_CLIENT), (200, {"access_token": None})])
def test_connection_whose_client_is_not_let_in_says_so(status: int, body: Any) -> None:
    with ScriptedServer() as server, pytest.raises(errors.AuthenticationError, match="client rotor"):
        client(server.answer(status, body)).connection.probe()
