# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer, Overlap, Recover
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    StoppedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.issuer import FlyTokens
from tests.sandbox.visitor import Visitor
from tests.unit.providers.fly.support import APP, ORGANIZATION, connect, paths

ORG = {"organization": ORGANIZATION, "lifetime": "120d"}
ONE_APP = {"app": APP, "lifetime": "36h"}


def tokens(fly: FlyConnection, **options: Any) -> FlyTokens:
    return FlyTokens(options or ORG, fly, clock=fly.clock)


def old(world: Visitor) -> str:
    return world.old_token()["id"]


# Mint


def test_an_organization_token_works_for_as_long_as_asked(fly: FlyConnection) -> None:
    made = tokens(fly).mint("rotor-7f3a-1")
    assert made.name == "rotor-7f3a-1"
    assert made.fields["token"].reveal().startswith("FlyV1 fm2_")
    assert made.facts["scope"] == "organization deploy"
    listed = next(token for token in tokens(fly).listed() if token.id == made.id)
    assert listed.created_at
    assert listed.expires_at
    assert listed.expires_at - listed.created_at == timedelta(days=120)
    assert tokens(fly).verify(made) is Answer.ACCEPTED


def test_an_app_token_reaches_its_app_alone(world: Visitor, fly: FlyConnection) -> None:
    made = tokens(fly, **ONE_APP).mint("narrow")
    assert made.facts["scope"] == "app deploy"
    value = made.fields["token"].reveal()
    assert world.fly("GET", f"/v1/apps/{APP}", value).status_code == 200
    assert world.fly("GET", "/v1/apps/molecule-tenant", value).status_code == 403


def test_a_mint_after_the_preflight_needs_one_call(world: Visitor, fly: FlyConnection) -> None:
    issuer = tokens(fly)
    issuer.preflight(None)
    since = len(paths(world, "POST"))
    issuer.mint("new")
    assert paths(world, "POST")[since:] == ["/graphql createLimitedAccessToken"]


def test_preflight_and_the_list_of_candidates_ask_once(world: Visitor, fly: FlyConnection) -> None:
    issuer = tokens(fly)
    issuer.preflight(None)
    issuer.listed()
    assert paths(world, "POST") == ["/graphql organization"]


@pytest.mark.parametrize("kind", ["reset_after", "ok_with_errors", "status"])
def test_a_mint_whose_answer_is_lost_is_never_sent_twice_and_can_be_found(
    world: Visitor, fly: FlyConnection, kind: str
) -> None:
    issuer = tokens(fly)
    issuer.listed()
    world.tell("faults", provider="fly", graphql="createLimitedAccessToken", kind=kind, after=True, times=0)
    with pytest.raises(OutcomeUnknownError) as error:
        issuer.mint("rotor-lost-1")
    assert "organization molecule-ai" in str(error.value)
    assert [token.name for token in issuer.listed()].count("rotor-lost-1") == 1
    assert world.ask("mints")["count"] == 1


# List


def test_all_pages_are_listed_with_the_revoked_ones(world: Visitor, fly: FlyConnection) -> None:
    world.tell("switch", page_size=2)
    names = [world.act("mint_fly_token", profile="deploy_organization", name=f"t{n}")["id"] for n in range(4)]
    world.act("revoke_fly_token", token_id=names[0])
    listed = {token.id: token for token in tokens(fly).listed()}
    assert set(names) <= set(listed)
    assert len(listed) == 5
    assert len(tokens(fly).all_listed()) == 7
    assert [listed[name].revoked for name in names] == [True, False, False, False]


def test_the_scope_of_each_token_is_told(fly: FlyConnection) -> None:
    scopes = {token.name: token.scope for token in tokens(fly).all_listed()}
    assert scopes == {
        "molecule-cp-rotation-20260801": "organization deploy",
        "litefs": "litefs_cloud",
        "ci-deploy": "app deploy",
    }


def test_tokens_of_apps_are_none_of_their_organization(fly: FlyConnection) -> None:
    assert [token.name for token in tokens(fly).listed()] == ["molecule-cp-rotation-20260801"]


