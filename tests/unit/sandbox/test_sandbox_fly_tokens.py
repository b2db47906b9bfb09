# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_ast_schema, is_input_object_type, is_object_type, parse

from tests.sandbox.server import find_specs
from tests.sandbox.visitor import CP, Visitor


def current(world: Visitor, token: str) -> int:
    return world.fly("GET", "/v1/tokens/current", token).status_code


@pytest.mark.parametrize("shape", ["{token}", "Bearer {token}", "bearer {token}", "Bearer FlyV1 {token}"])
def test_scheme_words_before_a_token_do_not_matter(world: Visitor, shape: str) -> None:
    token = world.mint()["tokenHeader"]
    assert token.startswith("FlyV1 fm2_")
    assert current(world, shape.format(token=token)) == 200


def test_a_token_cut_at_its_comma_is_not_the_token(world: Visitor) -> None:
    token = world.mint()["tokenHeader"]
    assert "," in token
    assert current(world, token.partition(",")[0]) == 401


def test_a_revoked_token_is_refused_and_stays_listed(world: Visitor) -> None:
    token = world.mint(name="short")
    world.revoke(token["id"])
    assert current(world, token["tokenHeader"]) == 401
    assert world.tell("probe", token_id=token["id"]) == {"status": 401}
    listed = {item["id"]: item for item in tokens(world)}
    assert listed[token["id"]]["revokedAt"]


def test_an_expired_token_is_refused(world: Visitor) -> None:
    brief, long = world.mint(expiry="1ns"), world.mint(expiry="2880h0m0s")
    assert current(world, brief["tokenHeader"]) == 401
    assert current(world, long["tokenHeader"]) == 200


def test_the_value_is_shown_once_only(world: Visitor) -> None:
    world.mint()
    assert all(item["tokenHeader"] is None for item in tokens(world))


def test_reading_the_macaroon_root_is_a_violation(world: Visitor) -> None:
    tokens(world)
    assert not world.violations("leak")
    tokens(world, "token")
    assert world.violations("leak")


@pytest.mark.parametrize("profile", ["deploy", "deploy_organization"])
def test_a_limited_token_can_neither_mint_nor_revoke(world: Visitor, profile: str) -> None:
    narrow = world.tell("fly/token", profile=profile, app="molecule-cp")
    organization = world.graphql('{organization(slug: "molecule-ai") {id}}')["data"]["organization"]["id"]
    wishes = {
        "create": {"name": "x", "profile": "deploy_organization", "organizationId": organization},
        "delete": {"id": narrow["id"]},
    }
    for verb, wish in wishes.items():
        query = "mutation($input: %sLimitedAccessTokenInput!) {%sLimitedAccessToken(input: $input) {clientMutationId}}"
        answer = world.graphql(query % (verb.capitalize(), verb), narrow["token"], input=wish)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert world.ask("mints")["count"] == 0
    assert current(world, narrow["token"]) == 200


def test_an_app_token_reaches_its_app_and_nothing_else(world: Visitor) -> None:
    narrow = world.tell("fly/token", profile="deploy", app="molecule-tenant")["token"]
    assert world.fly("GET", "/v1/apps/molecule-tenant/machines", narrow).status_code == 200
    assert world.fly("GET", f"{CP}/secrets", narrow).status_code == 403
    assert world.fly("GET", "/v1/apps", narrow, params={"org_slug": "molecule-ai"}).status_code == 403
    assert world.fly("GET", "/v1/apps/nobody", narrow).status_code == 404
    assert world.fly("GET", "/v1/tokens/current", narrow).json()["tokens"][0]["apps"] == ["molecule-tenant"]


def test_only_an_operator_is_a_user(world: Visitor) -> None:
    assert world.fly("GET", "/v1/tokens/current").json()["tokens"][0]["user"]
    assert "user" not in world.fly("GET", "/v1/tokens/current", world.mint()["tokenHeader"]).json()["tokens"][0]


def test_a_bad_token_gets_a_graphql_error_with_status_200(world: Visitor) -> None:
    answer = world.graphql('{organization(slug: "molecule-ai") {id}}', "Bearer wrong")
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"
    assert answer["data"] == {"organization": None}


