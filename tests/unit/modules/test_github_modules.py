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

from ansible_collections.rotor.secrets.plugins.module_utils._providers.github import access
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.modules import github_secret, github_secret_info, github_workflow_run
from tests.sandbox import server
from tests.sandbox.visitor import Visitor

REPOSITORY = "Molecule-AI/molecule-monorepo"
PUBLISH = "publish-platform-image.yml"
VALUE = "value-of-the-module-tests"
ORGANIZATION = "github organization Molecule-AI"


class Something:
    """Equal to whatever is there, such as a date."""

    def __eq__(self, other: object) -> bool:
        return bool(other)

    __hash__ = None  # type: ignore[assignment]


DATE = Something()

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
    visitor.tell("switch", run_seconds=0)
    return visitor


@pytest.fixture
def task(world: Visitor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Task:
    """Run a module as a task does; returns its result, which never holds the value."""
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GH_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_ENTERPRISE_TOKEN", world.credentials["GITHUB_ADMIN_TOKEN"])

    def run(module: ModuleType, *, check: bool = False, **options: Any) -> dict[str, Any]:
        where = {} if "organization" in options else {"repository": REPOSITORY}
        arguments = (
            {"api_url": f"{world.url}/github"} | where | options | {"_ansible_check_mode": check, "_ansible_diff": True}
        )
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
        assert result["secrets"] == [{"name": "FLY_API_TOKEN", "updated_at": DATE, "written": True}]
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
    both = [{"name": name, "value": VALUE} for name in ("FLY_API_TOKEN", "BRAND_NEW")]
    result = task(github_secret, secrets=both, overwrite=False)
    assert result["changed"]
    assert [item.get("written", False) for item in result["secrets"]] == [False, True]
    assert mutating(world) == 1


def test_a_secret_is_deleted_once(task: Task) -> None:
    first, second = (task(github_secret, name="FLY_API_TOKEN", state="absent") for _turn in range(2))
    assert (first["changed"], first["secrets"]) == (True, [])
    assert (second["changed"], second["secrets"]) == (False, [])


def test_deleting_in_check_mode_deletes_nothing(task: Task, world: Visitor) -> None:
    result = task(github_secret, check=True, name="FLY_API_TOKEN", state="absent")
    assert result["changed"]
    assert result["note"].startswith("Only a real run can tell whether the token may write secrets")
    assert mutating(world) == 0


def test_the_difference_is_shown_by_dates(task: Task) -> None:
    diff = task(github_secret, name="FLY_API_TOKEN", value=VALUE)["diff"]
    assert diff["before"]["secrets"] == {"FLY_API_TOKEN": {"updated_at": DATE}}
    assert diff["after"]["secrets"] == {"FLY_API_TOKEN": {"updated_at": DATE, "written": True}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "lower", "value": VALUE}, "lower: GitHub keeps names of capitals"),
        ({"name": "FLY_API_TOKEN"}, "FLY_API_TOKEN: its value is missing or empty"),
        ({"name": "FLY_API_TOKEN", "value": VALUE, "repository": "molecule"}, "The repository, as owner/name"),
        ({"name": "FLY_API_TOKEN", "value": VALUE, "repository": "Molecule-AI/nowhere"}, "It is missing, or the token"),
        ({"name": "FLY_API_TOKEN", "value": VALUE, "token": "ghp_nobody"}, "answered 401"),
        ({"name": "FLY_API_TOKEN", "value": VALUE, "environment": "nowhere"}, "environment nowhere"),
        ({"name": "NEW", "value": VALUE, "organization": "Molecule-AI"}, "Say visibility: all, private, or selected"),
        ({"name": "NEW", "value": VALUE, "organization": "no login"}, "organization: does not match ^[A-Za-z0-9]"),
        (
            {"name": "NEW", "value": VALUE, "organization": "Molecule-AI", "repositories": ["Molecule-AI/docs"]},
            "repositories[0]: does not match",
        ),
        ({"name": "NEW", "value": VALUE, "environment": ""}, "environment: must not be empty"),
        ({"name": "NEW", "value": VALUE, "visibility": "all"}, "only an organization's secrets have it"),
    ],
)
def test_a_failure_says_what_to_do(task: Task, world: Visitor, options: dict[str, str], message: str) -> None:
    result = task(github_secret, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert mutating(world) == 0


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"environment": "prod/eu"}, f"github {REPOSITORY}, environment prod/eu"),
        ({"application": "dependabot"}, f"github {REPOSITORY}, Dependabot"),
        ({"application": "codespaces"}, f"github {REPOSITORY}, Codespaces"),
        ({"organization": "Molecule-AI", "visibility": "all"}, ORGANIZATION),
    ],
)
def test_every_place_can_be_named(task: Task, world: Visitor, options: dict[str, str], place: str) -> None:
    world.act("create_github_environment", repository=REPOSITORY, environment="prod/eu")
    assert task(github_secret, name="NEW", value=VALUE, **options)["changed"]
    assert world.tell("holds", kind=f"{place}, secret", name="NEW", value=VALUE)["holds"]
    where = {option: value for option, value in options.items() if option != "visibility"}
    assert "NEW" in [item["name"] for item in task(github_secret_info, **where)["secrets"]]
    assert task(github_secret, name="NEW", state="absent", **where)["changed"]
    assert not task(github_secret, name="NEW", state="absent", **where)["changed"]


