# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.visitor import REPO, Visitor

SECRETS = f"{REPO}/actions/secrets"
DISPATCHES = f"{REPO}/actions/workflows/publish-platform-image.yml/dispatches"


def test_a_sealed_secret_is_opened_and_stored(world: Visitor) -> None:
    token = world.mint()
    assert world.put_github("FLY_API_TOKEN", token["tokenHeader"]).status_code == 204
    assert world.put_github("brand_new", "x").status_code == 201
    held = world.ask("state")["github"]["Molecule-AI/molecule-monorepo"]["secrets"]
    assert held["FLY_API_TOKEN"]["token_id"] == token["id"]
    assert "BRAND_NEW" in held
    assert "value" not in world.github("GET", f"{SECRETS}/BRAND_NEW").json()


@pytest.mark.parametrize(
    "more",
    [
        {"key_id": "1"},
        {"encrypted_value": base64.b64encode(b"x" * 80).decode()},
        {"encrypted_value": "not base64!"},
        {"encrypted_value": None},
    ],
)
def test_a_box_that_was_not_sealed_for_this_repository_is_refused(world: Visitor, more: dict[str, Any]) -> None:
    assert world.put_github("NEW", "x", **more).status_code == 422
    assert world.github("GET", f"{SECRETS}/NEW").status_code == 404


@pytest.mark.parametrize("name", ["GITHUB_X", "1ST", "A-B"])
def test_a_reserved_or_malformed_name_is_refused(world: Visitor, name: str) -> None:
    assert world.put_github(name, "x").status_code == 422


def test_a_secret_over_48_kb_is_refused(world: Visitor) -> None:
    assert world.put_github("BIG", "x" * (48 * 1024)).status_code == 201
    assert world.put_github("BIG", "x" * (48 * 1024 + 1)).status_code == 422


def test_secrets_are_listed_in_pages(world: Visitor) -> None:
    first = world.github("GET", SECRETS, params={"per_page": 3})
    assert first.json()["total_count"] == 4
    assert len(first.json()["secrets"]) == 3
    second = world.github("GET", first.links["next"]["url"].partition("/github")[2])
    assert len(second.json()["secrets"]) == 1
    assert "next" not in second.links


def test_deleting_is_not_idempotent(world: Visitor) -> None:
    world.put_github("GONE", "x")
    assert [world.github("DELETE", f"{SECRETS}/GONE").status_code for _turn in range(2)] == [204, 404]


def test_a_missing_permission_is_named(world: Visitor) -> None:
    reader = world.tell("github/token", permissions={"secrets": "read"})["token"]
    assert world.github("GET", SECRETS, reader).status_code == 200
    refused = world.put_github("NEW", "x", reader)
    assert refused.status_code == 403
    assert refused.headers["x-accepted-github-permissions"] == "secrets=write"
    assert refused.headers["x-github-request-id"]


def test_a_repository_that_a_token_may_not_see_does_not_exist_for_it(world: Visitor) -> None:
    elsewhere = world.tell("github/token", permissions={"secrets": "write"}, repositories=["Molecule-AI/other"])[
        "token"
    ]
    assert world.github("GET", REPO, elsewhere).status_code == 404
    assert world.github("GET", REPO, "wrong").status_code == 401
    assert world.github("GET", REPO).json()["full_name"] == "Molecule-AI/molecule-monorepo"


def test_a_dispatch_tells_its_run_where_that_is_asked_for(world: Visitor) -> None:
    detailed = world.dispatch()
    assert detailed.status_code == 200
    run = world.finished(detailed.json()["workflow_run_id"])
    assert (run["event"], run["conclusion"]) == ("workflow_dispatch", "success")
    assert world.github("POST", DISPATCHES, json={"ref": "refs/heads/main"}).status_code == 204


def test_the_newer_api_always_tells_the_run_and_knows_no_flag(world: Visitor) -> None:
    version = {"X-GitHub-Api-Version": "2026-03-10"}
    assert world.github("POST", DISPATCHES, json={"ref": "main"}, headers=version).json()["workflow_run_id"]
    flagged = world.github("POST", DISPATCHES, json={"ref": "main", "return_run_details": True}, headers=version)
    assert flagged.status_code == 422
    assert world.github("GET", REPO, headers={"X-GitHub-Api-Version": "1999-01-01"}).status_code == 400


@pytest.mark.parametrize(
    "body", [{}, {"ref": "nowhere"}, {"ref": "main", "inputs": {"x": "y"}}, {"ref": "main", "x": 1}]
)
def test_a_malformed_dispatch_starts_nothing(world: Visitor, body: dict[str, Any]) -> None:
    assert world.github("POST", DISPATCHES, json=body).status_code == 422
    assert world.github("GET", f"{REPO}/actions/runs").json()["total_count"] == 0


