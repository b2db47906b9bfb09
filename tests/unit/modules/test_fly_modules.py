# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.issuer import FlyTokens
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.rollout import Rollout
from tests.sandbox.visitor import Visitor

APP = "molecule-cp"
Runner = Callable[..., dict[str, Any]]


@pytest.fixture
def world(brisk: Visitor) -> Visitor:
    return brisk


@pytest.fixture
def run(world: Visitor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    for name in ("FLY_ACCESS_TOKEN", "FLY_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    urls = {"api_url": f"{world.url}/fly/v1", "graphql_url": f"{world.url}/fly/graphql"}

    def run(module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        main = importlib.import_module(f"ansible_collections.rotor.secrets.plugins.modules.{module}").main
        given = {"token": world.credentials["FLY_ADMIN_TOKEN"], **urls, **options}
        given |= {"_ansible_check_mode": check, "_ansible_diff": True}
        given = {key: value for key, value in given.items() if value is not None}
        with patch_module_args(given), pytest.raises(SystemExit):
            main()
        text = capsys.readouterr().out
        assert options.get("value") is None or options["value"] not in text
        return json.loads(text)

    return run


def secrets(world: Visitor) -> dict[str, Any]:
    return world.ask("state")["fly"]["apps"][APP]["secrets"]


def versions(world: Visitor) -> set[int]:
    machines = world.ask("state")["fly"]["apps"][APP]["machines"]
    return {machine["secrets_version"] for machine in machines.values()}


# fly_secret


def test_a_secret_is_set_and_setting_it_again_is_no_change(world: Visitor, run: Runner) -> None:
    first = run("fly_secret", app=APP, name="NEW_KEY", value="some-value")
    second = run("fly_secret", app=APP, name="NEW_KEY", value="some-value")
    third = run("fly_secret", app=APP, name="NEW_KEY", value="other-value")
    assert [result["changed"] for result in (first, second, third)] == [True, False, True]
    assert third["secrets"] == [
        {
            "name": "NEW_KEY",
            "digest": secrets(world)["NEW_KEY"]["digest"],
            "updated_at": third["secrets"][0]["updated_at"],
        }
    ]
    assert third["version"] == first["version"] + 2
    assert third["machines"] == {}


def test_several_secrets_are_set_in_one_call(world: Visitor, run: Runner) -> None:
    pair = [{"name": "PGUSER", "value": "nova_b"}, {"name": "PGPASSWORD", "value": "correct-horse"}]
    result = run("fly_secret", app=APP, secrets=pair)
    assert {item["name"] for item in result["secrets"]} == {"PGUSER", "PGPASSWORD"}
    assert "correct-horse" not in json.dumps(result)
    assert world.ask("counts")["mutating"] == 1


def test_staging_touches_no_machine(world: Visitor, run: Runner) -> None:
    before = versions(world)
    run("fly_secret", app=APP, name="NEW_KEY", value="some-value")
    assert versions(world) == before


def test_without_staging_the_machines_take_it_up(world: Visitor, run: Runner) -> None:
    result = run("fly_secret", app=APP, name="NEW_KEY", value="some-value", stage=False)
    assert versions(world) == {result["version"]}
    assert len(result["machines"]) == 3


def test_what_is_live_already_is_not_deployed_again(world: Visitor, run: Runner) -> None:
    run("fly_secret", app=APP, name="NEW_KEY", value="some-value", stage=False)
    before = versions(world)
    assert not run("fly_secret", app=APP, name="NEW_KEY", value="some-value", stage=False)["changed"]
    assert versions(world) == before


def test_what_an_earlier_run_left_staged_is_deployed(world: Visitor, run: Runner) -> None:
    run("fly_secret", app=APP, name="NEW_KEY", value="some-value")
    result = run("fly_secret", app=APP, name="NEW_KEY", value="some-value", stage=False)
    assert result["changed"]
    assert versions(world) == {result["version"]}


@pytest.fixture
def moving_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write gives a secret a new date, also one that has the value already."""
    dates: dict[str, str] = {}
    listed, written = FlyConnection.secrets, FlyConnection.set_secrets

    def dated(found: Any) -> dict[str, Any]:
        return {name: {**facts, "updated_at": dates.get(name, facts["updated_at"])} for name, facts in found.items()}

    def set_secrets(fly: FlyConnection, app: str, values: Any) -> Any:
        dates.update(dict.fromkeys(values, datetime.now(UTC).isoformat()))
        evidence = written(fly, app, values)
        return {**evidence, "keys": dated(evidence["keys"])}

    monkeypatch.setattr(FlyConnection, "set_secrets", set_secrets)
    monkeypatch.setattr(FlyConnection, "secrets", lambda fly, app: dated(listed(fly, app)))


@pytest.mark.usefixtures("moving_dates")
def test_secret_with_a_new_date_and_the_same_digest_is_the_same(world: Visitor, run: Runner) -> None:
    options = {"app": APP, "name": "NEW_KEY", "value": "some-value"}
    staged = run("fly_secret", **options)
    live = run("fly_secret", **options, stage=False)
    assert (staged["changed"], live["changed"], versions(world)) == (True, True, {live["version"]})
    again = run("fly_secret", **options, stage=False)
    assert (again["changed"], again["machines"], versions(world)) == (False, {}, {live["version"]})


def test_unset_whose_deployment_fails_says_how_to_go_on(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run finds no secret, and Fly does not tell what a machine has read."""

    def fail(_rollout: Rollout, batch: int) -> NoReturn:
        raise CheckFailedError("machine 1 is not well", hint=f"{batch} of 3 have it")

    monkeypatch.setattr(Rollout, "run", fail)
    result = run("fly_secret", app=APP, name="RESEND_API_KEY", state="absent", stage=False)
    assert "The secrets are unset: go on with fly_secrets_deploy" in result["msg"]


@pytest.mark.parametrize("options", [{"value": "some-value"}, {"state": "absent"}])
def test_check_mode_names_the_machines_that_would_be_updated(world: Visitor, run: Runner, options: Any) -> None:
    staged, live = (
        run("fly_secret", check=True, app=APP, name="RESEND_API_KEY", stage=stage, **options) for stage in (True, False)
    )
    assert (staged["machines"], set(live["machines"].values()), len(live["machines"])) == ({}, {None}, 3)
    assert world.ask("counts")["mutating"] == 0


def test_unsetting_removes_it_once(world: Visitor, run: Runner) -> None:
    first = run("fly_secret", app=APP, name="RESEND_API_KEY", state="absent")
    second = run("fly_secret", app=APP, name="RESEND_API_KEY", state="absent")
    assert [first["changed"], second["changed"]] == [True, False]
    assert "RESEND_API_KEY" not in secrets(world)


def test_check_mode_says_what_it_cannot_know(world: Visitor, run: Runner) -> None:
    result = run("fly_secret", check=True, app=APP, name="NEON_API_KEY", value="some-value")
    assert result["changed"]
    assert "known only after a write" in result["note"]
    assert result["secrets"] == [{"name": "NEON_API_KEY", "digest": None, "updated_at": None}]
    assert world.ask("counts")["mutating"] == 0


@pytest.mark.parametrize(("name", "changed"), [("NEON_API_KEY", True), ("NEVER_THERE", False)])
def test_check_mode_knows_what_unsetting_would_change(world: Visitor, run: Runner, name: str, changed: bool) -> None:
    assert run("fly_secret", check=True, app=APP, name=name, state="absent")["changed"] is changed
    assert world.ask("counts")["mutating"] == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"name": "WITH-DASH", "value": "some-value"}, "WITH-DASH"),
        ({"name": "NO_VALUE"}, "NO_VALUE: its value is missing or empty"),
        ({"name": "A", "value": "some-value", "secrets": [{"name": "B", "value": "some-value"}]}, "mutually exclusive"),
        ({}, "one of the following is required"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    world: Visitor, run: Runner, options: dict[str, Any], what: str
) -> None:
    result = run("fly_secret", app=APP, **options)
    assert result["failed"]
    assert what in result["msg"]
    assert world.ask("counts")["total"] == 0


def test_a_missing_app_fails_with_its_name(run: Runner) -> None:
    result = run("fly_secret", app="nowhere", name="KEY", value="some-value")
    assert "fly app nowhere" in result["msg"]


# The token of the connection


def test_the_token_comes_from_the_environment_as_for_fly_itself(
    world: Visitor, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLY_API_TOKEN", "FlyV1 fm2_wrong")
    monkeypatch.setenv("FLY_ACCESS_TOKEN", world.credentials["FLY_ADMIN_TOKEN"])
    assert run("fly_secret_info", token=None, app=APP)["secrets"]


def test_an_empty_token_is_named_as_such(run: Runner) -> None:
    assert "token" in run("fly_secret_info", token="", app=APP)["msg"]


def test_a_refused_token_is_not_shown(run: Runner) -> None:
    result = run("fly_secret_info", token="FlyV1 fm2_refused,fm2_too", app=APP)
    assert "401" in result["msg"]
    assert "fm2_refused" not in json.dumps(result)


# fly_secret_info, fly_secrets_deploy


def test_secrets_are_listed_without_values(world: Visitor, run: Runner) -> None:
    result = run("fly_secret_info", app=APP)
    assert {item["name"]: item["digest"] for item in result["secrets"]} == {
        name: facts["digest"] for name, facts in secrets(world).items()
    }
    assert not result["changed"]


def test_a_deployment_makes_staged_secrets_live(world: Visitor, run: Runner) -> None:
    staged = run("fly_secret", app=APP, name="NEW_KEY", value="some-value")
    result = run("fly_secrets_deploy", app=APP, min_version=staged["version"], batch=2)
    assert result["changed"]
    assert versions(world) == {staged["version"]}
    running = {name for name, machine in result["machines"].items() if machine["running"]}
    assert running == {"d8905e2c41e708", "e28600dc7d9e86"}


def test_a_deployment_in_check_mode_names_the_machines_and_touches_none(world: Visitor, run: Runner) -> None:
    result = run("fly_secrets_deploy", check=True, app=APP)
    assert result["changed"]
    assert {machine["instance_id"] for machine in result["machines"].values()} == {None}
    assert world.ask("counts")["mutating"] == 0


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"batch": -1}, {"timeout": 0}])
@pytest.mark.parametrize("check", [False, True])
def test_deployment_of_nothing_at_once_is_refused(
    world: Visitor, run: Runner, wrong: dict[str, int], check: bool
) -> None:
    result = run("fly_secrets_deploy", check=check, app=APP, **wrong)
    assert f"{next(iter(wrong))}: must be at least 1" in result["msg"]
    assert world.ask("counts")["total"] == 0


