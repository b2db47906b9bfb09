# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real Infisical was seen to do, and its description says: trimming, requests for approval, hidden secrets."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.visitor import Visitor

FOLDER = {"projectId": "molecule", "environment": "prod", "secretPath": "/backend"}
ONE = "/v4/secrets/SENTRY_DSN"
ALL = "/v4/secrets"
BATCH = "/v4/secrets/batch"


def ask(world: Visitor, method: str, path: str, token: str | None = None, **more: Any) -> requests.Response:
    shown = token or world.act("mint_infisical_token")["token"]
    headers = {"Authorization": f"Bearer {shown}"}
    return world.http.request(method, f"{world.url}/infisical/api{path}", headers=headers, timeout=120, **more)


def upsert(world: Visitor, value: str, key: str = "KEY", **more: str) -> requests.Response:
    body = {**FOLDER, "mode": "upsert", "secrets": [{"secretKey": key, "secretValue": value}]}
    return ask(world, "PATCH", BATCH, **more, json=body)


def holds(world: Visitor, value: str, key: str = "KEY") -> bool:
    kind = "infisical secret of molecule prod:/backend"
    return bool(world.tell("holds", kind=kind, name=key, value=value)["holds"])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(" both ends ", "both ends"), ("one newline\n", "one newline\n"), ("two\n\n", "two\n"), ("\ufeffmark", "mark")],
)
def test_values_are_trimmed_but_for_one_newline_at_the_end(world: Visitor, sent: str, kept: str) -> None:
    assert upsert(world, sent).json()["secrets"][0]["secretValue"] == kept
    assert holds(world, kept)


def test_every_write_is_a_version_more(world: Visitor) -> None:
    versions = [upsert(world, value).json()["secrets"][0]["version"] for value in ("first", "second", "second")]
    assert versions == [1, 2, 3]


def test_a_guarded_folder_takes_a_write_for_a_request(world: Visitor) -> None:
    world.act("guard_infisical_folder")

    answer = upsert(world, "waits")

    assert answer.status_code == 200
    assert answer.json()["approval"]["status"] == "open"
    assert not holds(world, "waits")
    world.act("approve_infisical_requests")
    assert holds(world, "waits")


def test_an_expired_token_is_403_and_one_that_is_too_old_401(world: Visitor) -> None:
    token = world.act("mint_infisical_token")["token"]
    world.act("expire_infisical_tokens")
    expired = ask(world, "GET", ALL, token, params=FOLDER)
    assert (expired.status_code, expired.json()["error"]) == (403, "TokenError")

    token = world.act("mint_infisical_token")["token"]
    world.act("expire_infisical_tokens", too_old=True)
    assert ask(world, "GET", ALL, token, params=FOLDER).status_code == 401


def test_the_list_leaves_out_what_may_not_be_described_and_a_name_is_refused(world: Visitor) -> None:
    token = world.act("mint_infisical_token", unseen=["SENTRY_DSN"])["token"]
    assert ask(world, "GET", ALL, token, params=FOLDER).json()["secrets"] == []
    assert ask(world, "GET", ONE, token, params=FOLDER).status_code == 403


def test_who_may_not_read_sees_names_only(world: Visitor) -> None:
    token = world.act("mint_infisical_token", rights=["describe"])["token"]
    assert ask(world, "GET", ALL, token, params=FOLDER).status_code == 403
    listed = ask(world, "GET", ALL, token, params={**FOLDER, "viewSecretValue": "false"}).json()["secrets"]
    assert [(one["secretKey"], one["secretValueHidden"]) for one in listed] == [("SENTRY_DSN", True)]
    assert upsert(world, "no", token=token).status_code == 403


def test_three_refused_logins_lock_an_identity_out(world: Visitor) -> None:
    given = world.act("mint_infisical_token")
    login = "/v1/auth/universal-auth/login"
    wrong = {"clientId": given["client_id"], "clientSecret": "wrong"}
    right = {**wrong, "clientSecret": given["client_secret"]}
    assert ask(world, "POST", login, json=right).status_code == 200
    assert [ask(world, "POST", login, json=wrong).status_code for _attempt in range(3)] == [401] * 3
    assert "locked" in ask(world, "POST", login, json=right).json()["message"]


def test_what_infisical_rotates_itself_drops_what_others_write(world: Visitor) -> None:
    world.act("rotate_infisical_secret", name="SENTRY_DSN")
    assert upsert(world, "dropped", key="SENTRY_DSN").status_code == 200
    assert not holds(world, "dropped", key="SENTRY_DSN")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"projectId": "other"}, 404),
        ({"environment": "qa"}, 404),
        ({"secretPath": "/nowhere"}, 404),
        ({"mode": "sometimes"}, 422),
        ({"secrets": []}, 422),
        ({"secrets": [{"secretKey": "A/B", "secretValue": "x"}]}, 422),
        ({"secrets": [{"secretKey": "KEY", "secretValue": "${MISSING}"}]}, 400),
    ],
)
def test_what_is_wrong_is_refused(world: Visitor, change: dict[str, Any], status: int) -> None:
    body = {**FOLDER, "mode": "upsert", "secrets": [{"secretKey": "KEY", "secretValue": "x"}], **change}
    assert ask(world, "PATCH", BATCH, json=body).status_code == status
    assert not holds(world, "x")
