# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys by a description in the map: what is refused before anything is sent, and what preflight shows of verify."""

from __future__ import annotations

import re
from base64 import b64encode
from copy import deepcopy
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, issuer, mistakes
from tests.unit.core.doubles import Scripted, ScriptedServer

ACME: dict[str, Any] = {
    "create": {"path": "/keys", "body": {"label": "<name>"}, "ok": [201], "id": "data.id", "value": "data.secret"},
    "list": {"path": "/keys", "items": "data", "name": "label", "last_used_at": "used"},
    "revoke": {"path": "/keys/<id>"},
    "verify": {"path": "/whoami", "dead": [{"status": 401, "at": "error", "says": "unknown"}]},
    "quota": 10,
}
KEYS = {"data": [{"id": "7", "label": "rotor-1"}]}


PAIR = {"key_id": "data.id", "secret": "data.secret"}
BASIC = {"basic": "${key_id}:${secret}"}


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    """The description with these options of its parts; None takes one out."""
    made = deepcopy(ACME)
    for part, options in parts.items():
        both = {**made[part], **options}
        made[part] = {name: value for name, value in both.items() if value is not None}
    return made


@pytest.mark.parametrize(
    ("description", "mistake"),
    [
        (ACME, None),
        (changed(create={"body": None}), "create: neither its path nor its body says <name>"),
        (changed(create={"body": {"label": "<name>", "to": "<id>"}}), "create: <id> is unknown; there are <name>"),
        (changed(revoke={"path": "/keys"}), "revoke: neither its path nor its body says <id>"),
        (changed(create={"value": "data..secret"}), "create.value: data..secret is not a path"),
        (changed(create={"value": "data.id", "id": "data.id"}), "create.id: it is where the value stands"),
        (changed(create={"value": "id", "id": None}), "create.id: it is where the value stands"),
        (changed(list={"after": "a", "page": "p"}), "list: pages go on by after or by page, not by both"),
        (changed(verify={"dead": [{"status": 200}]}), "verify: the same answer cannot say that a key is alive and"),
        (changed(verify={"headers": {"X-Key": "plain"}}), "verify.headers: it needs a field of the key"),
        (
            changed(verify={"headers": {"X-Key": "${secret}"}}),
            "verify.headers: it needs a field of the key, and there is ",
        ),
        (
            changed(create={"value": PAIR}),
            "verify: headers or basic has to say where the parts of the key go: ${key_id}",
        ),
        (
            changed(create={"value": {"id": "id"}}, verify=BASIC),
            "create.value: id cannot be the name of a field; key_id",
        ),
        (changed(create={"value": PAIR}, verify=BASIC), None),
        (changed(create={"value": PAIR}, verify={"basic": "${key_id}:${token}"}), "verify.basic: it needs a field of"),
        (
            changed(create={"value": {"key_id": "a..b"}}, verify={"basic": "${key_id}"}),
            "create.value: a..b is not a path",
        ),
        (changed(verify={"headers": {"X-Key": "${token"}}), "verify.headers: "),
    ],
)
def test_description_is_validated(description: dict[str, Any], mistake: str | None) -> None:
    found = mistakes("key_api", **description)
    assert [bool(found)] == [mistake is not None]
    assert not mistake or found[0].startswith(mistake)


@pytest.mark.parametrize(("part", "tells"), [({}, True), ({"last_used_at": None}, False)])
def test_last_use_is_told_where_the_description_says_where(part: dict[str, Any], tells: bool) -> None:
    assert registry.find("issuers", "key_api").reports_last_used(changed(list=part)) is tells


def preflight(server: Scripted, status: int, body: Any) -> list[str]:
    return issuer("key_api", server.answer(200, KEYS).answer(status, body), **ACME).preflight("7")


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (401, {"error": "unknown"}, None),
        (401, {"error": "maintenance"}, "verify does not refuse a key that nobody has issued: "),
        (403, {"error": "unknown"}, "verify does not refuse a key that nobody has issued: "),
        (200, {}, "verify accepts a key that nobody has issued"),
        (200, "<html>", "verify does not refuse a key that nobody has issued: "),
    ],
)
def test_preflight_shows_verify_a_key_that_nobody_has_issued(status: int, body: Any, problem: str | None) -> None:
    with ScriptedServer() as server:
        problems = preflight(server, status, body)
        assert len(problems) == (problem is not None)
        assert not problem or problems[0].startswith(problem)
        assert server.asked == ["GET /keys", "GET /whoami"]


def test_key_is_shown_as_the_connection_sends_its_own() -> None:
    with ScriptedServer() as server:
        account = {"token": KEY.fields["token"], "header": "X-Key", "scheme": "", "headers": {"X-Team": "a"}}
        assert issuer("key_api", server.answer(200, {}), account, **ACME).answer(KEY) is Answer.ACCEPTED
        assert server.received[0].headers["X-Key"] == KEY.fields["token"].reveal()
        assert server.received[0].headers["X-Team"] == "a"


def test_list_by_post_is_asked_again() -> None:
    """A POST that only reads leaves nothing in doubt."""
    with ScriptedServer() as server:
        server.drop().answer(200, KEYS)
        found = issuer("key_api", server, **changed(list={"method": "POST"})).listed()
        assert [key.id for key in found] == ["7"]


def test_key_of_several_parts_is_made_and_shown() -> None:
    described = changed(create={"value": PAIR}, verify=BASIC)
    assert registry.find("issuers", "key_api").fields_of(described) == ("key_id", "secret")
    with ScriptedServer() as server:
        server.answer(201, {"data": {"id": "k-7", "secret": "s3cr3t-of-a-pair"}}).answer(200, {})
        server.answer(200, KEYS).answer(401, {"error": "unknown"})
        keys = issuer("key_api", server, **described)
        made = keys.mint("rotor-1")
        assert {name: value.reveal() for name, value in made.fields.items()} == {
            "key_id": "k-7",
            "secret": "s3cr3t-of-a-pair",
        }
        assert keys.answer(made) is Answer.ACCEPTED
        assert server.received[1].headers["Authorization"] == "Basic " + b64encode(b"k-7:s3cr3t-of-a-pair").decode()
        assert keys.preflight("7") == []


@pytest.mark.parametrize(
    ("names", "spelled"),
    [
        ({}, "rotor-7f3a9c21-c21e0b9d-0a1b2c3d"),
        ({"longest": 32, "punctuation": "-_"}, "rotor-7f3a9c21-c21e0b9d-0a1b2c3d"),
        ({"longest": 16}, "rotor-7-[0-9a-f]{8}"),
        ({"punctuation": "_"}, "rotor_7f3a9c21_c21e0b9d_0a1b2c3d_[0-9a-f]{8}"),
        ({"punctuation": ""}, "rotor7f3a9c21c21e0b9d0a1b2c3d[0-9a-f]{8}"),
    ],
)
def test_names_are_spelled_as_the_description_says(names: dict[str, Any], spelled: str) -> None:
    with ScriptedServer() as server:
        keys = issuer("key_api", server, **ACME, names=names)
        assert re.fullmatch(spelled, keys.spell("rotor-7f3a9c21-c21e0b9d-0a1b2c3d"))
