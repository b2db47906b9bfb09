# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that the sandbox does not give, told by a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.consumer import FlyApp
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.issuer import FlyTokens
from tests.unit.core.doubles import MemoryCheckpoint, Scripted, ScriptedServer, VirtualClock

LEASE = {"nonce": "n1", "expires_at": 1_800_000_000}


@pytest.fixture
def server() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture
def fly(server: Scripted) -> FlyConnection:
    options = {"token": SecretValue("fo1_scripted"), "url": server.url, "graphql_url": f"{server.url}/graphql"}
    return FlyConnection(options, clock=VirtualClock())


@pytest.fixture
def app(fly: FlyConnection) -> FlyApp:
    return FlyApp({"app": "shop"}, fly, clock=fly.clock)


def machine(name: str, state: str = "started", **more: Any) -> dict[str, Any]:
    config = {"image": "registry/shop:1", "env": {"A": "b"}}
    return {"id": name, "instance_id": f"{name}-1", "state": state, "config": config, "checks": [], **more}


def test_the_version_under_its_deprecated_name_is_taken(server: Scripted, fly: FlyConnection) -> None:
    server.answer(200, {"secrets": [{"name": "A", "digest": "d"}], "Version": 5})
    assert fly.set_secrets("shop", {"A": SecretValue("sealed-away")})["version"] == 5


@pytest.mark.parametrize("body", [{"secrets": []}, [], {"version": "five"}])
def test_a_write_without_a_version_is_no_evidence(server: Scripted, fly: FlyConnection, body: Any) -> None:
    server.answer(200, body)
    with pytest.raises(UnexpectedAnswerError):
        fly.set_secrets("shop", {"A": SecretValue("sealed-away")})


@pytest.mark.parametrize("apps", [[], None])
def test_an_organization_without_apps_has_none(server: Scripted, fly: FlyConnection, apps: Any) -> None:
    server.answer(200, {"apps": apps, "total_apps": 0})
    assert fly.apps("nobody") == []


def test_an_answer_without_apps_is_not_an_organization_without_apps(server: Scripted, fly: FlyConnection) -> None:
    server.answer(200, {"data": None, "errors": [{"message": "Something went wrong"}]})
    with pytest.raises(UnexpectedAnswerError, match="answered without a list of apps"):
        fly.apps("shop")


def test_an_app_without_machines_has_nothing_to_reload(server: Scripted, app: FlyApp) -> None:
    server.answer(200, []).answer(200, [])
    assert app.health_problems() == []
    assert app.preview() == ["no machines: nothing has to be reloaded, and nothing here will prove the new value"]
    evidence = app.reload([], MemoryCheckpoint())
    assert evidence == {"version": None, "machines": {}, "launched": []}
    assert app.summary(evidence) == "no machines: nothing to reload"
    assert server.asked == ["GET /apps/shop/machines"] * 2


def test_destroyed_machines_are_left_out(server: Scripted, app: FlyApp) -> None:
    server.answer(200, [machine("a"), machine("b", "destroyed"), machine("c", "destroying")])
    server.answer(200, {"secrets": []})
    assert app.preview() == ["1 machine, one at a time"]


def test_an_unreachable_host_makes_an_app_sick_even_under_a_stopped_machine(server: Scripted, app: FlyApp) -> None:
    server.answer(200, [machine("a"), machine("b", "stopped", host_status="unreachable")])
    assert app.health_problems() == ["machine b: its host is unreachable"]


@pytest.mark.parametrize("state", ["failed", "launch_failed"])
def test_a_failed_machine_is_no_stopped_one(server: Scripted, app: FlyApp, state: str) -> None:
    for _turn in range(2):
        server.answer(200, [machine("a"), machine("b", state), machine("c", "stopped")])
        server.answer(200, {"secrets": []})
    assert app.preview() == ["3 machines, one at a time (1 stopped stays stopped, 1 failed)"]
    assert app.health_problems() == ["machine b: it has failed, and does not start"]


