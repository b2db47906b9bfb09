# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Personal tokens, which whoever has one can end; private keys of Apps, by the fingerprint that GitHub shows."""

from __future__ import annotations

import base64
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors, registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from tests.unit.core.described import by_hand
from tests.unit.core.doubles import START, ScriptedServer, VirtualClock

TOKEN = Credential(None, "rotor-1", {"token": SecretValue("ghp_of-a-person")})
NO = {"message": "Bad credentials"}


@pytest.fixture(scope="module")
def pem() -> str:
    encoding = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return rsa.generate_private_key(65537, 2048).private_bytes(*encoding).decode()


def test_token_is_ended_by_a_call_that_shows_no_other_credential() -> None:
    with ScriptedServer() as server:
        by_hand("github_personal_token", server.answer(202, {})).revoke(TOKEN)
        assert server.asked == ["POST /credentials/revoke"]
        assert server.received[0].json == {"credentials": ["ghp_of-a-person"]}
        assert "Authorization" not in server.received[0].headers


@pytest.mark.parametrize("header", ["2027-02-01 00:00:00 UTC", "2027-02-01 01:00:00 +0100"])
def test_end_of_a_token_is_read_from_the_header_of_an_answer(header: str) -> None:
    with ScriptedServer() as server:
        server.answer(200, {"login": "octo"}, github_authentication_token_expiration=header)
        taken = by_hand("github_personal_token", server).take("rotor-1", TOKEN.fields)
        assert server.received[0].headers["Authorization"] == "Bearer ghp_of-a-person"
    assert taken.facts == {"expires_at": "2027-02-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("status", "headers"),
    [(200, {}), (200, {"github_authentication_token_expiration": "soon"}), (403, {}), (401, {})],
)
def test_token_without_a_readable_end_has_none(status: int, headers: dict[str, str]) -> None:
    with ScriptedServer() as server:
        server.answer(status, NO, **headers)
        taken = by_hand("github_personal_token", server).take("rotor-1", TOKEN.fields)
    assert (taken.facts, taken.fields) == ({}, TOKEN.fields)


def test_token_whose_value_is_not_kept_is_ended_by_a_person() -> None:
    with ScriptedServer() as server, pytest.raises(errors.PersonNeededError, match=r"github\.com/settings/tokens"):
        by_hand("github_personal_token", server).revoke(Credential(None, "rotor-1", {}))


def test_key_of_an_app_is_known_by_the_fingerprint_that_github_shows(pem: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem)
    der = subprocess.run(
        ["openssl", "rsa", "-in", str(file), "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    digest = subprocess.run(["openssl", "sha256", "-binary"], input=der, check=True, capture_output=True).stdout
    with ScriptedServer() as server:
        taken = by_hand("github_app_key", server, app=7).take("rotor-1", {"private_key": SecretValue(pem)})
    assert taken.id == f"SHA256:{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("text", ["no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"])
def test_key_that_is_none_is_refused_without_its_text(text: str) -> None:
    with ScriptedServer() as server, pytest.raises(errors.InvalidRequestError, match="is not a private key") as raised:
        by_hand("github_app_key", server, app=7).take("rotor-1", {"private_key": SecretValue(text)})
    assert text not in str(raised.value)


def test_key_of_an_app_lives_as_long_as_github_takes_what_it_signs(pem: str) -> None:
    key = Credential(None, "rotor-1", {"private_key": SecretValue(pem)})
    with ScriptedServer() as server:
        server.answer(200, {"id": 7}).answer(401, NO).answer(404, NO)
        app = by_hand("github_app_key", server, app=7)
        assert [app.answer(key) for _turn in range(3)] == [Answer.ACCEPTED, Answer.REFUSED, Answer.UNCLEAR]
        assert server.asked == ["GET /app"] * 3
        shown = server.received[0].headers["Authorization"].removeprefix("Bearer ")
        assert jwt.decode(shown, options={"verify_signature": False})["iss"] == "7"


def test_wrong_clock_of_ours_is_no_end_of_a_key(pem: str) -> None:
    key = Credential(None, "rotor-1", {"private_key": SecretValue(pem)})
    clock = VirtualClock()
    clock.time = 3600
    with ScriptedServer() as server:
        server.answer(401, NO).answer(200, {"id": 7})
        app = registry.find("issuers", "github_app_key")({"url": server.url, "app": 7}, None, clock=clock)
        assert app.verify(key) is Answer.ACCEPTED
        shown = server.received[1].headers["Authorization"].removeprefix("Bearer ")
        signed = jwt.decode(shown, options={"verify_signature": False})["iat"]
        assert abs(datetime.fromtimestamp(signed, UTC) - START) < timedelta(minutes=2)
