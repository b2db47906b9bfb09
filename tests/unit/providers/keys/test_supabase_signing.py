# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    ConflictError,
    RotorError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import Secret
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.unit.core.described import issuer
from tests.unit.core.doubles import Scripted, ScriptedServer

PROJECT = "abcdefghijklmnopqrst"
KEYS = f"/projects/{PROJECT}/config/auth/signing-keys"
OLD, NEW = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PUBLIC = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}
NEWEST = Credential(NEW, "rotor-1", {})
MISSING = (404, {"message": "Not Found"})


def key(id_: str, status: str, **more: Any) -> dict[str, Any]:
    times = dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00Z")
    return {"id": id_, "algorithm": "ES256", "status": status, "public_jwk": PUBLIC, **times, **more}


def listed(*keys: Any) -> tuple[int, Any]:
    return 200, {"keys": list(keys)}


def keys(server: Scripted, *answers: tuple[int, Any], kind: str = "key", **options: Any) -> Any:
    for status, body in answers:
        server.answer(status, body)
    return issuer(f"supabase_jwt_{kind}", server, project=PROJECT, project_url=server.url, **options)


def test_new_key_is_made_on_standby_and_its_private_part_is_seen_by_nobody() -> None:
    with ScriptedServer() as server:
        made = keys(server, listed(key(OLD, "in_use")), (201, key(NEW, "standby"))).mint("rotor-1")
        assert (made.id, set(made.fields)) == (NEW, {"public_jwk"})
        assert server.received[1].json == {"algorithm": "ES256", "status": "standby"}


@pytest.mark.parametrize("kind", ["key", "secret"])
def test_nothing_is_made_beside_a_key_on_standby(kind: str) -> None:
    with ScriptedServer() as server:
        other = listed(key(OLD, "in_use"), key(NEW, "standby"))
        ours = keys(server, *[other] * 3, kind=kind)
        assert "there can be one" in ours.preview()[0]
        with pytest.raises(ConfigurationError):
            ours.mint("rotor-1") if kind == "key" else ours.activate(ours.generate("rotor-1"))
        assert {received.method for received in server.received} == {"GET"}


def test_lost_key_is_read_back_from_standby() -> None:
    with ScriptedServer() as server:
        ours = keys(server, listed(key(OLD, "in_use")), listed(key(OLD, "in_use"), key(NEW, "standby")))
        assert ours.recover("rotor-1") is None
        assert ours.recover("rotor-1").id == NEW


def test_imported_secret_is_an_oct_key_with_our_id_and_is_imported_once() -> None:
    with ScriptedServer() as server:
        ours = keys(server, *[listed(key(OLD, "in_use"))] * 2, kind="secret")
        made = ours.generate("rotor-1")
        server.answer(201, key(made.id, "standby", algorithm="HS256", public_jwk=None))
        server.answer(*listed(key(made.id, "standby")))
        ours.activate(made)
        ours.activate(made)
        encoded = base64.urlsafe_b64encode(made.fields["secret"].reveal().encode()).decode().rstrip("=")
        assert server.asked == [f"GET {KEYS}", f"GET {KEYS}", f"POST {KEYS}", f"GET {KEYS}"]
        private = {"kty": "oct", "alg": "HS256", "kid": made.id, "k": encoded}
        assert server.received[2].json == {"algorithm": "HS256", "private_jwk": private, "status": "standby"}


def test_imported_secret_under_another_id_is_in_doubt() -> None:
    with ScriptedServer() as server:
        ours = keys(server, listed(), listed(), (201, key(NEW, "standby")), kind="secret")
        with pytest.raises(UnexpectedAnswerError, match="another id than its kid"):
            ours.activate(ours.generate("rotor-1"))


def test_key_is_put_in_use_when_every_cache_can_have_it() -> None:
    with ScriptedServer() as server:
        ours = keys(server, jwks_cache="1h")
        times = [(ours.clock.now() - timedelta(minutes=minutes)).isoformat() for minutes in (30, 120)]
        young, old = (key(NEW, "standby", created_at=time, updated_at=time) for time in times)
        for body in (listed(young), listed(old), listed(old), (200, {"keys": [{"kid": NEW}]}), (200, old)):
            server.answer(*body)
        assert ours.in_use_from(NEWEST) == ours.clock.now() + timedelta(minutes=40)
        assert ours.in_use_from(NEWEST) is None
        ours.put_in_use(NEWEST)
        assert server.asked[-2:] == ["GET /auth/v1/.well-known/jwks.json", f"PATCH {KEYS}/{NEW}"]
        assert server.received[-1].json == {"status": "in_use"}
        assert server.received[-2].headers["Authorization"] is None


