# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's secrets, in the stand-in world."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.conformance.bench import Lie, Refusal
from tests.conformance.benches import sandboxed
from tests.conformance.benches.sandboxed import WorldBench
from tests.conformance.proxy import Proxy
from tests.sandbox.visitor import Visitor

REPOSITORY = "Molecule-AI/molecule-monorepo"
ORGANIZATION = "Molecule-AI"


class GitHubBench(WorldBench):
    """``own`` are the options beside the repository, ``nowhere`` those of a container that is not there."""

    title = "GitHub repository secrets"
    base = "/github"
    own: ClassVar[dict[str, Any]] = {}
    nowhere: ClassVar[dict[str, Any]] = {"repository": "Molecule-AI/molecule-nowhere"}
    place = f"github {REPOSITORY}"
    server = "the stand-in world, after GitHub's published description"
    module = "github_secret"
    bad_name = "GITHUB_OWN"
    lie = Lie("PUT", r"/secrets/", 204, None)
    throttle = Refusal(403, {"Retry-After": "7"}, {"message": "You have exceeded a secondary rate limit"})
    denial = Refusal(
        403, {"X-Accepted-GitHub-Permissions": "secrets=write"}, {"message": "Resource not accessible by this token"}
    )

    def __init__(self, visitor: Visitor, proxy: Proxy) -> None:
        super().__init__(visitor, proxy)
        self._later = 0

    @property
    def container(self) -> Options:
        return {"repository": REPOSITORY, **self.own}

    @property
    def missing(self) -> Options:
        return {**self.container, **self.nowhere}

    def store(self, *, allowed: bool = True) -> GitHubSecrets:
        options = {"token": SecretValue(self._token(allowed)), "url": self.url}
        return GitHubSecrets(GitHubConnection(options, clock=self.clock), clock=self.clock)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        return {**container, "token": self._token(allowed), "api_url": self.url}

    def holds(self, key: str, value: str) -> bool:
        return sandboxed.holds(self._visitor, f"{self.place}, secret", key, value)

    def exists(self, key: str) -> bool:
        return key in self._visitor.ask("state")["github"]["places"][self.place]

    def poke(self, key: str, value: str) -> None:
        """A second later than anything before: GitHub tells two writes apart by their dates, to the second."""
        self._later += 1
        self._visitor.act("set_github_secret", place=self.place, name=key, value=value, later=self._later)

    def _token(self, allowed: bool) -> str:
        if allowed:
            return str(self._visitor.credentials["GITHUB_ADMIN_TOKEN"])
        return str(self._visitor.act("mint_github_token", permissions={"actions": "write"})["token"])


class EnvironmentBench(GitHubBench):
    title = "GitHub environment secrets"
    own: ClassVar[dict[str, Any]] = {"environment": "production"}
    nowhere: ClassVar[dict[str, Any]] = {"environment": "nowhere"}
    place = f"github {REPOSITORY}, environment production"

    def __init__(self, visitor: Visitor, proxy: Proxy) -> None:
        super().__init__(visitor, proxy)
        visitor.act("create_github_environment", repository=REPOSITORY, environment="production")


class OrganizationBench(GitHubBench):
    title = "GitHub organization secrets"
    nowhere: ClassVar[dict[str, Any]] = {"organization": "Molecule-Nowhere"}
    place = f"github organization {ORGANIZATION}"

    @property
    def container(self) -> Options:
        return {"organization": ORGANIZATION, "visibility": "all"}


class DependabotBench(GitHubBench):
    title = "GitHub Dependabot secrets"
    own: ClassVar[dict[str, Any]] = {"application": "dependabot"}
    place = f"github {REPOSITORY}, Dependabot"


class CodespacesBench(GitHubBench):
    title = "GitHub Codespaces secrets"
    own: ClassVar[dict[str, Any]] = {"application": "codespaces"}
    place = f"github {REPOSITORY}, Codespaces"


BENCHES = [GitHubBench, EnvironmentBench, OrganizationBench, DependabotBench, CodespacesBench]
open_bench, stop_all = sandboxed.open_bench, sandboxed.stop