def test_an_app_lists_its_own_tokens_only(fly: FlyConnection) -> None:
    assert [token.name for token in tokens(fly, app="molecule-tenant", lifetime="1d").listed()] == ["ci-deploy"]


# Verify and revoke


def test_a_revoked_token_is_refused_and_still_listed_and_others_live_on(world: Visitor, fly: FlyConnection) -> None:
    issuer = tokens(fly)
    first, second = issuer.mint("first"), issuer.mint("second")
    issuer.revoke(first)
    assert issuer.verify(first) is Answer.REFUSED
    assert issuer.verify(second) is Answer.ACCEPTED
    revoked = {token.name for token in issuer.listed() if token.revoked}
    assert revoked == {"first"}
    assert world.violations("foreign") == []


def test_revoking_again_is_no_error(fly: FlyConnection) -> None:
    issuer = tokens(fly)
    made = issuer.mint("short-lived")
    issuer.revoke(made)
    issuer.revoke(Credential(made.id, made.name, {}))


def test_a_lost_answer_to_a_revoke_is_resolved_by_revoking_again(world: Visitor, fly: FlyConnection) -> None:
    issuer = tokens(fly)
    made = issuer.mint("short-lived")
    world.tell("faults", provider="fly", graphql="deleteLimitedAccessToken", kind="reset_after")
    issuer.revoke(made)
    assert world.ask("state")["fly"]["tokens"][-1]["revoked"]


def test_a_token_that_is_gone_is_revoked(fly: FlyConnection) -> None:
    tokens(fly).revoke(Credential("TGltaXRlZEFjY2Vzc1Rva2VuOjk5OTk", "gone", {}))


def test_a_token_that_is_there_and_cannot_be_revoked_is_an_error(world: Visitor, fly: FlyConnection) -> None:
    made = tokens(fly).mint("stubborn")
    narrow = connect(world, world.tell("fly/token", profile="deploy", app="molecule-tenant")["token"])
    with pytest.raises(Exception, match="stubborn"):
        tokens(narrow).revoke(made)
    assert tokens(fly).verify(made) is Answer.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "status"),
    [*(("status", each) for each in (403, 429, 500, 503)), ("html", 200), ("html", 401), ("reset_before", 0)],
)
def test_what_is_no_clear_answer_proves_nothing(world: Visitor, fly: FlyConnection, kind: str, status: int) -> None:
    made = tokens(fly).mint("new")
    world.tell("faults", provider="fly", path="/tokens/current", kind=kind, status=status, times=0)
    assert tokens(fly).answer(made) is Answer.UNCLEAR
    with pytest.raises(RotorError, match=rf"answered 200|the connection broke|answered {status}"):
        tokens(fly).verify(made)


def test_a_stopped_run_does_not_take_it_for_an_answer(fly: FlyConnection) -> None:
    made = tokens(fly).mint("new")
    fly.clock.stop()
    with pytest.raises(StoppedError):
        tokens(fly).answer(made)


def test_a_token_is_shown_as_itself_and_never_in_the_connections_name(world: Visitor, fly: FlyConnection) -> None:
    made = tokens(fly).mint("shown")
    tokens(fly).verify(made)
    assert world.ask("requests")["requests"][-1]["token"] == "shown"


# Preflight


def test_a_good_start_has_no_problems(world: Visitor, fly: FlyConnection) -> None:
    issuer = tokens(fly, **ORG, reaches=[APP, "molecule-tenant"])
    assert issuer.preflight(old(world)) == []
    assert world.ask("counts")["mutating"] == 0


def test_apps_of_a_persons_session_refuse_nothing(world: Visitor, fly: FlyConnection) -> None:
    world.tell("switch", session_apps=["*"])
    assert tokens(fly).preflight(old(world)) == []
    assert "may make tokens" in FlyTokens.unverifiable


def test_a_connection_that_cannot_mint_is_told_by_the_mint(world: Visitor) -> None:
    narrow = connect(world, world.tell("fly/token", profile="deploy_organization")["token"])
    assert tokens(narrow).preflight(None) == []
    with pytest.raises(PermissionDeniedError, match=r"may not make tokens.*fly auth token"):
        tokens(narrow).mint("rotor-1")
    assert world.ask("mints")["count"] == 0