def test_a_machine_that_is_just_starting_is_not_well_yet(server: Scripted, app: FlyApp) -> None:
    server.answer(200, [machine("a", "starting")])
    assert app.health_problems() == ["machine a: it is starting"]


def test_a_standby_stays_stopped_and_the_whole_configuration_goes_back(server: Scripted, app: FlyApp) -> None:
    standby = machine("a", "stopped")
    standby["config"]["standbys"] = ["b"]
    server.answer(200, [standby]).answer(201, LEASE).answer(200, standby)
    updated = {**standby, "instance_id": "a-2"}
    server.answer(200, updated).answer(200).answer(200, [updated])
    evidence = app.reload([], MemoryCheckpoint())
    update = server.received[3]
    assert update.json == {"config": standby["config"], "current_version": "a-1", "skip_launch": True}
    assert update.headers["fly-machine-lease-nonce"] == "n1"
    assert app.summary(evidence) == "1 machine, none of which runs"


def test_a_machine_without_a_complete_configuration_is_not_updated(server: Scripted, app: FlyApp) -> None:
    hidden = {**machine("a"), "config": None, "incomplete_config": {"image": "x"}}
    server.answer(200, [hidden]).answer(201, LEASE).answer(200, hidden).answer(200)
    with pytest.raises(UnexpectedAnswerError, match="no complete configuration"):
        app.reload([], MemoryCheckpoint())
    assert "DELETE /apps/shop/machines/a/lease" in server.asked


def test_an_update_that_somebody_forestalls_each_time_is_given_up(server: Scripted, app: FlyApp) -> None:
    server.answer(200, [machine("a")]).answer(201, LEASE)
    for status in (409, 412, 409):
        server.answer(200, machine("a")).answer(status, {"error": "machine version mismatch"})
    with pytest.raises(ConflictError):
        app.reload([], MemoryCheckpoint())
    assert "DELETE /apps/shop/machines/a/lease" in server.asked


def test_machines_that_others_update_without_end_are_given_up(server: Scripted, app: FlyApp) -> None:
    server.answer(200, [machine("a")])
    for turn in range(2, 100, 2):
        ours, theirs = ({**machine("a"), "instance_id": f"a-{number}"} for number in (turn, turn + 1))
        server.answer(201, LEASE).answer(200, machine("a")).answer(200, ours).answer(200, {"ok": True})
        server.answer(200, theirs).answer(200).answer(200, [theirs])
    with pytest.raises(ConflictError, match="replaced or updated by somebody else all the time: a"):
        app.reload([], MemoryCheckpoint())


def test_a_lease_is_prolonged_while_a_machine_takes_long(server: Scripted, app: FlyApp) -> None:
    slow = {**machine("a"), "instance_id": "a-2", "checks": [{"name": "http", "status": "warning"}]}
    well = {**machine("a"), "instance_id": "a-2", "checks": [{"name": "http", "status": "passing"}]}
    server.answer(200, [machine("a")]).answer(201, LEASE).answer(200, machine("a")).answer(200, slow)
    server.answer(200, {"ok": True})
    for _poll in range(15):
        server.answer(200, slow)
    server.answer(201, {**LEASE, "nonce": "n2"}).answer(200, well).answer(200).answer(200, [well])
    app.reload([], MemoryCheckpoint())
    prolonged = [item for item in server.received if item.method == "POST" and item.path.endswith("lease")][1]
    assert prolonged.headers["fly-machine-lease-nonce"] == "n1"
    assert server.received[-2].headers["fly-machine-lease-nonce"] == "n2"


def test_a_machine_list_that_is_none_is_unexpected(server: Scripted, app: FlyApp) -> None:
    server.answer(200, {"machines": []})
    with pytest.raises(UnexpectedAnswerError):
        app.health_problems()


@pytest.mark.parametrize("body", [[{"data": None}], ["a"]])
def test_a_list_of_what_are_no_machines_is_unexpected(server: Scripted, app: FlyApp, body: Any) -> None:
    server.answer(200, body)
    with pytest.raises(UnexpectedAnswerError, match="without a machine's id"):
        app.health_problems()


