# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub: secrets of every kind, Apps, workflow dispatches, and the runs themselves."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from ..answer import Answer
from ..provider import Provider, RefusedError
from ..world import Entry, World
from . import rest
from .apps import Apps
from .state import LEVELS, Organization, Repository, Run, Secret, Token, Vault, Workflow, begin, number

DOCS = "https://docs.github.com/rest"
CONTENT_CREATING = ("POST", "PUT", "PATCH")
VERSIONS = ("2022-11-28", "2026-03-10")
PERMISSIONS = (
    "actions", "metadata", "secrets", "dependabot_secrets", "codespaces_secrets", "environments",
    "organization_secrets", "organization_dependabot_secrets", "organization_codespaces_secrets",
)  # fmt: skip


class GitHub(Provider):
    name = "github"
    prefix = "/github"
    doors = ("http://api.github.localhost", "/api/v3")  # as gh asks for it; as on an Enterprise Server
    spec = "github.json"
    error_schema = "basic-error"
    switches: ClassVar[Mapping[str, Any]] = {"failing_workflows": [], "run_seconds": 0.1}
    undescribed = ("/repos/[^/]+/[^/]+", "/app")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.apps = Apps(self)

    def seed(self) -> None:
        admin = Token("admin", self.world.credentials["GITHUB_ADMIN_TOKEN"])
        self._tokens = {admin.value: admin}
        self.repositories: dict[str, Repository] = {}
        self.organizations: dict[str, Organization] = {}
        self.apps.forget()
        # What a run does with the secrets that it was given; the scenario says it.
        self.jobs: Callable[[Repository, Run], bool] = lambda repository, run: True

    def routes(self) -> list[BaseRoute]:
        return rest.routes(self)

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"message": message, "documentation_url": DOCS, "status": str(status)}, status)

    # Tokens

    def find(self, headers: Mapping[str, str]) -> Token | None:
        scheme, _space, value = headers.get("authorization", "").partition(" ")
        token = self._tokens.get(value.strip()) if scheme.lower() in ("bearer", "token") else None
        return token if token and token.alive else None

    def add_token(self, token: Token, kind: str) -> None:
        token.name = f"{kind}-{len(self._tokens)}"
        self._tokens[token.value] = token
        self.world.remember(token.value)

    def authenticate(self, request: Request) -> Token:
        if not request.headers.get("user-agent"):
            raise RefusedError(403, "Request forbidden by administrative rules: a User-Agent header is required")
        version = request.headers.get("x-github-api-version")
        if version is not None and version not in VERSIONS:
            raise RefusedError(400, "The API version is not supported")
        token = self.find(request.headers)
        if token is None:
            raise RefusedError(
                401, "Bad credentials" if "authorization" in request.headers else "Requires authentication"
            )
        return token

    def repository(self, request: Request, permission: str, level: str) -> Repository:
        """The repository of the path: one that the token may not see does not exist for it."""
        token = self.authenticate(request)
        full_name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        repository = self.repositories.get(full_name.lower())
        accepted = f"{permission}={level}"
        if repository is None or not token.sees(full_name):
            raise missing(accepted)
        self._refuse_powerless(token, permission, level)
        return repository

    def vault(self, request: Request, level: str) -> Vault:
        """The place for secrets that the path names."""
        path = request.path_params
        if "org" in path:
            token = self.authenticate(request)
            organization = self.organizations.get(path["org"].lower())
            vault = organization.vaults.get(path["application"]) if organization else None
            if vault is None:
                raise missing(f"organization_secrets={level}")
            self._refuse_powerless(token, vault.permission, level)
            return vault
        if "environment" in path:
            repository = self.repository(request, "environments", level)
            vault = repository.environments.get(path["environment"].replace("%2F", "/").lower())
        else:
            application = path["application"]
            permission = "secrets" if application == "actions" else f"{application}_secrets"
            vault = self.repository(request, permission, level).vaults.get(application)
        if vault is None:
            raise missing("metadata=read")
        return vault

    @staticmethod
    def _refuse_powerless(token: Token, permission: str, level: str) -> None:
        if not token.may(permission, level):
            who = "integration" if token.of_app else "personal access token"
            accepted = {"X-Accepted-GitHub-Permissions": f"{permission}={level}"}
            raise RefusedError(403, f"Resource not accessible by {who}", accepted)

    # Repositories and runs

    def create_repository(self, owner: str, name: str) -> Repository:
        repository = Repository(number(), owner, name, self.world.now())
        self.repositories[repository.full_name.lower()] = repository
        self.organizations.setdefault(owner.lower(), Organization(number(), owner))
        return repository

    def repositories_of(self, owner: str) -> list[Repository]:
        return [item for item in self.repositories.values() if item.owner.lower() == owner.lower()]

    def put_secret(self, place: Repository | Vault, name: str, value: str) -> bool:
        vault = place if isinstance(place, Vault) else place.vaults["actions"]
        self.world.remember(value)
        self.world.touch()
        return vault.put(name, value, self.world.now())

    def start_run(self, repository: Repository, workflow: Workflow, event: str, branch: str) -> Run:
        shared = self.organizations[repository.owner.lower()].shared_with(repository)
        run = repository.queue(workflow, event, branch, self.world.now(), shared)
        self.world.touch()
        self.world.later(
            self.world.switches.run_seconds, lambda: self._begin(repository, run), f"start of run {run.id}"
        )
        return run

    def _begin(self, repository: Repository, run: Run) -> None:
        if run.status == "queued":
            begin(repository, run)
            run.updated_at = self.world.now()
            cause = f"end of run {run.id}"
            self.world.later(self.world.switches.run_seconds, lambda: self._end(repository, run), cause)

    def _end(self, repository: Repository, run: Run) -> None:
        """The job uses its secrets now, in the last moment of the run."""
        if run.active:
            self.world.judge(f"use by run {run.id}")
            good = run.workflow.file not in self.world.switches.failing_workflows and self.jobs(repository, run)
            self._finish(run, "success" if good else "failure")

    def _finish(self, run: Run, conclusion: str) -> None:
        run.status, run.conclusion, run.updated_at = "completed", conclusion, self.world.now()

    # Boundary and oracle

    def caller(self, headers: Mapping[str, str]) -> str | None:
        token = self.find(headers)
        return token.name if token else self.apps.name_of(headers.get("authorization", "").removeprefix("Bearer "))

    def throttle(self, entry: Entry, headers: Mapping[str, str]) -> Response | None:
        token = self.find(headers)
        if token is None or entry.path == "/rate_limit":
            return None
        points = 5 if entry.mutating else 1
        if not token.hourly.fits(1):
            return self.problem(403, "API rate limit exceeded")
        for window, cost in ((token.points, points), (token.creations, int(entry.method in CONTENT_CREATING))):
            if not window.fits(cost):
                refusal = self.problem(403, "You have exceeded a secondary rate limit")
                refusal.headers["retry-after"] = str(int(window.free_in) + 1)
                return refusal
        token.hourly.spend(1)
        token.points.spend(points)
        token.creations.spend(int(entry.method in CONTENT_CREATING))
        return None

    def decorate(self, entry: Entry, answer: Answer) -> None:
        answer.add_headers(**{"x-github-request-id": f"{entry.n:04X}:SANDBOX"})
        token = next((item for item in self._tokens.values() if item.name == entry.token), None)
        if token:
            budget = rest.rate_json(token)
            names = {"limit": "limit", "remaining": "remaining", "used": "used", "reset": "reset"}
            answer.add_headers(**{f"x-ratelimit-{name}": str(budget[key]) for name, key in names.items()})
            answer.add_headers(**{"x-ratelimit-resource": "core"})

    def vaults(self) -> list[Vault]:
        places: list[Repository | Organization] = [*self.repositories.values(), *self.organizations.values()]
        environments = [vault for item in self.repositories.values() for vault in item.environments.values()]
        return [vault for place in places for vault in place.vaults.values()] + environments

    def contents(self) -> Iterable[tuple[str, str, str]]:
        return [(vault.label, name, secret.value) for vault in self.vaults() for name, secret in vault.secrets.items()]

    def possessions(self) -> dict[tuple[str, str], Any]:
        return {
            (f"{vault.label}, secret", secret.name): secret.value
            for vault in self.vaults()
            for secret in vault.secrets.values()
        }

    def picture(self) -> dict[str, Any]:
        repositories = {
            repository.full_name: {
                "secrets": {secret.name: self._secret_picture(secret) for secret in repository.secrets.values()},
                "runs": [self._run_picture(run) for run in repository.runs],
            }
            for repository in self.repositories.values()
        }
        places = {
            vault.label: {secret.name: self._secret_picture(secret) for secret in vault.secrets.values()}
            for vault in self.vaults()
        }
        return {**repositories, "places": places}

    def _secret_picture(self, secret: Secret) -> dict[str, Any]:
        facts = {"updated_at": secret.updated_at.isoformat(), "token_id": self.world.identify(secret.value)}
        if not secret.visibility:
            return facts
        names = [item.name for item in self.repositories.values() if item.id in secret.selected]
        return facts | {"visibility": secret.visibility, "repositories": sorted(names)}

    def _run_picture(self, run: Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "workflow": run.workflow.file,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "token_id": self.world.identify(run.secrets.get(run.workflow.uses or "", "")),
        }

    # People

    def acts(self) -> dict[str, Any]:
        return {
            "set_repo_secret": self._set_secret,
            "set_github_secret": self._set_secret_of,
            "create_github_repository": self._create,
            "create_github_environment": self._create_environment,
            "install_github_app": self.apps.install,
            "make_github_app_key": self.apps.make_key,
            "delete_github_app_key": self.apps.delete_key,
            "github_app_keys": self.apps.key_fingerprints,
            "revoke_installation_tokens": self._revoke_installation_tokens,
            "queue_run": self._queue_run,
            "finish_run": self._finish_run,
            "mint_github_token": self._mint,
            "spend_github_budget": self._spend,
        }

    def _set_secret(self, repository: str, name: str, value: str, later: float = 0.0) -> dict[str, Any]:
        """``later`` seconds from now, since dates are all that tells two writes apart."""
        return self._set_secret_of(f"github {repository}", name, value, later=later)

    def _set_secret_of(
        self,
        place: str,
        name: str,
        value: str,
        visibility: str = "",
        repositories: list[str] | None = None,
        later: float = 0.0,
    ) -> dict[str, Any]:
        """`place` is what people call it: `github Molecule-AI/molecule-monorepo, environment production`."""
        vault = next(item for item in self.vaults() if item.label.lower() == place.lower())
        created = self.put_secret(vault, name, value)
        secret = vault.secrets[name]
        secret.updated_at += timedelta(seconds=later)
        if vault.shared:
            wanted = [item.lower() for item in repositories or ()]
            secret.visibility = visibility or secret.visibility or "all"
            secret.selected = [item.id for item in self.repositories.values() if item.name.lower() in wanted]
        return {"created": created}

    def _create(self, owner: str, name: str) -> dict[str, Any]:
        return {"id": self.create_repository(owner, name).id}

    def _create_environment(self, repository: str, environment: str, workflow: str | None = None) -> dict[str, Any]:
        """`workflow` has a job in it from then on."""
        found = self.repositories[repository.lower()]
        found.add_environment(environment)
        for item in found.workflows:
            if item.file == workflow:
                item.environment = environment
        return {}

    def _revoke_installation_tokens(self) -> dict[str, Any]:
        revoked = [value for value, token in self._tokens.items() if token.of_app]
        for value in revoked:
            del self._tokens[value]
        return {"count": len(revoked)}

    def _queue_run(self, repository: str, workflow: str, event: str = "push", branch: str = "main") -> dict[str, Any]:
        found = self.repositories[repository.lower()]
        kind = found.find_workflow(workflow)
        if kind is None:
            raise ValueError("no such workflow")
        return {"id": self.start_run(found, kind, event, branch).id}

    def _finish_run(self, run_id: int, conclusion: str | None = None) -> dict[str, Any]:
        """End it at once: as it turns out, or as it is said."""
        where, run = next((item, run) for item in self.repositories.values() for run in item.runs if run.id == run_id)
        if conclusion:
            self._finish(run, conclusion)
        else:
            self._end(where, run)
        return {"id": run.id, "conclusion": run.conclusion}

    def _mint(self, permissions: dict[str, str], repositories: list[str] | None = None) -> dict[str, Any]:
        if not (permissions.keys() <= set(PERMISSIONS) and set(permissions.values()) <= set(LEVELS)):
            raise ValueError(f"permissions are {', '.join(PERMISSIONS)}, each {', '.join(LEVELS)}")
        token = Token("", f"github_pat_{secrets.token_urlsafe(40)}", permissions, repositories)
        self.add_token(token, "narrow")
        return {"token": token.value}

    def _spend(self, hourly: int = 0, points: int = 0) -> dict[str, Any]:
        """Somebody else uses up the budget of the operator's token."""
        token = self._tokens[self.world.credentials["GITHUB_ADMIN_TOKEN"]]
        token.hourly.spend(hourly)
        token.points.spend(points)
        return {"at": time.time()}


def missing(accepted: str) -> RefusedError:
    return RefusedError(404, "Not Found", {"X-Accepted-GitHub-Permissions": accepted})