def test_tokens_are_listed_in_pages(world: Visitor) -> None:
    for number in range(3):
        world.mint(name=f"token-{number}")
    query = (
        'query($after: String) {organization(slug: "molecule-ai") {limitedAccessTokens(first: 2, after: $after)'
        "{totalCount nodes {name} edges {cursor} pageInfo {hasNextPage endCursor}}}}"
    )
    names, after = [], None
    while True:
        page = world.graphql(query, after=after)["data"]["organization"]["limitedAccessTokens"]
        assert page["totalCount"] == 6
        names += [node["name"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert names == ["molecule-cp-rotation-20260801", "litefs", "ci-deploy", "token-0", "token-1", "token-2"]


def test_an_organization_token_is_not_in_the_apps_list(world: Visitor) -> None:
    answer = world.graphql('{app(name: "molecule-tenant") {limitedAccessTokens {nodes {name}}}}')
    assert answer["data"]["app"]["limitedAccessTokens"]["nodes"] == [{"name": "ci-deploy"}]


@pytest.mark.parametrize(
    "more",
    [
        {"expiry": "120d"},
        {"profile": "root"},
        {"profile": "deploy"},
        {"profileParams": {"app_id": "no"}, "profile": "deploy"},
    ],
)
def test_a_malformed_mint_mints_nothing(world: Visitor, more: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="UNPROCESSABLE"):
        world.mint(**more)
    assert world.ask("mints") == {"count": 0, "names": []}


def tokens(world: Visitor, *more: str) -> list[dict[str, Any]]:
    fields = " ".join(["id name createdAt expiresAt revokedAt profile profileParams tokenHeader", *more])
    answer = world.graphql(f'{{organization(slug: "molecule-ai") {{limitedAccessTokens {{nodes {{{fields}}}}}}}}}')
    return answer["data"]["organization"]["limitedAccessTokens"]["nodes"]


def schema_of(path: Path) -> GraphQLSchema:
    return build_ast_schema(parse(path.read_text()), assume_valid_sdl=True, assume_valid=True)


_LEFT_OUT = """
extend type App {currentReleaseUnprocessed: ReleaseUnprocessed}
type ReleaseUnprocessed {
  configDefinition: JSON createdAt: ISO8601DateTime! id: ID! imageRef: String status: String! version: Int!
}
input CreateReleaseInput {
  appId: ID! buildId: ID clientMutationId: String definition: JSON! image: String! platformVersion: String!
  strategy: DeploymentStrategy!
}
type CreateReleasePayload {app: App! clientMutationId: String release: Release}
input UpdateReleaseInput {clientMutationId: String metadata: JSON releaseId: ID! status: String}
type UpdateReleasePayload {clientMutationId: String release: Release!}
enum DeploymentStrategy {BLUEGREEN CANARY IMMEDIATE ROLLING ROLLING_ONE SIMPLE}
"""
"""From the same schema of superfly/fly-go, in which the slice leaves it out."""


def test_the_schema_is_a_part_of_the_published_one() -> None:
    specs = find_specs()
    if specs is None:
        pytest.skip("the published schema is not here")
    missing = "type PageInfo {endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String}"
    text = (specs / "fly.graphql").read_text() + missing
    text += "".join(f"\ntype {name} {{x: Int}}" for name in ("Principal", "ReleaseConnection")) + _LEFT_OUT
    published = build_ast_schema(parse(text), assume_valid_sdl=True, assume_valid=True)
    ours = schema_of(Path(__file__).parents[2] / "sandbox" / "fly" / "schema.graphql")
    compared = 0
    for name, kind in ours.type_map.items():
        if name.startswith("__") or not (is_object_type(kind) or is_input_object_type(kind)):
            continue
        theirs: Any = published.type_map[name]
        for field_name, field in kind.fields.items():
            assert str(field.type) == str(theirs.fields[field_name].type), f"{name}.{field_name}"
            if is_object_type(kind):
                arguments = {key: str(item.type) for key, item in field.args.items()}
                expected = {key: str(item.type) for key, item in theirs.fields[field_name].args.items()}
                assert arguments == expected, f"{name}.{field_name}"
            compared += 1
    assert compared > 50, os.fspath(specs)
