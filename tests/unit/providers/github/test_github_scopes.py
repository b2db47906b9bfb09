# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of environments and organizations, and those for Dependabot and Codespaces."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Written
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.consumer import GitHubActions
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import START, MemoryCheckpoint, Scripted, VirtualClock
from tests.unit.providers.github.asked import REPOSITORY, requests, run
from tests.unit.providers.github.conftest import Connect

ENVIRONMENT = "prod/eu 1"
ORGANIZATION = "Molecule-AI"
IN_ENVIRONMENT = {"repository": REPOSITORY, "environment": ENVIRONMENT}
IN_ORGANIZATION = {"organization": ORGANIZATION}
FOR_ALL = {**IN_ORGANIZATION, "visibility": "all"}
PLACES = {
    f"github {REPOSITORY}": {"repository": REPOSITORY},
    f"github {REPOSITORY}, Dependabot": {"repository": REPOSITORY, "application": "dependabot"},
    f"github {REPOSITORY}, Codespaces": {"repository": REPOSITORY, "application": "codespaces"},
    f"github {REPOSITORY}, environment {ENVIRONMENT}": IN_ENVIRONMENT,
    f"github organization {ORGANIZATION}": FOR_ALL,
    f"github organization {ORGANIZATION}, Dependabot": {**FOR_ALL, "application": "dependabot"},
    f"github organization {ORGANIZATION}, Codespaces": {**FOR_ALL, "application": "codespaces"},
}
PERMISSIONS = (
    "secrets", "dependabot_secrets", "codespaces_secrets", "environments",
    "organization_secrets", "organization_dependabot_secrets", "organization_codespaces_secrets",
)  # fmt: skip
NAME = "DEPLOY_TOKEN"
VALUE = "value-of-the-scope-tests-\u00e4"
NEW = {NAME: SecretValue(VALUE)}


@pytest.fixture(autouse=True)
def environment(world: Visitor) -> None:
    world.act("create_github_environment", repository=REPOSITORY, environment=ENVIRONMENT)


@pytest.fixture
def store(github: GitHubConnection, clock: VirtualClock) -> GitHubSecrets:
    return GitHubSecrets(github, clock=clock)


def place(world: Visitor, label: str) -> dict[str, Any]:
    return world.ask("state")["github"]["places"][label]


@pytest.mark.parametrize("label", PLACES)
def test_a_secret_is_written_to_its_place_and_to_no_other(store: GitHubSecrets, world: Visitor, label: str) -> None:
    container = PLACES[label]
    assert store.label(container) == label
    assert store.observe(container, [NAME]) == {"keys": {}}
    written = store.write(container, NEW)
    assert world.tell("holds", kind=f"{label}, secret", name=NAME, value=VALUE)["holds"]
    assert [one for one, secrets in world.ask("state")["github"]["places"].items() if NAME in secrets] == [label]
    assert store.unchanged(written, store.observe(container, [NAME]))
    assert NAME in [secret["name"] for secret in store.listed(container)]
    store.delete(container, [NAME, "NOT_THERE"])
    assert store.observe(container, [NAME]) == {"keys": {}}


def test_no_two_places_are_one_container() -> None:
    assert len({GitHubSecrets.identity(container) for container in PLACES.values()}) == len(PLACES)


@pytest.mark.parametrize("option", ["repository", "environment", "organization"])
def test_spelling_makes_no_other_container(option: str) -> None:
    container = IN_ORGANIZATION if option == "organization" else IN_ENVIRONMENT
    other = {**container, option: container[option].swapcase()}
    assert GitHubSecrets.identity(container) == GitHubSecrets.identity(other)


def test_who_gets_it_is_no_part_of_what_it_is() -> None:
    assert GitHubSecrets.identity(IN_ORGANIZATION) == GitHubSecrets.identity(FOR_ALL)


@pytest.mark.parametrize(
    ("container", "mistake"),
    [
        ({**IN_ORGANIZATION, "environment": "x"}, "environment: it belongs to a repository"),
        ({**IN_ENVIRONMENT, "application": "dependabot"}, "environment: its secrets are for actions alone"),
        ({"repository": REPOSITORY, "visibility": "all"}, "visibility: only an organization's"),
        ({**IN_ORGANIZATION, "visibility": "selected"}, "visibility: selected needs repositories"),
        ({**FOR_ALL, "repositories": ["x"]}, "repositories: only visibility selected takes them"),
        ({"repository": REPOSITORY, "repositories": ["x"]}, "repositories: only an organization's"),
    ],
)
def test_options_that_do_not_go_together_are_mistakes(container: dict[str, Any], mistake: str) -> None:
    found = GitHubSecrets.validate(container, [NAME])
    assert [text for text in found if text.startswith(mistake)] == found
    assert found