def test_a_deployment_that_goes_bad_fails_and_says_where_it_stands(world: Visitor, run: Runner) -> None:
    world.tell("switch", bad_updates=1)
    result = run("fly_secrets_deploy", app=APP, timeout=1)
    assert result["failed"]
    assert "1 of 3 machines have the new version" in result["msg"]


# fly_token, fly_token_info

ORG = {"organization": "molecule-ai"}


def test_a_token_is_made_once_and_its_value_is_returned_then_only(world: Visitor, run: Runner) -> None:
    first = run("fly_token", name="ci", lifetime="120d", **ORG)
    second = run("fly_token", name="ci", lifetime="120d", **ORG)
    assert [first["changed"], second["changed"]] == [True, False]
    assert world.fly("GET", "/v1/tokens/current", first["token"]).status_code == 200
    assert "token" not in second
    assert first["tokens"] == second["tokens"]
    assert "fm2_" not in json.dumps(first["diff"])


def test_a_token_is_revoked_once(world: Visitor, run: Runner) -> None:
    value = run("fly_token", name="ci", lifetime="120d", app=APP)["token"]
    first = run("fly_token", name="ci", state="absent", app=APP)
    second = run("fly_token", name="ci", state="absent", app=APP)
    assert [first["changed"], second["changed"]] == [True, False]
    assert world.fly("GET", "/v1/tokens/current", value).status_code == 401


