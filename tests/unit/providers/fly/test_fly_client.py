# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly import authorization
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection, moment
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.fly.support import APP, connect

QUERY = 'query {organization(slug: "molecule-ai") {id}}'


@pytest.mark.parametrize(
    ("token", "header"),
    [
        ("fo1_abc", "Bearer fo1_abc"),
        ("Bearer fo1_abc", "Bearer fo1_abc"),
        ("fm2_abc,fm2_def", "FlyV1 fm2_abc,fm2_def"),
        ("FlyV1 fm2_abc,fm2_def", "FlyV1 fm2_abc,fm2_def"),
        ("Bearer FlyV1  fm2_abc", "FlyV1 fm2_abc"),
        ("flyv1 fm1r_abc,fm1a_def", "FlyV1 fm1r_abc,fm1a_def"),
        ("fm1a_abc", "FlyV1 fm1a_abc"),
        ("fm2x_abc", "Bearer fm2x_abc"),
    ],
)
def test_each_kind_of_token_gets_its_scheme_once_and_stays_whole(token: str, header: str) -> None:
    assert authorization.header(SecretValue(token)) == header


def test_a_token_is_masked_without_its_scheme_too() -> None:
    authorization.header(SecretValue("FlyV1 fm2_masked,fm2_as_well"))
    assert "fm2_masked" not in masking.scrub("Authorization: x fm2_masked,fm2_as_well")


def test_the_probe_says_who_we_are(fly: FlyConnection) -> None:
    assert fly.probe() == "operator@molecule.example for organization molecule-ai"


def test_the_probe_says_what_a_token_is_limited_to(world: Visitor) -> None:
    token = world.tell("fly/token", profile="deploy", app=APP)["token"]
    assert connect(world, token).probe() == f"a token for app {APP}"


def test_a_refused_token_is_an_authentication_error_that_does_not_show_it(world: Visitor) -> None:
    with pytest.raises(AuthenticationError) as error:
        connect(world, "FlyV1 fm2_nonsense,fm2_more").probe()
    assert "GET" in str(error.value)
    assert error.value.request_id
    assert "nonsense" not in str(error.value)


def test_plain_http_to_another_host_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigurationError):
        FlyConnection({"token": SecretValue("fo1_x"), "url": "http://fly.example/v1"}, clock=VirtualClock())


def test_a_missing_app_is_named_with_what_to_look_at(fly: FlyConnection) -> None:
    with pytest.raises(NotFoundError, match=r"listing the secrets of fly app nowhere.*Is the name right"):
        fly.secrets("nowhere")


def test_an_app_out_of_the_tokens_reach_is_permission_denied(world: Visitor) -> None:
    token = world.tell("fly/token", profile="deploy", app="molecule-tenant")["token"]
    with pytest.raises(PermissionDeniedError, match="does not cover"):
        connect(world, token).secrets(APP)


def test_html_instead_of_json_is_an_unexpected_answer(world: Visitor, fly: FlyConnection) -> None:
    world.tell("faults", provider="fly", path="/secrets", kind="html", status=200)
    with pytest.raises(UnexpectedAnswerError):
        fly.secrets(APP)


def test_a_short_outage_is_waited_out(world: Visitor, fly: FlyConnection) -> None:
    world.tell("faults", provider="fly", path="/secrets", kind="status", status=503, times=2)
    assert "FLY_API_TOKEN" in fly.secrets(APP)


def test_a_query_that_answers_200_with_errors_is_no_success(world: Visitor, fly: FlyConnection) -> None:
    world.tell("faults", provider="fly", path="/graphql", kind="ok_with_errors")
    with pytest.raises(UnexpectedAnswerError) as error:
        fly.query(QUERY, doing="asking")
    assert "Something went wrong" not in str(error.value)


@pytest.mark.parametrize("kind", ["ok_with_errors", "html", "truncated", "reset_after", "reset_before"])
def test_a_mutation_that_nobody_refused_has_an_unknown_outcome(world: Visitor, fly: FlyConnection, kind: str) -> None:
    world.tell("faults", provider="fly", path="/graphql", kind=kind, status=200)
    with pytest.raises(OutcomeUnknownError):
        fly.mutate('mutation {deleteLimitedAccessToken(input: {id: "x"}) {revokedBy}}', doing="revoking")


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ('query {organization(slug: "nobody") {id}}', NotFoundError),
        ('mutation {deleteLimitedAccessToken(input: {id: "x"}) {revokedBy}}', NotFoundError),
    ],
)
def test_the_code_of_a_graphql_error_tells_what_it_is(fly: FlyConnection, query: str, kind: type[RotorError]) -> None:
    with pytest.raises(kind, match="refused with NOT_FOUND") as error:
        fly.mutate(query, doing="asking")
    assert error.value.request_id


def test_a_token_that_may_not_mint_is_permission_denied(world: Visitor) -> None:
    token = world.tell("fly/token", profile="deploy_organization")["token"]
    with pytest.raises(PermissionDeniedError):
        connect(world, token).mutate(
            'mutation {deleteLimitedAccessToken(input: {id: "x"}) {revokedBy}}', doing="revoking"
        )


def test_a_wrong_argument_is_an_invalid_request(world: Visitor, fly: FlyConnection) -> None:
    wish = {"name": "n", "organizationId": fly_organization(fly), "profile": "no-such-profile"}
    text = (
        "mutation($input: CreateLimitedAccessTokenInput!) {createLimitedAccessToken(input: $input) {clientMutationId}}"
    )
    with pytest.raises(InvalidRequestError):
        fly.mutate(text, doing="making", input=wish)
    assert world.ask("mints")["count"] == 0


def fly_organization(fly: FlyConnection) -> str:
    return fly.query(QUERY, doing="asking")["organization"]["id"]


def test_the_run_travels_in_the_user_agent(world: Visitor, fly: FlyConnection) -> None:
    fly.probe()
    assert world.ask("requests")["requests"][-1]["agent"].endswith("(run 7f3a)")


def test_times_with_any_number_of_digits_are_read() -> None:
    assert moment("2026-11-21T02:14:07.123456789Z") == datetime(2026, 11, 21, 2, 14, 7, 123456, tzinfo=UTC)
    assert moment(None) is None
