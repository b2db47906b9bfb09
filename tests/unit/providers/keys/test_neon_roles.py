# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from tests.servers.postgres_auth import WELCOME, PostgresAuthServer, refusal
from tests.servers.tls import Authority
from tests.unit.core.described import TOKEN, issuer
from tests.unit.core.doubles import Detour, Scripted, ScriptedServer

TYPE = "neon_role_password"
OPTIONS: dict[str, Any] = {"project": "shiny", "branch": "br-main", "role": "app", "database": "shop"}
ROLE = "/projects/shiny/branches/br-main/roles/app"
OPERATION = {"id": "op-1", "status": "running"}
SAID = {
    WELCOME: Answer.ACCEPTED,
    refusal("password authentication failed for user 'app'"): Answer.REFUSED,
    refusal("too many clients", "53300"): Answer.UNCLEAR,
    refusal('role "app" is not permitted to log in', "28000"): Answer.UNCLEAR,
}


def shows(server: Scripted, direct: str, pooled: str) -> Scripted:
    for host, password in (("ep-x", direct), ("ep-x-pooler", pooled)):
        server.answer(200, {"uri": f"postgresql://app:{password}@{host}.neon.tech/shop?sslmode=require"})
    return server


def test_reset_waits_for_its_last_operation() -> None:
    with ScriptedServer() as server:
        shows(server, "old%2F1", "old%2F1").answer(200, {"operations": [OPERATION]})
        server.answer(200, {"operation": OPERATION}).answer(200, {"operation": {**OPERATION, "status": "finished"}})
        made = issuer(TYPE, shows(server, "new%2F1", "new%2F1"), **OPTIONS).mint("rotor-1")
        assert server.asked[2:5] == [f"POST {ROLE}/reset_password", *["GET /projects/shiny/operations/op-1"] * 2]
        assert made.fields["password"].reveal() == "new/1"
        assert "ep-x.neon" in made.fields["uri"].reveal()
        assert "ep-x-pooler.neon" in made.fields["pooled_uri"].reveal()
        assert "pooled=true" in server.asked[-1]


@pytest.mark.parametrize("status", ["failed", "cancelled", None])
def test_operation_that_does_not_finish_leaves_the_reset_unknown(status: str | None) -> None:
    with ScriptedServer() as server:
        shows(server, "old", "old").answer(200, {"operations": [OPERATION]})
        server.answer(200, {"operation": {**OPERATION, "status": status}})
        with pytest.raises(errors.OutcomeUnknownError, match="op-1"):
            issuer(TYPE, server, **OPTIONS).mint("rotor-1")


def test_uris_with_two_passwords_are_no_credential() -> None:
    with ScriptedServer() as server, pytest.raises(errors.UnexpectedAnswerError, match="two passwords"):
        issuer(TYPE, shows(server, "old", "new"), **OPTIONS).recover("rotor-1")


def test_role_without_a_stored_password_is_refused() -> None:
    with ScriptedServer() as server, pytest.raises(errors.RotorError, match="no credential in it"):
        issuer(TYPE, shows(server, "", ""), **OPTIONS).preflight(None)


def test_preview_names_the_branches_that_keep_the_old_password() -> None:
    branches = [{"name": "main"}, {"name": "pr-7", "parent_id": "br-main"}, {"name": "b", "parent_id": "br-other"}]
    with ScriptedServer() as server:
        (line,) = issuer(TYPE, server.answer(200, {"branches": branches}), **OPTIONS).preview()
        assert line.endswith(": pr-7")


@pytest.mark.parametrize(("said", "answer"), SAID.items())
def test_verify_shows_the_password_inside_tls(tmp_path: Path, said: bytes, answer: Answer) -> None:
    authority = Authority(tmp_path)
    trusted = {"token": TOKEN, "ca_cert": str(authority.pem)}
    context = authority.context("localhost")
    with ScriptedServer() as server, PostgresAuthServer(context, lambda _password: said) as compute:
        uri = SecretValue(f"postgresql://app:password-of-the-neon-tests@localhost:{compute.port}/shop")
        credential = Credential("app", "rotor-1", {"uri": uri})
        assert issuer(TYPE, server, trusted, **OPTIONS).answer(credential) is answer
        with pytest.raises(errors.UntrustedServerError):
            issuer(TYPE, server, **OPTIONS).answer(credential)


def test_password_goes_the_way_of_the_connection(tmp_path: Path) -> None:
    authority, address = Authority(tmp_path), ("ep-x.test", 5432)
    context = authority.context("ep-x.test")
    with ScriptedServer() as server, PostgresAuthServer(context, lambda _password: WELCOME) as compute:
        via = Detour({address: ("127.0.0.1", compute.port)})
        account = {"token": TOKEN, "ca_cert": str(authority.pem), "via": via}
        uri = SecretValue("postgresql://app:password-of-the-neon-tests@ep-x.test/shop")
        credential = Credential("app", "rotor-1", {"uri": uri})
        assert issuer(TYPE, server, account, **OPTIONS).verify(credential) is Answer.ACCEPTED