def test_a_revoked_token_is_replaced_under_its_name(run: Runner) -> None:
    run("fly_token", name="ci", lifetime="1d", **ORG)
    run("fly_token", name="ci", state="absent", **ORG)
    assert "token" in run("fly_token", name="ci", lifetime="1d", **ORG)


def test_token_lives_by_flys_clock(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    run("fly_token", name="ci", lifetime="1d", **ORG)
    ahead = datetime.now(UTC) + timedelta(days=9)
    monkeypatch.setattr(Clock, "now", lambda _clock: ahead)
    assert not run("fly_token", name="ci", lifetime="1d", **ORG)["changed"]


def test_which_of_two_namesakes_is_meant_must_be_said(world: Visitor, run: Runner) -> None:
    ids = [world.act("mint_fly_token", profile="deploy_organization", name="twin")["id"] for _turn in range(2)]
    vague = run("fly_token", name="twin", state="absent", **ORG)
    assert vague["failed"]
    assert all(one in vague["msg"] for one in ids)
    exact = run("fly_token", name="twin", id=ids[1], state="absent", **ORG)
    assert exact["changed"]
    assert not run("fly_token", name="twin", id=ids[1], state="absent", **ORG)["changed"], "Fly lists revoked tokens"
    mistyped = run("fly_token", name="twin", id="nobody", state="absent", **ORG)
    assert f"id: nobody is not listed, and others of that name work: {ids[0]}" in mistyped["msg"]
    left = [
        token for token in run("fly_token_info", **ORG)["tokens"] if token["name"] == "twin" and not token["revoked"]
    ]
    assert [token["id"] for token in left] == [ids[0]]


def test_token_of_an_app_is_none_of_its_organization(world: Visitor, run: Runner) -> None:
    made = run("fly_token", name="ci-deploy", lifetime="1d", **ORG)
    assert made["changed"]
    run("fly_token", name="ci-deploy", state="absent", **ORG)
    left = [token["scope"] for token in run("fly_token_info", **ORG)["tokens"] if not token["revoked"]]
    assert "app deploy" in left


def test_token_of_another_name_is_not_revoked_by_its_id(run: Runner) -> None:
    (made,) = run("fly_token", name="ci", lifetime="1d", **ORG)["tokens"]
    result = run("fly_token", name="nobody", id=made["id"], state="absent", **ORG)
    assert f"id: {made['id']} has another name: ci" in result["msg"]
    assert not run("fly_token", name="ci", lifetime="1d", **ORG)["changed"]


def test_lost_token_is_to_be_revoked_before_another_run(world: Visitor, run: Runner) -> None:
    world.tell("faults", provider="fly", graphql="createLimitedAccessToken", kind="reset_after", after=True, times=0)
    result = run("fly_token", name="ci", lifetime="1d", **ORG)
    assert "look for its name with fly_token_info, and revoke it by its id" in result["msg"]


def test_token_whose_profile_is_not_told_is_returned(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    mint = FlyTokens.mint
    monkeypatch.setattr(FlyTokens, "mint", lambda issuer, name: replace(mint(issuer, name), facts={}))
    assert run("fly_token", name="ci", lifetime="1d", **ORG)["token"]


@pytest.mark.parametrize("options", [{"lifetime": "1d"}, {"state": "absent"}])
def test_check_mode_makes_and_revokes_no_token(world: Visitor, run: Runner, options: dict[str, str]) -> None:
    name = "ci" if "lifetime" in options else "molecule-cp-rotation-20260801"
    result = run("fly_token", check=True, name=name, **ORG, **options)
    assert result["changed"]
    assert "Only a real run can tell whether the connection's token may make tokens" in result["note"]
    assert world.ask("counts")["mutating"] == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({**ORG, "lifetime": "soon"}, "not a duration"),
        ({**ORG, "lifetime": "0s"}, "lifetime: a token that ends at once"),
        ({**ORG, "lifetime": "1d", "id": "7"}, "id: it says which one to revoke, and state is present"),
        (ORG, "lifetime"),
        ({"lifetime": "1d"}, "one of the following is required"),
        ({**ORG, "app": APP, "lifetime": "1d"}, "mutually exclusive"),
    ],
)
def test_wrong_wishes_for_a_token_are_refused(world: Visitor, run: Runner, options: dict[str, str], what: str) -> None:
    result = run("fly_token", name="ci", **options)
    assert result["failed"]
    assert what in result["msg"]
    assert world.ask("counts")["total"] == 0


def test_all_tokens_of_a_scope_are_listed(run: Runner) -> None:
    tokens = run("fly_token_info", **ORG)["tokens"]
    assert [token["name"] for token in tokens] == ["molecule-cp-rotation-20260801", "litefs", "ci-deploy"]
    assert [token["name"] for token in run("fly_token_info", app="molecule-tenant")["tokens"]] == ["ci-deploy"]


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("stage", [True, False])
def test_no_secrets_are_nothing_to_do(world: Visitor, run: Runner, state: str, stage: bool) -> None:
    result = run("fly_secret", app=APP, secrets=[], state=state, stage=stage)
    assert (result["changed"], result["secrets"], result["machines"]) == (False, [], {})
    assert world.ask("counts")["mutating"] == 0
