# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's own client beside ours: what the one writes, the other sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.runs import Runs
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.github.asked import REPOSITORY

ENVIRONMENT = "prod/eu"
OF_REPOSITORY = ("--repo", f"github.localhost/{REPOSITORY}")
OF_ORGANIZATION = ("--org", "Molecule-AI")
AT_HOME = {"repository": REPOSITORY}
SHARED = {"organization": "Molecule-AI", "visibility": "private"}
PLACES: list[tuple[dict[str, str], tuple[str, ...]]] = [
    (AT_HOME, OF_REPOSITORY),
    ({**AT_HOME, "environment": ENVIRONMENT}, (*OF_REPOSITORY, "--env", ENVIRONMENT)),
    ({**AT_HOME, "application": "dependabot"}, (*OF_REPOSITORY, "--app", "dependabot")),
    ({**AT_HOME, "application": "codespaces"}, (*OF_REPOSITORY, "--app", "codespaces")),
    (SHARED, OF_ORGANIZATION),
    ({**SHARED, "application": "dependabot"}, (*OF_ORGANIZATION, "--app", "dependabot")),
    ({**SHARED, "application": "codespaces"}, (*OF_ORGANIZATION, "--app", "codespaces")),
]
THEIRS, OURS = "value-that-gh-has-set", "value-that-we-have-set"

Gh = Callable[..., Any]


@pytest.fixture(autouse=True)
def environment(world: Visitor) -> None:
    world.act("create_github_environment", repository=REPOSITORY, environment=ENVIRONMENT)


@pytest.fixture
def gh(world: Visitor, tmp_path: Path) -> Gh:
    """Run gh; it takes the sandbox for its proxy, which needs no TLS. JSON comes back as what it is."""
    program = shutil.which("gh", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("gh is not installed")
    environment = {
        "GH_HOST": "github.localhost",
        "GH_TOKEN": world.credentials["GITHUB_ADMIN_TOKEN"],
        "GH_CONFIG_DIR": str(tmp_path),
        "GH_NO_UPDATE_NOTIFIER": "1",
        "HOME": str(tmp_path),
        "HTTP_PROXY": world.url,
    }

    def run(*command: str, stdin: str = "") -> Any:
        done = subprocess.run(
            [program, *command], env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "--json" in command else done.stdout + done.stderr

    return run


@pytest.fixture
def store(github: GitHubConnection, clock: VirtualClock) -> GitHubSecrets:
    return GitHubSecrets(github, clock=clock)


@pytest.mark.parametrize(("container", "options"), PLACES)
def test_what_gh_sets_we_see(
    gh: Gh, store: GitHubSecrets, world: Visitor, container: dict[str, str], options: tuple[str, ...]
) -> None:
    gh("secret", "set", "FROM_GH", *options, stdin=THEIRS)
    assert world.tell("holds", kind=f"{store.label(container)}, secret", name="FROM_GH", value=THEIRS)["holds"]
    listed = {secret["name"]: secret for secret in store.listed(container)}
    assert store.observe(container, ["FROM_GH"])["keys"]["FROM_GH"].items() <= listed["FROM_GH"].items()
    store.delete(container, ["FROM_GH"])
    left = {item["name"] for item in gh("secret", "list", *options, "--json", "name")}
    assert left == listed.keys() - {"FROM_GH"}


@pytest.mark.parametrize(("container", "options"), PLACES)
def test_what_we_write_gh_lists(
    gh: Gh, store: GitHubSecrets, container: dict[str, str], options: tuple[str, ...]
) -> None:
    evidence = store.write(container, {"FROM_US": SecretValue(OURS)})["keys"]["FROM_US"]
    listed = {item["name"]: item for item in gh("secret", "list", *options, "--json", "name,updatedAt,visibility")}
    assert listed["FROM_US"]["updatedAt"] == evidence["updated_at"]
    assert listed["FROM_US"]["visibility"] == evidence.get("visibility", "")
    gh("secret", "delete", "FROM_US", *options)
    assert store.observe(container, ["FROM_US"]) == {"keys": {}}


@pytest.mark.parametrize("application", ["actions", "dependabot"])
def test_the_selection_that_gh_made_is_kept_by_our_write(
    gh: Gh, store: GitHubSecrets, world: Visitor, application: str
) -> None:
    for name in ("web", "docs"):
        world.act("create_github_repository", owner="Molecule-AI", name=name)
    gh("secret", "set", "SHARED", *OF_ORGANIZATION, "--app", application, "--repos", "web,docs", stdin=THEIRS)
    container = {"organization": "Molecule-AI", "application": application}
    store.write(container, {"SHARED": SecretValue(OURS)})
    kept = world.ask("state")["github"]["places"][store.label(container)]["SHARED"]
    assert (kept["visibility"], kept["repositories"]) == ("selected", ["docs", "web"])


def test_a_write_of_gh_in_between_is_noticed(gh: Gh, store: GitHubSecrets, world: Visitor) -> None:
    container = {"repository": REPOSITORY}
    world.act("set_repo_secret", repository=REPOSITORY, name="FLY_API_TOKEN", value="old", later=-60)
    before = store.observe(container, ["FLY_API_TOKEN"])
    gh("secret", "set", "FLY_API_TOKEN", *OF_REPOSITORY, stdin=THEIRS)
    assert not store.unchanged(before, store.observe(container, ["FLY_API_TOKEN"]))


def test_a_run_that_gh_starts_we_see(gh: Gh, github: GitHubConnection, world: Visitor) -> None:
    world.tell("switch", run_seconds=30)
    said = gh("workflow", "run", "publish-platform-image.yml", *OF_REPOSITORY, "--ref", "main", "-f", "reason=test")
    [run] = Runs(github, REPOSITORY).under_way(github.now())
    assert run["html_url"] in said
    listed = gh("run", "list", *OF_REPOSITORY, "--json", "databaseId,status")
    assert listed == [{"databaseId": run["id"], "status": "queued"}]


def test_a_run_that_we_start_gh_sees(gh: Gh, github: GitHubConnection) -> None:
    runs = Runs(github, REPOSITORY)
    started = runs.dispatch("publish-platform-image.yml", "main", {})
    assert [item["databaseId"] for item in gh("run", "list", *OF_REPOSITORY, "--json", "databaseId")] == [started]
