# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin modules for GitHub, as a task runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.modules import (
    github_secret,
    github_secret_info,
    github_workflow_run,
)
from tests.sandbox import server
from tests.sandbox.visitor import Visitor

REPOSITORY = "Molecule-AI/molecule-monorepo"
PUBLISH = "publish-platform-image.yml"
VALUE = "value-of-the-module-tests"

Task = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[server.Sandbox]:
    running = server.start(specs=server.find_specs())
    yield running
    running.stop()


@pytest.fixture
def world(sandbox: server.Sandbox) -> Visitor:
    visitor = Visitor(sandbox.url)
    visitor.tell("reset")
    visitor.tell("switch", run_seconds=0.01)
    return visitor


@pytest.fixture
def task(world: Visitor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Task:
    """Run a module as a task does; returns its result, which never holds the value."""
    monkeypatch.setenv("GITHUB_TOKEN", world.credentials["GITHUB_ADMIN_TOKEN"])
    monkeypatch.delenv("GH_TOKEN", raising=False)

    def run(module: ModuleType, *, check: bool = False, **options: Any) -> dict[str, Any]:
        options = {"api_url": f"{world.url}/github", "repository": REPOSITORY} | options
        arguments = options | {"_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        result = json.loads(output)
        result.pop("invocation", None)
        assert VALUE not in output
        return result

    return run


def mutating(world: Visitor) -> int:
    return sum(item["mutating"] for item in world.ask("requests")["requests"])


# github_secret


def test_setting_a_secret_is_a_change_every_time(task: Task, world: Visitor) -> None:
    for _turn in range(2):
        result = task(github_secret, name="FLY_API_TOKEN", value=VALUE)
        assert result["changed"]
        assert result["secret"]["name"] == "FLY_API_TOKEN"
        assert result["secret"]["updated_at"]
    assert mutating(world) == 2
    assert VALUE in world.ask("credentials")["values"]


def test_in_check_mode_nothing_is_written_and_the_doubt_is_told(task: Task, world: Visitor) -> None:
    result = task(github_secret, check=True, name="FLY_API_TOKEN", value=VALUE)
    assert result["changed"]
    assert "cannot be known" in result["note"]
    assert mutating(world) == 0


def test_an_existing_secret_is_left_alone_where_it_is_not_to_be_overwritten(task: Task, world: Visitor) -> None:
    assert not task(github_secret, name="FLY_API_TOKEN", value=VALUE, overwrite=False)["changed"]
    assert mutating(world) == 0
    assert task(github_secret, name="BRAND_NEW", value=VALUE, overwrite=False)["changed"]


def test_a_secret_is_deleted_once(task: Task) -> None:
    first, second = (task(github_secret, name="FLY_API_TOKEN", state="absent") for _turn in range(2))
    assert (first["changed"], first["secret"]) == (True, None)
    assert (second["changed"], second["secret"]) == (False, None)


def test_deleting_in_check_mode_deletes_nothing(task: Task, world: Visitor) -> None:
    result = task(github_secret, check=True, name="FLY_API_TOKEN", state="absent")
    assert result["changed"]
    assert "note" not in result
    assert mutating(world) == 0


def test_the_difference_is_shown_by_dates(task: Task) -> None:
    diff = task(github_secret, name="FLY_API_TOKEN", value=VALUE)["diff"]
    assert diff["before"]["secret"].keys() == diff["after"]["secret"].keys() == {"name", "updated_at", "written"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "lower", "value": VALUE}, "lower: GitHub keeps names of capitals"),
        ({"name": "FLY_API_TOKEN"}, "FLY_API_TOKEN: its value is missing or empty"),
        ({"name": "FLY_API_TOKEN", "value": VALUE, "repository": "molecule"}, "is not of the form owner/name"),
        ({"name": "FLY_API_TOKEN", "value": VALUE, "repository": "Molecule-AI/nowhere"}, "It is missing, or the token"),
        ({"name": "FLY_API_TOKEN", "value": VALUE, "token": "ghp_nobody"}, "answered 401"),
    ],
)
def test_a_failure_says_what_to_do(task: Task, world: Visitor, options: dict[str, str], message: str) -> None:
    result = task(github_secret, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert mutating(world) == 0


# github_secret_info


def test_all_secrets_are_listed_from_all_pages(task: Task, world: Visitor) -> None:
    for number in range(95):
        world.act("set_repo_secret", repository=REPOSITORY, name=f"MORE_{number}", value="unimportant")
    result = task(github_secret_info)
    assert not result["changed"]
    assert len(result["secrets"]) == 99
    assert result["secrets"][0].keys() == {"name", "created_at", "updated_at"}


def test_a_missing_repository_is_no_empty_list(task: Task) -> None:
    assert task(github_secret_info, repository="Molecule-AI/nowhere")["failed"]


# github_workflow_run


def test_it_waits_for_the_run_that_it_started(task: Task, world: Visitor) -> None:
    result = task(github_workflow_run, workflow=PUBLISH, inputs={"reason": 7})
    assert result["changed"]
    assert (result["run"]["ref"], result["run"]["conclusion"]) == ("main", "success")
    assert [run["id"] for run in world.ask("state")["github"][REPOSITORY]["runs"]] == [result["run"]["id"]]


def test_without_waiting_it_returns_the_run_as_it_is(task: Task, world: Visitor) -> None:
    world.tell("switch", run_seconds=60)
    run = task(github_workflow_run, workflow=PUBLISH, wait=False, ref="main")["run"]
    assert run["status"] == "queued"
    assert run["html_url"].endswith(f"/actions/runs/{run['id']}")


def test_a_run_that_fails_fails_the_task(task: Task, world: Visitor) -> None:
    world.tell("switch", failing_workflows=[PUBLISH])
    result = task(github_workflow_run, workflow=PUBLISH)
    assert result["failed"]
    assert 'concluded "failure" (run' in result["msg"]


def test_in_check_mode_nothing_runs(task: Task, world: Visitor) -> None:
    result = task(github_workflow_run, check=True, workflow=PUBLISH)
    assert (result["changed"], result["run"]) == (True, {"ref": "main"})
    assert mutating(world) == 0


def test_in_check_mode_a_missing_workflow_is_found(task: Task) -> None:
    result = task(github_workflow_run, check=True, workflow="nowhere.yml")
    assert result["failed"]
    assert "nowhere.yml" in result["msg"]