def test_imported_secret_is_put_in_use_five_minutes_after_its_last_change() -> None:
    with ScriptedServer() as server:
        ours = keys(server, kind="secret")
        time = (ours.clock.now() - timedelta(minutes=2)).isoformat()
        standby = key(NEW, "standby", created_at=time, updated_at=time)
        server.answer(*listed(standby)).answer(200, standby)
        ours.put_in_use(NEWEST)
        assert ours.clock.time == timedelta(minutes=3).total_seconds()
        assert server.asked == [f"GET {KEYS}", f"PATCH {KEYS}/{NEW}"]


def test_key_that_the_key_set_lacks_is_not_put_in_use() -> None:
    with ScriptedServer() as server:
        ours = keys(server, listed(key(NEW, "standby")), (200, {"keys": [{"kid": OLD}]}))
        with pytest.raises(RotorError, match="is not in it yet"):
            ours.put_in_use(NEWEST)
        assert {received.method for received in server.received} == {"GET"}


def test_key_is_put_in_use_once_and_not_after_another() -> None:
    with ScriptedServer() as server:
        ours = keys(server, listed(key(NEW, "in_use")), listed(key(NEW, "previously_used")))
        ours.put_in_use(NEWEST)
        with pytest.raises(ConflictError):
            ours.put_in_use(NEWEST)
        assert {received.method for received in server.received} == {"GET"}


@pytest.mark.parametrize(
    ("status", "steps"),
    [("standby", ["previously_used", "revoked"]), ("previously_used", ["revoked"]), ("revoked", []), ("absent", [])],
)
def test_key_is_revoked_by_way_of_previously_used(status: str, steps: list[str]) -> None:
    with ScriptedServer() as server:
        there = [key(OLD, "in_use")] if status == "absent" else [key(NEW, status)]
        keys(server, listed(*there), *[(200, key(NEW, "revoked"))] * len(steps)).revoke(NEWEST)
        assert [received.json["status"] for received in server.received if received.method == "PATCH"] == steps


def test_key_in_use_is_not_revoked() -> None:
    with ScriptedServer() as server:
        with pytest.raises(ConflictError, match="is in use"):
            keys(server, listed(key(NEW, "in_use"))).revoke(NEWEST)
        assert {received.method for received in server.received} == {"GET"}


def test_listed_says_which_key_is_revoked() -> None:
    with ScriptedServer() as server:
        found = keys(server, listed(key(OLD, "revoked"), key(NEW, "in_use"))).listed()
        assert [(one.id, one.scope, one.revoked) for one in found] == [(OLD, "revoked", True), (NEW, "in_use", False)]


@pytest.mark.parametrize("answers", [(listed(),), (listed(key(OLD, "in_use")), (200, key(OLD, "in_use")))])
def test_project_on_the_legacy_secret_is_moved_by_a_printed_procedure(answers: Any) -> None:
    with ScriptedServer() as server:
        head, *steps = keys(server, *answers).preflight(None)
        assert "legacy JWT secret" in head
        assert [step.partition(".")[0] for step in steps] == [str(number) for number in range(1, len(steps) + 1)]
        for coupled in ("JWT_SECRET", "SUPABASE_SERVICE_ROLE_KEY"):
            assert any(coupled in step for step in steps)


@pytest.mark.parametrize(("current", "problems"), [(None, 0), (NEW, 0), (OLD, 1)])
def test_preflight_knows_the_key_in_use(current: str | None, problems: int) -> None:
    with ScriptedServer() as server:
        found = keys(server, listed(key(OLD, "previously_used"), key(NEW, "in_use")), MISSING).preflight(current)
        assert len(found) == problems


def entry(**more: Any) -> Secret:
    made_by = {"type": "supabase_jwt_key", "connection": "supabase", "project": PROJECT}
    raw = {"KEY": {"issuer": made_by, **more}}
    return parse(raw, {}, {"supabase": {"type": "supabase", "token": {"env": "TOKEN"}}}).secrets["KEY"]


def test_map_needs_no_copy_and_waits_for_old_tokens_and_caches() -> None:
    secret = entry(revoke={"accept": "life"})
    assert not list(secret.copies)
    assert secret.revoke.after == timedelta(hours=1, minutes=35)
    assert entry(revoke={"accept": "life", "after": "2h"}).revoke.after == timedelta(hours=2)


def test_map_may_revoke_sooner_only_after_a_leak() -> None:
    with pytest.raises(MapError, match=r"revoke\.after: is less than the 1h35m"):
        entry(revoke={"accept": "life", "after": "5m"})
    guard = {"reason": "leaked", "allow": "compromised"}
    assert not entry(revoke={"accept": "life", "after": "0s"}, guard=guard).revoke.after
