# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that hide others of the same name: of environments, and of an organization's repositories."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PermissionDeniedError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.github.asked import REPOSITORY, requests
from tests.unit.providers.github.conftest import Connect

NAME, OTHER, ENVIRONMENT = "FLY_API_TOKEN", "OTHER", "prod/eu 1"
OF_REPOSITORY = {"repository": REPOSITORY}
OF_ENVIRONMENT = f"github {REPOSITORY}, environment {ENVIRONMENT}"
OF_ORGANIZATION = {"organization": "Molecule-AI", "visibility": "all", "hidden_by": ["molecule-monorepo"]}
NEW = {NAME: SecretValue("value-of-the-shadow-tests")}


@pytest.fixture
def store(github: GitHubConnection, clock: VirtualClock) -> GitHubSecrets:
    return GitHubSecrets(github, clock=clock)


@pytest.fixture(autouse=True)
def environment(world: Visitor) -> None:
    world.act("create_github_environment", repository=REPOSITORY, environment=ENVIRONMENT)


def found(store: GitHubSecrets, container: dict[str, Any], *, fresh: bool = True) -> list[tuple[str, str, bool]]:
    listed = store.shadows(container, [NAME], fresh=fresh)
    return [(one.key, one.label, one.outdated) for one in listed]


def test_secret_of_an_environment_hides_the_repositorys(store: GitHubSecrets, world: Visitor) -> None:
    assert found(store, OF_REPOSITORY) == []
    for name in (NAME, OTHER):
        world.act("set_github_secret", place=OF_ENVIRONMENT, name=name, value="older", later=-60.0)
    store.write(OF_REPOSITORY, NEW)

    [shadow] = store.shadows(OF_REPOSITORY, [NAME], fresh=True)

    assert (shadow.key, shadow.place, shadow.label, shadow.outdated) == (NAME, ENVIRONMENT, OF_ENVIRONMENT, True)
    assert shadow.identity == store.identity({**OF_REPOSITORY, "environment": ENVIRONMENT})
    world.act("set_github_secret", place=OF_ENVIRONMENT, name=NAME, value="newer", later=60.0)
    assert found(store, OF_REPOSITORY) == [(NAME, OF_ENVIRONMENT, False)]
    assert world.violations("spec") == []


def test_repositorys_and_its_environments_hide_the_organizations(store: GitHubSecrets, world: Visitor) -> None:
    store.write(OF_ORGANIZATION, NEW)
    for place in (f"github {REPOSITORY}", OF_ENVIRONMENT):
        world.act("set_github_secret", place=place, name=NAME, value="older", later=-60.0)

    assert found(store, OF_ORGANIZATION) == [(NAME, f"github {REPOSITORY}", True), (NAME, OF_ENVIRONMENT, True)]
    selected = {"organization": "Molecule-AI", "visibility": "selected", "repositories": ["molecule-monorepo"]}
    assert len(found(store, selected)) == 2
    dependabot = {**OF_ORGANIZATION, "application": "dependabot"}
    assert found(store, dependabot) == []


@pytest.mark.parametrize(
    ("container", "hidden"),
    [
        (OF_REPOSITORY, True),
        (OF_ORGANIZATION, True),
        ({**OF_REPOSITORY, "environment": ENVIRONMENT}, False),
        ({**OF_REPOSITORY, "application": "dependabot"}, False),
        ({"organization": "Molecule-AI", "visibility": "all"}, False),
    ],
)
def test_nobody_is_asked_where_nothing_can_hide(store: GitHubSecrets, container: dict[str, Any], hidden: bool) -> None:
    assert store.may_be_hidden(container) is hidden


def test_one_list_a_place_serves_all_secrets_of_a_plan(store: GitHubSecrets, world: Visitor) -> None:
    world.act("set_github_secret", place=OF_ENVIRONMENT, name=OTHER, value="older")
    before = len(requests(world))
    for key in (NAME, "ANOTHER", "A_THIRD"):
        store.shadows(OF_REPOSITORY, [key])
    assert len(requests(world)) == before + 2, "environments, and the secrets of the only one"
    world.act("set_github_secret", place=OF_ENVIRONMENT, name=NAME, value="older")
    assert found(store, OF_REPOSITORY, fresh=False) == []
    assert len(found(store, OF_REPOSITORY, fresh=True)) == 1


def test_token_that_may_not_list_environments_is_told(connect: Connect, clock: VirtualClock) -> None:
    store = GitHubSecrets(connect({"metadata": "read", "secrets": "write"}), clock=clock)
    with pytest.raises(PermissionDeniedError, match="listing the environments of"):
        store.shadows(OF_REPOSITORY, [NAME])


def test_environments_of_several_repositories_come_in_one_answer(store: GitHubSecrets, world: Visitor) -> None:
    world.act("create_github_repository", owner="Molecule-AI", name="second")
    second = {"repository": "Molecule-AI/second"}
    store.observe_all([(one, [NAME]) for one in (OF_REPOSITORY, second)])
    before = len(requests(world))
    assert store.shadows(second, [NAME]) == []
    assert len(requests(world)) == before
    store.shadows(OF_REPOSITORY, [NAME])
    assert len(requests(world)) == before + 1, "the secrets of its only environment"