def test_a_workflow_without_the_trigger_cannot_be_dispatched(world: Visitor) -> None:
    listed = world.github("GET", f"{REPO}/actions/workflows").json()["workflows"]
    ci = next(item for item in listed if item["path"].endswith("ci.yml"))
    path = f"{REPO}/actions/workflows/{ci['id']}"
    assert world.github("GET", path).json()["name"] == "ci"
    assert world.github("POST", f"{path}/dispatches", json={"ref": "main"}).status_code == 422


def test_a_run_holds_the_secrets_of_the_moment_it_was_queued(world: Visitor) -> None:
    world.tell("switch", run_seconds=30)
    before = world.act("queue_run", repository="Molecule-AI/molecule-monorepo", workflow="publish-platform-image.yml")
    new = world.mint()
    world.put_github("FLY_API_TOKEN", new["tokenHeader"])
    after = world.dispatch().json()["workflow_run_id"]
    runs = {run["id"]: run for run in world.ask("state")["github"]["Molecule-AI/molecule-monorepo"]["runs"]}
    assert runs[before["id"]]["token_id"] == world.old_token()["id"]
    assert runs[after]["token_id"] == new["id"]
    assert {run["status"] for run in runs.values()} == {"queued"}


def test_a_run_whose_token_was_revoked_fails(world: Visitor) -> None:
    world.tell("switch", run_seconds=60)
    run = world.dispatch().json()["workflow_run_id"]
    world.revoke(world.old_token()["id"])
    world.act("finish_run", run_id=run)
    assert world.finished(run)["conclusion"] == "failure"
    assert any(f"run {run} holds" in what for what in world.violations("consumer"))


def test_a_workflow_can_fail_for_a_reason_of_its_own(world: Visitor) -> None:
    world.tell("switch", failing_workflows=["publish-platform-image.yml"])
    assert world.finished(world.dispatch().json()["workflow_run_id"])["conclusion"] == "failure"
    assert not world.violations()


def test_runs_can_be_filtered(world: Visitor) -> None:
    pushed = world.act("queue_run", repository="Molecule-AI/molecule-monorepo", workflow="ci.yml")["id"]
    dispatched = world.dispatch().json()["workflow_run_id"]
    world.finished(pushed)
    world.finished(dispatched)
    hour = timedelta(hours=1)
    past, future = (
        (datetime.now(UTC) + step).isoformat(timespec="seconds").replace("+00:00", "Z") for step in (-hour, hour)
    )

    def ids(path: str = f"{REPO}/actions/runs", **query: str) -> list[int]:
        return [run["id"] for run in world.github("GET", path, params=query).json()["workflow_runs"]]

    assert ids() == [dispatched, pushed]
    assert ids(event="push") == [pushed]
    assert ids(status="success", event="workflow_dispatch") == [dispatched]
    assert ids(status="queued") == []
    assert (
        ids(created=f">={past}")
        == ids(created=f"{past}..{future}")
        == ids(created=f"<{future}")
        == [dispatched, pushed]
    )
    assert ids(created=f">{future}") == []
    assert ids(f"{REPO}/actions/workflows/ci.yml/runs") == [pushed]
    assert world.github("GET", f"{REPO}/actions/runs", params={"created": "soon"}).status_code == 422


def test_every_answer_tells_the_budget(world: Visitor) -> None:
    world.tell("switch", rate_limits=True)
    before = world.github("GET", "/rate_limit").json()["rate"]["remaining"]
    answer = world.github("GET", REPO)
    assert int(answer.headers["x-ratelimit-remaining"]) == before - 1
    assert int(answer.headers["x-ratelimit-limit"]) == 5000


def test_a_spent_hourly_budget_refuses_until_its_reset(world: Visitor) -> None:
    world.tell("switch", rate_limits=True)
    world.act("spend_github_budget", hourly=5000)
    refused = world.github("GET", REPO)
    assert refused.status_code == 403
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert "retry-after" not in refused.headers


def test_a_secondary_limit_names_the_time_to_wait(world: Visitor) -> None:
    world.tell("switch", rate_limits=True)
    world.act("spend_github_budget", points=898)
    assert world.github("GET", SECRETS).status_code == 200
    refused = world.github("DELETE", f"{SECRETS}/NPM_TOKEN")
    assert refused.status_code == 403
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert not world.violations("foreign")