def test_the_visibility_that_is_said_takes_the_place_of_what_was(task: Task, world: Visitor) -> None:
    world.act("set_github_secret", place=ORGANIZATION, name="SHARED", value="before", visibility="all")
    options = {"organization": "Molecule-AI", "name": "SHARED", "value": VALUE}
    chosen = {"visibility": "selected", "repositories": ["molecule-monorepo"]}
    foreseen, result = (task(github_secret, check=check, **options, **chosen) for check in (True, False))
    for diff in (foreseen["diff"], result["diff"]):
        assert diff["before"]["secrets"]["SHARED"]["visibility"] == "all"
        assert diff["after"]["secrets"]["SHARED"].items() >= chosen.items()
    kept = world.ask("state")["github"]["places"][ORGANIZATION]["SHARED"]
    assert (kept["visibility"], kept["repositories"]) == ("selected", ["molecule-monorepo"])


def test_a_visibility_that_nobody_says_is_kept(task: Task, world: Visitor) -> None:
    chosen = {"visibility": "selected", "repositories": ["molecule-monorepo"]}
    world.act("set_github_secret", place=ORGANIZATION, name="SHARED", value="before", **chosen)
    result = task(github_secret, organization="Molecule-AI", name="SHARED", value=VALUE)
    assert result["secrets"] == [{"name": "SHARED", "updated_at": DATE, **chosen, "written": True}]
    assert result["diff"]["before"]["secrets"]["SHARED"].items() >= chosen.items()


# As whom, and where


def test_an_app_takes_a_tokens_place(task: Task, world: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ENTERPRISE_TOKEN")
    app = world.act("install_github_app", account="Molecule-AI", permissions={"secrets": "write"})
    options = {"app_id": app["client_id"], "app_private_key": app["private_key"], "app_installation": "Molecule-AI"}
    assert task(github_secret, name="NEW", value=VALUE, **options)["changed"]


def test_without_a_credential_nothing_is_asked(task: Task, world: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_for-github-com-alone")
    monkeypatch.delenv("GITHUB_ENTERPRISE_TOKEN")
    result = task(github_secret_info)
    assert result["msg"].endswith("Set one of them, or GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN")
    assert world.ask("requests")["requests"] == []


@pytest.mark.parametrize(
    ("url", "host", "asked", "token"),
    [
        (None, None, "https://api.github.com", "of-github"),
        (None, "octo.ghe.com", "https://api.octo.ghe.com", "of-github"),
        (None, "github.example.com", "https://github.example.com/api/v3", "of-the-enterprise"),
        ("https://github.example.com/api/v3", None, "https://github.example.com/api/v3", "of-the-enterprise"),
        ("https://api.github.com", "github.example.com", "https://api.github.com", "of-github"),
    ],
)
def test_a_token_is_shown_only_to_whom_gh_would_show_it(
    monkeypatch: pytest.MonkeyPatch, url: str | None, host: str | None, asked: str, token: str
) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(GitHubConnection, "__init__", lambda _self, options, **_more: made.append(options))
    for name, value in {"GH_TOKEN": "of-github", "GH_ENTERPRISE_TOKEN": "of-the-enterprise", "GH_HOST": host}.items():
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)
    access.connect({"api_url": url, "ca_cert": None, "token": None, "app_id": None})
    assert (made[0]["url"], made[0]["token"].reveal()) == (asked, token)


def test_an_enterprise_server_is_asked_below_its_path(task: Task, world: Visitor) -> None:
    options = {"api_url": f"{world.url}/api/v3"}
    for number in range(100):
        world.act("set_repo_secret", repository=REPOSITORY, name=f"MORE_{number}", value="unimportant")
    assert len(task(github_secret_info, **options)["secrets"]) == 104
    assert task(github_secret, name="MORE_99", value=VALUE, **options)["changed"]
    run = task(github_workflow_run, workflow=PUBLISH, **options)["run"]
    assert run["conclusion"] == "success"


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


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"inputs": {"reason": None}}, "inputs.reason: expected a string"),
        ({"inputs": {"reason": {"a": [1]}}}, "inputs.reason: expected a string"),
        ({"timeout": 0}, "timeout: must be at least 1"),
        ({"repository": ""}, "repository: "),
    ],
)
def test_run_with_wrong_options_sends_nothing(
    task: Task, world: Visitor, options: dict[str, Any], complaint: str
) -> None:
    before = world.ask("counts")
    result = task(github_workflow_run, workflow=PUBLISH, **options)
    assert complaint in result["msg"]
    assert world.ask("counts") == before


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


@pytest.mark.parametrize("state", ["present", "absent"])
def test_no_secrets_are_nothing_to_do(task: Task, world: Visitor, state: str) -> None:
    result = task(github_secret, secrets=[], state=state)
    assert (result["changed"], result["secrets"], mutating(world)) == (False, [], 0)


def test_selected_repository_that_is_not_there_is_told_in_check_mode(task: Task, world: Visitor) -> None:
    chosen = {"visibility": "selected", "repositories": ["nowhere"]}
    result = task(github_secret, check=True, organization="Molecule-AI", name="NEW", value=VALUE, **chosen)
    assert "Molecule-AI/nowhere" in result["msg"]
    assert mutating(world) == 0
