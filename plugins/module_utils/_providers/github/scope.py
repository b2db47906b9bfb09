# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where GitHub keeps secrets: of a repository, of an environment in it, or of an organization; for one application.

Each of these is another path, with a public key of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..._core.contracts import Options, Schema
from .client import REPOSITORY

ACTIONS, DEPENDABOT, CODESPACES = "actions", "dependabot", "codespaces"
SELECTED = "selected"
_TITLES = {ACTIONS: "", DEPENDABOT: ", Dependabot", CODESPACES: ", Codespaces"}

SCHEMA = Schema(
    properties={
        "repository": REPOSITORY,
        "organization": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
            "description": "The organization, instead of a repository.",
        },
        "environment": {
            "type": "string",
            "minLength": 1,
            "description": "An environment of the repository. It must be there.",
        },
        "application": {
            "enum": list(_TITLES),
            "default": ACTIONS,
            "description": "What the secrets are for.",
        },
        "visibility": {
            "enum": ["all", "private", SELECTED],
            "description": "Which repositories of the organization get a secret that does not exist yet. One that is "
            "there stays as it is.",
        },
        "repositories": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^[A-Za-z0-9._-]+$"},
            "minItems": 1,
            "uniqueItems": True,
            "description": "The names of the organization's repositories that are selected.",
        },
        "hidden_by": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^[A-Za-z0-9._-]+$"},
            "minItems": 1,
            "uniqueItems": True,
            "description": "Names of the organization's repositories in which to look for secrets of the same name, "
            "which hide it there; those in repositories, unless said.",
        },
    },
    one_of=("repository", "organization"),
)


@dataclass(frozen=True)
class Scope:
    """One place for secrets."""

    label: str
    path: str
    application: str
    repository: str | None = None
    organization: str | None = None
    name: str = ""
    """What distinguishes it from others in its repository or organization."""
    read_by_jobs: bool = False
    """An environment's secrets are read when a job starts, all others when its run is queued."""

    @classmethod
    def of(cls, container: Options) -> Scope:
        application = container.get("application") or ACTIONS
        if organization := container.get("organization"):
            label = f"github organization {organization}{_TITLES[application]}"
            return cls(label, f"/orgs/{organization}/{application}", application, organization=organization)
        repository = container["repository"]
        if environment := container.get("environment"):
            label, path = f", environment {environment}", f"environments/{quote(environment, safe='')}"
        else:
            label, path = _TITLES[application], application
        where = f"/repos/{repository}/{path}"
        named = environment or repository.partition("/")[2]
        return cls(f"github {repository}{label}", where, application, repository, None, named, bool(environment))

    @property
    def is_hidden_by_environments(self) -> bool:
        """Whether a job in an environment gets a secret of that instead."""
        return bool(self.repository) and self.application == ACTIONS and not self.read_by_jobs

    def environments(self, names: Sequence[str]) -> list[Scope]:
        return [Scope.of({"repository": self.repository, "environment": name}) for name in names]

    def hiding(self, container: Options) -> list[Scope]:
        """List the repositories whose secrets hide those of their organization."""
        names = container.get("hidden_by") or container.get("repositories") or ()
        of_repositories = [
            {"repository": f"{self.organization}/{name}", "application": self.application} for name in names
        ]
        return [Scope.of(one) for one in of_repositories] if self.organization else []

    def secret(self, name: str) -> str:
        return f"{self.path}/secrets/{name}"

    def feeds_runs_of(self, repository: str) -> bool:
        """Return whether workflow runs of a repository may get these secrets; Dependabot's are runs, too."""
        owner, _slash, _name = repository.lower().partition("/")
        reached = {(self.repository or "").lower(), (self.organization or "").lower()} & {repository.lower(), owner}
        return bool(reached) and self.application != CODESPACES

    def selection(self, ids: Sequence[int]) -> list[Any]:
        """Return repository ids as gh sends them: as strings for Dependabot."""
        return [str(one) for one in ids] if self.application == DEPENDABOT else list(ids)


def validate(container: Options) -> list[str]:
    """Report options that do not go together."""
    found = []
    if container.get("environment") and not container.get("repository"):
        found.append("environment: it belongs to a repository")
    elif container.get("environment") and container.get("application", ACTIONS) != ACTIONS:
        found.append("environment: its secrets are for actions alone")
    found += [
        f"{option}: only an organization's secrets have it"
        for option in ("visibility", "repositories", "hidden_by")
        if container.get(option) and not container.get("organization")
    ]
    selected = container.get("visibility") == SELECTED
    if selected and not container.get("repositories"):
        found.append("visibility: selected needs repositories")
    if container.get("organization") and container.get("repositories") and not selected:
        found.append("repositories: only visibility selected takes them")
    return found
