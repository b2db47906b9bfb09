# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place for secrets, Apps, and the other addresses of GitHub."""

from __future__ import annotations

import base64
import time
from typing import Any

import jwt
import pytest
import requests
from nacl.public import PublicKey, SealedBox

from tests.sandbox.visitor import REPO, Visitor

REPOSITORY = "Molecule-AI/molecule-monorepo"
ENVIRONMENT = "prod/eu"
OF_ENVIRONMENT = f"{REPO}/environments/prod%2Feu"
PLACES = {
    f"{REPO}/actions": (f"github {REPOSITORY}", "secrets"),
    f"{REPO}/dependabot": (f"github {REPOSITORY}, Dependabot", "dependabot_secrets"),
    f"{REPO}/codespaces": (f"github {REPOSITORY}, Codespaces", "codespaces_secrets"),
    OF_ENVIRONMENT: (f"github {REPOSITORY}, environment {ENVIRONMENT}", "environments"),
    "/orgs/Molecule-AI/actions": ("github organization Molecule-AI", "organization_secrets"),
    "/orgs/Molecule-AI/dependabot": ("github organization Molecule-AI, Dependabot", "organization_dependabot_secrets"),
    "/orgs/Molecule-AI/codespaces": ("github organization Molecule-AI, Codespaces", "organization_codespaces_secrets"),
}
ORGANIZATION = "/orgs/Molecule-AI/actions"


@pytest.fixture(autouse=True)
def environment(world: Visitor) -> None:
    world.act("create_github_environment", repository=REPOSITORY, environment=ENVIRONMENT)


def sealed(world: Visitor, place: str, value: str) -> dict[str, Any]:
    key = world.github("GET", f"{place}/secrets/public-key").json()
    box = SealedBox(PublicKey(base64.b64decode(key["key"])))
    return {"encrypted_value": base64.b64encode(box.encrypt(value.encode())).decode(), "key_id": key["key_id"]}


def put(world: Visitor, place: str, value: str = "x", token: str | None = None, **more: Any) -> requests.Response:
    extra = {"visibility": "all"} if place.startswith("/orgs/") else {}
    body = sealed(world, place, value) | extra | more
    return world.github("PUT", f"{place}/secrets/KEY", token, json=body)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_keeps_its_own(world: Visitor, place: str) -> None:
    assert put(world, place, "value-of-one-place").status_code == 201
    assert put(world, place, "value-of-one-place").status_code == 204
    kept = [label for label, secrets in world.ask("state")["github"]["places"].items() if "KEY" in secrets]
    assert kept == [PLACES[place][0]]
    assert world.tell("holds", kind=f"{kept[0]}, secret", name="KEY", value="value-of-one-place")["holds"]
    assert "KEY" in [item["name"] for item in world.github("GET", f"{place}/secrets").json()["secrets"]]
    assert world.github("DELETE", f"{place}/secrets/KEY").status_code == 204
    assert world.github("GET", f"{place}/secrets/KEY").status_code == 404


@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_good_for_its_own_place_only(world: Visitor, place: str) -> None:
    other = next(item for item in PLACES if item != place)
    assert put(world, place, **sealed(world, other, "x")).status_code == 422


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_a_permission_of_its_own(world: Visitor, place: str) -> None:
    permission = PLACES[place][1]
    reader = world.tell("github/token", permissions={permission: "read"})["token"]
    seen = world.github("GET", f"{place}/secrets", reader)
    assert (seen.status_code, seen.headers["x-accepted-github-permissions"]) == (200, f"{permission}=read")
    refused = put(world, place, token=reader)
    assert (refused.status_code, refused.headers["x-accepted-github-permissions"]) == (403, f"{permission}=write")


@pytest.mark.parametrize("place", [f"{REPO}/environments/nowhere", "/orgs/nobody/actions", f"{REPO}/cron"])
def test_a_place_that_is_missing_is_not_made(world: Visitor, place: str) -> None:
    assert world.github("GET", f"{place}/secrets/public-key").status_code == 404
    assert world.github("GET", f"{place}/secrets").status_code == 404


def test_each_write_says_who_gets_an_organizations_secret(world: Visitor) -> None:
    ours = world.github("GET", REPO).json()["id"]
    assert put(world, ORGANIZATION, visibility="selected", selected_repository_ids=[ours]).status_code == 201
    shape = world.github("GET", f"{ORGANIZATION}/secrets/KEY").json()
    listed = requests.get(
        shape["selected_repositories_url"],
        headers={"Authorization": f"Bearer {world.credentials['GITHUB_ADMIN_TOKEN']}"},
        timeout=60,
    ).json()
    assert [item["id"] for item in listed["repositories"]] == [ours]
    assert put(world, ORGANIZATION, visibility="selected").status_code == 204
    assert world.github("GET", f"{ORGANIZATION}/secrets/KEY/repositories").json()["total_count"] == 0


@pytest.mark.parametrize(
    "more",
    [
        {"visibility": "everybody"},
        {"visibility": "all", "selected_repository_ids": [1]},
        {"visibility": "selected", "selected_repository_ids": ["1"]},
    ],
)
def test_a_visibility_that_makes_no_sense_is_refused(world: Visitor, more: dict[str, Any]) -> None:
    assert put(world, ORGANIZATION, **more).status_code == 422
    assert world.github("GET", f"{ORGANIZATION}/secrets/KEY").status_code == 404