def test_an_error_is_not_taken_for_an_app_without_secrets(server: Scripted, fly: FlyConnection) -> None:
    server.answer(200, {"data": None, "errors": [{"message": "no"}]}).answer(200, {}).answer(200, {"secrets": None})
    with pytest.raises(UnexpectedAnswerError, match="without a list of secrets"):
        fly.secrets("shop")
    assert fly.secrets("shop") == fly.secrets("shop") == {}


def test_a_lease_without_a_nonce_is_unexpected(server: Scripted, app: FlyApp) -> None:
    server.answer(200, [machine("a")]).answer(201, {"status": "success"})
    with pytest.raises(UnexpectedAnswerError, match="nonce"):
        app.reload([], MemoryCheckpoint())
    assert server.asked[-2:] == ["POST /apps/shop/machines/a/lease", "GET /apps/shop/machines/a"]


@pytest.mark.parametrize(
    ("tokens", "who"),
    [
        ([], "a token"),
        (None, "a token"),
        ([{"user": "u1", "apps": ["*"], "org_slug": "o"}], "u1 for app *"),
        ([{"user": {"id": 1}, "apps": "all", "restricted_to_machine": True}], "{'id': 1} for app all"),
    ],
)
def test_no_field_of_the_token_information_refuses(server: Scripted, fly: FlyConnection, tokens: Any, who: str) -> None:
    server.answer(200, {"tokens": tokens})
    assert fly.probe() == who


def test_a_token_of_which_fly_says_nothing_is_not_proven(server: Scripted, fly: FlyConnection) -> None:
    server.answer(200, {"tokens": []})
    with pytest.raises(UnexpectedAnswerError, match="without any token"):
        fly.show(SecretValue("fm2_whatever"))


def test_a_mint_whose_answer_holds_no_token_is_put_right_by_its_name(server: Scripted, fly: FlyConnection) -> None:
    organization = {"id": "org", "slug": "o", "limitedAccessTokens": {"nodes": [], "pageInfo": {"hasNextPage": False}}}
    server.answer(200, {"data": {"organization": organization}})
    made = {"id": "t1", "name": "new", "profile": "deploy_organization", "tokenHeader": None}
    server.answer(200, {"data": {"createLimitedAccessToken": {"limitedAccessToken": made}}})
    with pytest.raises(OutcomeUnknownError, match="no token in it"):
        FlyTokens({"organization": "o", "lifetime": "90m"}, fly, clock=fly.clock).mint("new")
    assert server.received[-1].json["variables"]["input"]["expiry"] == "1h30m0s"


def test_an_organization_that_is_null_is_not_found(server: Scripted, fly: FlyConnection) -> None:
    server.answer(200, {"data": {"organization": None}})
    with pytest.raises(NotFoundError):
        FlyTokens({"organization": "o", "lifetime": "1d"}, fly, clock=fly.clock).listed()


def test_an_answer_without_data_is_unexpected(server: Scripted, fly: FlyConnection) -> None:
    server.answer(200, {"data": None})
    with pytest.raises(UnexpectedAnswerError, match="without data"):
        fly.query("query {viewer {id}}", doing="asking")


def test_a_token_that_fly_does_not_find_and_still_lists_is_not_revoked(server: Scripted, fly: FlyConnection) -> None:
    listed = {"id": "t1", "name": "old", "profile": "deploy_organization", "revokedAt": None}
    page = {"nodes": [listed], "pageInfo": {"hasNextPage": False}}
    server.answer(200, {"errors": [{"message": "no", "extensions": {"code": "NOT_FOUND"}}]})
    server.answer(200, {"data": {"organization": {"id": "org", "slug": "o", "limitedAccessTokens": page}}})
    with pytest.raises(NotFoundError, match="revoking token old"):
        FlyTokens({"organization": "o", "lifetime": "1d"}, fly, clock=fly.clock).revoke(Credential("t1", "old", {}))