@pytest.mark.parametrize("container", PLACES.values())
def test_places_have_no_mistakes(container: dict[str, Any]) -> None:
    assert GitHubSecrets.validate(container, [NAME]) == []


# What is missing is not made, and what is hidden is not absent


@pytest.mark.parametrize(
    "container", [{"repository": REPOSITORY, "environment": "nowhere"}, {"organization": "nobody"}]
)
@pytest.mark.parametrize("deed", ["observe", "delete", "write"])
def test_a_missing_place_is_not_an_empty_one(
    store: GitHubSecrets, world: Visitor, container: dict[str, str], deed: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        getattr(store, deed)(container, NEW if deed == "write" else [NAME])
    assert store.label(container) in caught.value.message
    assert not any(item["mutating"] for item in world.ask("requests")["requests"])


@pytest.mark.parametrize(("container", "permission"), list(zip(PLACES.values(), PERMISSIONS, strict=True)))
def test_a_missing_right_is_no_absence(
    connect: Connect, clock: VirtualClock, container: dict[str, str], permission: str
) -> None:
    others = dict.fromkeys(set(PERMISSIONS) - {permission}, "write")
    with pytest.raises(PermissionDeniedError) as caught:
        GitHubSecrets(connect(others), clock=clock).observe(container, [NAME])
    assert caught.value.hint == f"It needs the permission {permission}=read"


@pytest.mark.parametrize(("label", "permission"), list(zip(PLACES, PERMISSIONS, strict=True)))
def test_the_right_to_write_is_named(connect: Connect, clock: VirtualClock, label: str, permission: str) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        GitHubSecrets(connect({permission: "read"}), clock=clock).write(PLACES[label], NEW)
    assert caught.value.hint == f"It needs the permission {permission}=write"
    assert label in caught.value.message


# An organization's secret is visible to whom it was


def give(world: Visitor, **facts: Any) -> None:
    world.act("set_github_secret", place=f"github organization {ORGANIZATION}", name=NAME, value="before", **facts)


@pytest.mark.parametrize("visibility", ["all", "private"])
def test_visibility_is_kept(store: GitHubSecrets, world: Visitor, visibility: str) -> None:
    give(world, visibility=visibility)
    written = store.write({**IN_ORGANIZATION, "visibility": "selected", "repositories": ["molecule-monorepo"]}, NEW)
    assert written["keys"][NAME]["visibility"] == visibility
    assert place(world, f"github organization {ORGANIZATION}")[NAME]["visibility"] == visibility


@pytest.mark.parametrize("application", ["actions", "dependabot", "codespaces"])
def test_the_selection_is_kept_from_all_pages(store: GitHubSecrets, world: Visitor, application: str) -> None:
    names = [f"service-{number:03d}" for number in range(101)]
    for name in names:
        world.act("create_github_repository", owner=ORGANIZATION, name=name)
    container = {**IN_ORGANIZATION, "application": application}
    label = store.label(container)
    world.act("set_github_secret", place=label, name=NAME, value="before", visibility="selected", repositories=names)
    store.write(container, NEW)
    assert place(world, label)[NAME]["repositories"] == names
    assert world.tell("holds", kind=f"{label}, secret", name=NAME, value=VALUE)["holds"]


def test_a_new_one_is_refused_where_nobody_said_who_gets_it(store: GitHubSecrets, world: Visitor) -> None:
    for deed in (lambda: store.observe(IN_ORGANIZATION, [NAME]), lambda: store.write(IN_ORGANIZATION, NEW)):
        with pytest.raises(ConfigurationError, match=f"has no {NAME} yet") as caught:
            deed()
        assert "visibility: all, private, or selected" in caught.value.hint
    assert not any(item["mutating"] for item in world.ask("requests")["requests"])


def test_a_new_one_is_for_the_repositories_that_are_named(store: GitHubSecrets, world: Visitor) -> None:
    for name in ("web", "docs"):
        world.act("create_github_repository", owner=ORGANIZATION, name=name)
    store.write({**IN_ORGANIZATION, "visibility": "selected", "repositories": ["docs", "molecule-monorepo"]}, NEW)
    kept = place(world, f"github organization {ORGANIZATION}")[NAME]
    assert (kept["visibility"], kept["repositories"]) == ("selected", ["docs", "molecule-monorepo"])


def test_a_selected_repository_that_is_missing_is_named_before_anything_is_sent(
    store: GitHubSecrets, world: Visitor
) -> None:
    container = {**IN_ORGANIZATION, "visibility": "selected", "repositories": ["nowhere"]}
    with pytest.raises(NotFoundError, match="Molecule-AI/nowhere"):
        store.write(container, NEW)
    assert not any(item["mutating"] for item in world.ask("requests")["requests"])


def test_a_change_of_visibility_alone_is_no_other_value(store: GitHubSecrets) -> None:
    date = "2026-11-21T02:14:07Z"
    before, after = ({"keys": {NAME: {"updated_at": date, "visibility": one}}} for one in ("all", "private"))
    assert store.unchanged(before, after)


def test_an_organizations_secret_is_asked_for_as_little_as_can_be(store: GitHubSecrets, world: Visitor) -> None:
    give(world, visibility="private")
    store.observe(IN_ORGANIZATION, [NAME])
    store.write(IN_ORGANIZATION, NEW)
    path = f"/orgs/{ORGANIZATION}/actions/secrets"
    assert requests(world) == [
        f"GET {path}/{NAME}",
        f"GET {path}/{NAME}",
        f"GET {path}/public-key",
        f"PUT {path}/{NAME}",
        f"GET {path}/{NAME}",
    ]


# Runs that hold them


@pytest.mark.parametrize(
    ("container", "held"),
    [
        ({"repository": REPOSITORY.lower()}, True),
        (IN_ENVIRONMENT, True),
        (IN_ORGANIZATION, True),
        ({"repository": REPOSITORY, "application": "dependabot"}, True),
        ({"repository": REPOSITORY, "application": "codespaces"}, False),
        ({**IN_ORGANIZATION, "application": "codespaces"}, False),
        ({"repository": "Molecule-AI/another"}, False),
        ({"organization": "another"}, False),
    ],
)
def test_runs_are_drained_where_they_may_hold_the_old_value(
    github: GitHubConnection, world: Visitor, clock: VirtualClock, container: dict[str, str], held: bool
) -> None:
    world.tell("switch", run_seconds=0)
    before = requests(world)
    written = Written("github", container, {"keys": {NAME: {"updated_at": START.isoformat()}}}, START)
    evidence = GitHubActions({"repository": REPOSITORY}, github, clock=clock).reload([written], MemoryCheckpoint())
    assert ("before" in evidence) is held
    assert (requests(world) != before) is held


def test_a_run_whose_job_has_not_started_does_not_hold_an_environments_old_value(
    github: GitHubConnection, world: Visitor, store: GitHubSecrets, clock: VirtualClock
) -> None:
    world.tell("switch", run_seconds=3600)
    world.act("queue_run", repository=REPOSITORY, workflow="ci.yml")
    written = Written("github", IN_ENVIRONMENT, store.write(IN_ENVIRONMENT, NEW), github.now())
    consumer = GitHubActions({"repository": REPOSITORY, "timeout": 1}, github, clock=clock)
    assert consumer.reload([written], MemoryCheckpoint())["drained"] == []


def test_a_job_that_started_before_holds_it_to_its_end(
    scripted: GitHubConnection, script: Scripted, clock: VirtualClock
) -> None:
    written = Written("github", IN_ENVIRONMENT, {"keys": {NAME: {"updated_at": START.isoformat()}}}, START)
    consumer = GitHubActions({"repository": REPOSITORY, "timeout": 60}, scripted, clock=clock)
    started = [{"status": "in_progress", "started_at": "2026-11-21T11:59:00Z"}]
    later = [{"status": "in_progress", "started_at": "2026-11-21T12:05:00Z"}]
    waiting = [{"status": "waiting", "started_at": "2026-11-21T11:00:00Z"}]
    script.answer(200, {"total_count": 3, "workflow_runs": [run(number, "in_progress") for number in (7, 8, 9)]})
    for jobs in (started, later, waiting):
        script.answer(200, {"total_count": 1, "jobs": jobs})
    script.answer(200, run(7))
    assert consumer.reload([written], MemoryCheckpoint())["drained"] == [7]