def test_a_job_gets_its_environments_secrets_when_it_starts_and_the_others_when_its_run_is_queued(
    world: Visitor,
) -> None:
    world.tell("switch", run_seconds=30)
    publish = "publish-platform-image.yml"
    world.act("create_github_environment", repository=REPOSITORY, environment="live", workflow=publish)
    run = world.act("queue_run", repository=REPOSITORY, workflow=publish)["id"]
    new = world.mint()
    place = f"github {REPOSITORY}, environment live"
    world.act("set_github_secret", place=place, name="FLY_API_TOKEN", value=new["tokenHeader"])
    runs = {item["id"]: item for item in world.ask("state")["github"][REPOSITORY]["runs"]}
    assert runs[run]["token_id"] == world.old_token()["id"]
    world.tell("switch", run_seconds=0.01)
    later = world.act("queue_run", repository=REPOSITORY, workflow=publish)["id"]
    world.finished(later)
    runs = {item["id"]: item for item in world.ask("state")["github"][REPOSITORY]["runs"]}
    assert runs[later]["token_id"] == new["id"]


# Apps


def as_app(world: Visitor, made: dict[str, Any], method: str, path: str, **claims: Any) -> requests.Response:
    now = int(time.time())
    payload = {"iss": str(made["app_id"]), "iat": now - 60, "exp": now + 540} | claims
    return world.github(method, path, jwt.encode(payload, made["private_key"], algorithm="RS256"))


def test_an_app_gets_a_token_that_may_what_its_installation_may(world: Visitor) -> None:
    made = world.act("install_github_app", account="Molecule-AI", permissions={"secrets": "read"})
    listed = as_app(world, made, "GET", "/app/installations").json()
    assert [item["id"] for item in listed] == [made["installation"]]
    answer = as_app(world, made, "POST", f"/app/installations/{made['installation']}/access_tokens")
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert world.github("GET", f"{REPO}/actions/secrets", token).status_code == 200
    assert put(world, f"{REPO}/actions", token=token).status_code == 403
    world.act("revoke_installation_tokens")
    assert world.github("GET", f"{REPO}/actions/secrets", token).status_code == 401


@pytest.mark.parametrize("claims", [{"iss": "1"}, {"exp": 1}, {"iat": 4e9}, {"exp": 4e9}])
def test_a_jwt_that_does_not_hold_is_refused(world: Visitor, claims: dict[str, Any]) -> None:
    made = world.act("install_github_app", account="Molecule-AI", permissions={"secrets": "read"})
    assert as_app(world, made, "GET", "/app/installations", **claims).status_code == 401


def test_nobody_gets_more_than_the_installation_has(world: Visitor) -> None:
    made = world.act("install_github_app", account="Molecule-AI", permissions={"secrets": "read"})
    path = f"/app/installations/{made['installation']}/access_tokens"
    now = int(time.time())
    signed = jwt.encode({"iss": made["client_id"], "iat": now, "exp": now + 60}, made["private_key"], "RS256")
    for body in ({"permissions": {"secrets": "write"}}, {"repositories": ["nowhere"]}):
        assert world.github("POST", path, signed, json=body).status_code == 422


# Addresses


def test_an_enterprise_server_knows_less(world: Visitor) -> None:
    token = f"Bearer {world.credentials['GITHUB_ADMIN_TOKEN']}"
    path = f"/api/v3{REPO}/actions"
    assert world.call("GET", "/api/v3/rate_limit", token).status_code == 404
    dispatches = f"{path}/workflows/publish-platform-image.yml/dispatches"
    assert world.call("POST", dispatches, token, json={"ref": "main", "return_run_details": True}).status_code == 422
    assert world.call("POST", dispatches, token, json={"ref": "main"}).status_code == 204
    first = world.call("GET", f"{path}/secrets", token, params={"per_page": 3})
    assert first.links["next"]["url"].startswith(f"{world.url}{path}/secrets?")


def test_a_client_behind_a_proxy_reaches_github_and_nothing_else(world: Visitor) -> None:
    headers = {"Authorization": f"token {world.credentials['GITHUB_ADMIN_TOKEN']}"}
    options: dict[str, Any] = {"headers": headers, "proxies": {"http": world.url}}
    first = requests.get(f"http://api.github.localhost{OF_ENVIRONMENT}/secrets?per_page=1", timeout=60, **options)
    assert (first.status_code, first.json()["total_count"]) == (200, 0)
    pages = requests.get(f"http://api.github.localhost{REPO}/actions/secrets?per_page=3", timeout=60, **options)
    assert pages.links["next"]["url"].startswith(f"http://api.github.localhost{REPO}/actions/secrets?")
    for other in ("http://api.github.localhost/oracle/state", "http://elsewhere.localhost/oracle/state"):
        assert requests.get(other, timeout=60, **options).status_code == 404


def test_names_of_repositories_become_ids(world: Visitor) -> None:
    query = '{ one: repository(owner: "Molecule-AI", name: "molecule-monorepo") { databaseId } viewer { login } }'
    answer = world.github("POST", "/graphql", json={"query": query}).json()
    assert answer["data"]["one"]["databaseId"] == world.github("GET", REPO).json()["id"]
    lost = world.github("POST", "/graphql", json={"query": '{ repository(owner: "x", name: "y") { databaseId } }'})
    assert lost.json()["data"] == {"repository": None}