def test_the_connections_own_token_is_told_by_its_id(world: Visitor) -> None:
    made = world.tell("fly/token", profile="deploy_organization")
    issuer = tokens(connect(world, made["token"]))
    assert issuer.is_own(made["id"])
    assert not issuer.is_own(old(world))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"organization": "molekule-ai", "lifetime": "1d"}, "organization molekule-ai does not exist"),
        ({"app": "molekule-cp", "lifetime": "1d"}, "app molekule-cp does not exist"),
    ],
)
def test_a_scope_that_is_not_there_is_found(fly: FlyConnection, options: dict[str, str], what: str) -> None:
    assert [problem for problem in tokens(fly, **options).preflight(None) if what in problem]


def test_a_scope_that_is_not_there_cannot_be_listed(fly: FlyConnection) -> None:
    with pytest.raises(NotFoundError):
        tokens(fly, organization="molekule-ai", lifetime="1d").listed()


def test_a_current_token_that_nobody_knows_is_found(fly: FlyConnection) -> None:
    (problem,) = tokens(fly).preflight("tok_typo")
    assert problem.startswith("the current token tok_typo is not among the tokens of organization molecule-ai. Correct")
    assert "not among the tokens of app" in tokens(fly, **ONE_APP).preflight("tok_typo")[0]


def test_a_current_token_of_another_kind_is_found(world: Visitor, fly: FlyConnection) -> None:
    made = world.act("mint_fly_token", profile="litefs_cloud", name="files")["id"]
    told = f"the current token {made} is one for litefs_cloud, a new one is for organization deploy. Correct"
    assert tokens(fly).preflight(made)[0].startswith(told)


def test_a_current_token_that_is_revoked_already_is_found(world: Visitor, fly: FlyConnection) -> None:
    world.act("revoke_fly_token", token_id=old(world))
    assert "revoked already" in tokens(fly).preflight(old(world))[0]


def test_a_token_narrower_than_the_current_one_is_found(world: Visitor, fly: FlyConnection) -> None:
    assert "too narrow" in tokens(fly, **ONE_APP).preflight(old(world))[0]


@pytest.mark.parametrize("options", [ORG, ONE_APP])
def test_an_app_out_of_reach_is_found(fly: FlyConnection, options: dict[str, str]) -> None:
    problems = tokens(fly, **options, reaches=[APP, "elsewhere"]).preflight(None)
    assert [problem.partition(" is not")[0] for problem in problems] == ["reaches: app elsewhere"]


# The map


@pytest.mark.parametrize(
    ("lifetime", "max_age", "mistakes"),
    [
        ("120d", timedelta(days=90), []),
        ("120d", None, []),
        ("90d", timedelta(days=90), ["lifetime: 90d does not exceed max_age, 90d"]),
        ("0s", None, ["lifetime: 0s does not exceed max_age, 0s"]),
        ("soon", None, ["lifetime: not a duration such as 90d, 36h or 1h30m"]),
    ],
)
def test_the_lifetime_must_exceed_max_age(lifetime: str, max_age: timedelta | None, mistakes: list[str]) -> None:
    assert FlyTokens.validate({"organization": "x", "lifetime": lifetime}, max_age) == mistakes


def test_the_label_names_the_scope() -> None:
    assert FlyTokens.label(ORG) == "fly_token for organization molecule-ai"
    assert FlyTokens.label(ONE_APP) == "fly_token for app molecule-cp"


def test_the_planner_is_told_what_it_needs() -> None:
    assert FlyTokens.fields == ("token",)
    assert (FlyTokens.traits.overlap, FlyTokens.traits.recover) == (Overlap.OPEN, Recover.RECONCILE)


def test_a_credential_shows_nothing_of_its_value(fly: FlyConnection) -> None:
    made = tokens(fly).mint("quiet")
    assert isinstance(made.fields["token"], SecretValue)
    assert "fm2_" not in repr(made)
