# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..address import base_url
from ..provider import RefusedError, read_json
from . import graphql, vaults
from .state import Repository, Run, Token, Workflow, timestamp
from .views import environment_json, job_json, paged, repository_json, run_json, workflow_json

if TYPE_CHECKING:
    from . import GitHub

MAX_INPUTS = 25
MAX_INPUTS_ENTERPRISE = 10
RUN_DETAILS_ALWAYS = "2026-03-10"


def routes(github: GitHub) -> list[BaseRoute]:
    api = Api(github)
    repo = "/repos/{owner}/{repo}"
    table: list[tuple[str, str, str, Callable[[Request, Repository], Any]]] = [
        ("GET", repo, "metadata=read", api.show_repository),
        ("GET", f"{repo}/environments", "actions=read", api.list_environments),
        ("GET", f"{repo}/actions/workflows", "actions=read", api.list_workflows),
        ("GET", f"{repo}/actions/workflows/{{workflow}}", "actions=read", api.show_workflow),
        ("POST", f"{repo}/actions/workflows/{{workflow}}/dispatches", "actions=write", api.dispatch),
        ("GET", f"{repo}/actions/workflows/{{workflow}}/runs", "actions=read", api.list_workflow_runs),
        ("GET", f"{repo}/actions/runs", "actions=read", api.list_runs),
        ("GET", f"{repo}/actions/runs/{{run:int}}", "actions=read", api.show_run),
        ("GET", f"{repo}/actions/runs/{{run:int}}/jobs", "actions=read", api.list_jobs),
    ]
    paths = [Route(path, api.guarded(right, endpoint), methods=[method]) for method, path, right, endpoint in table]
    limit = Route("/rate_limit", api.rate_limit, methods=["GET"])
    return [limit, *paths, *vaults.routes(github), *github.apps.routes(), *graphql.routes(github)]


class Api:
    def __init__(self, github: GitHub) -> None:
        self.github, self.world = github, github.world

    def guarded(self, right: str, endpoint: Callable[[Request, Repository], Any]) -> Callable[[Request], Any]:
        """The endpoint behind its permission, which every answer names."""
        permission, _sign, level = right.partition("=")

        async def guard(request: Request) -> Response:
            repository = self.github.repository(request, permission, level)
            response: Response = await endpoint(request, repository)
            response.headers["X-Accepted-GitHub-Permissions"] = right
            return response

        return guard

    async def rate_limit(self, request: Request) -> Response:
        budget = rate_json(self.github.authenticate(request))
        if is_enterprise(request):
            raise RefusedError(404, "Rate limiting is not enabled.")
        return JSONResponse({"resources": {"core": budget, "search": budget}, "rate": budget})

    async def show_repository(self, request: Request, repository: Repository) -> Response:
        return JSONResponse(repository_json(repository, base_url(request)))

    async def list_environments(self, request: Request, repository: Repository) -> Response:
        items = [environment_json(repository, name, base_url(request)) for name in repository.environment_names]
        return paged(request, "environments", items)

    # Workflows and runs

    async def list_workflows(self, request: Request, repository: Repository) -> Response:
        base = base_url(request)
        return paged(request, "workflows", [workflow_json(repository, item, base) for item in repository.workflows])

    async def show_workflow(self, request: Request, repository: Repository) -> Response:
        return JSONResponse(workflow_json(repository, self._workflow(request, repository), base_url(request)))

    @staticmethod
    def _workflow(request: Request, repository: Repository) -> Workflow:
        workflow = repository.find_workflow(request.path_params["workflow"])
        if workflow is None:
            raise RefusedError(404, "Not Found")
        return workflow

    async def dispatch(self, request: Request, repository: Repository) -> Response:
        workflow, body = self._workflow(request, repository), await read_json(request)
        always = request.headers.get("x-github-api-version", "") >= RUN_DETAILS_ALWAYS
        knows_wish = not (always or is_enterprise(request))
        most = MAX_INPUTS_ENTERPRISE if is_enterprise(request) else MAX_INPUTS
        self._check_dispatch(repository, workflow, body, knows_wish=knows_wish, most=most)
        run = self.github.start_run(repository, workflow, "workflow_dispatch", branch_of(body["ref"]))
        if not (always or body.get("return_run_details")):
            return Response(status_code=204)
        shape = run_json(repository, run, base_url(request))
        return JSONResponse({"workflow_run_id": run.id, "run_url": shape["url"], "html_url": shape["html_url"]})

    @staticmethod
    def _check_dispatch(
        repository: Repository, workflow: Workflow, body: dict[str, Any], *, knows_wish: bool, most: int
    ) -> None:
        permitted = {"ref", "inputs"} | ({"return_run_details"} if knows_wish else set())
        if unknown := body.keys() - permitted:
            raise RefusedError(422, f"Invalid request: {', '.join(sorted(unknown))} is not a permitted key")
        if not isinstance(body.get("ref"), str):
            raise RefusedError(422, "Invalid request: ref wasn't supplied")
        inputs = body.get("inputs", {})
        if not isinstance(inputs, dict) or len(inputs) > most or not inputs.keys() <= set(workflow.inputs):
            raise RefusedError(422, "Unexpected inputs provided")
        if branch_of(body["ref"]) not in repository.branches:
            raise RefusedError(422, "No ref found")
        if "workflow_dispatch" not in workflow.triggers:
            raise RefusedError(422, "Workflow does not have 'workflow_dispatch' trigger")

    async def list_runs(self, request: Request, repository: Repository) -> Response:
        return self._runs(request, repository, repository.runs)

    async def list_workflow_runs(self, request: Request, repository: Repository) -> Response:
        workflow = self._workflow(request, repository)
        return self._runs(request, repository, [run for run in repository.runs if run.workflow is workflow])

    @staticmethod
    def _runs(request: Request, repository: Repository, runs: list[Run]) -> Response:
        base = base_url(request)
        wanted = sorted(filter(run_filter(request), runs), key=lambda run: run.id, reverse=True)
        return paged(request, "workflow_runs", [run_json(repository, run, base) for run in wanted])

    async def show_run(self, request: Request, repository: Repository) -> Response:
        return JSONResponse(run_json(repository, self._run(request, repository), base_url(request)))

    async def list_jobs(self, request: Request, repository: Repository) -> Response:
        """Each run has one."""
        run = self._run(request, repository)
        return paged(request, "jobs", [job_json(repository, run, base_url(request))])

    @staticmethod
    def _run(request: Request, repository: Repository) -> Run:
        run = next((item for item in repository.runs if item.id == request.path_params["run"]), None)
        if run is None:
            raise RefusedError(404, "Not Found")
        return run


def is_enterprise(request: Request) -> bool:
    """Whether an Enterprise Server is asked, which knows less."""
    return bool(request.scope["door"] == "/api/v3")


def branch_of(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def rate_json(token: Token) -> dict[str, int]:
    used = token.hourly.used
    reset = int(time.time() + (token.hourly.free_in or token.hourly.seconds))
    return {"limit": token.hourly.budget, "used": used, "remaining": max(0, token.hourly.budget - used), "reset": reset}


def run_filter(request: Request) -> Callable[[Run], bool]:
    query = request.query_params
    in_span = created_filter(query.get("created"))

    def fits(run: Run) -> bool:
        return (
            query.get("event") in (None, run.event)
            and query.get("status") in (None, run.status, run.conclusion)
            and query.get("branch") in (None, run.branch)
            and query.get("head_sha") in (None, run.head_sha)
            and in_span(timestamp(run.created_at))
        )

    return fits


def created_filter(text: str | None) -> Callable[[str], bool]:
    """GitHub's search syntax for dates: `>=T`, `>T`, `<=T`, `<T`, `T..T`, `T`."""
    if text is None:
        return lambda moment: True
    if ".." in text:
        low, high = (moment_of(part) for part in text.split("..", 1))
        return lambda moment: low <= moment <= high
    for sign, holds in {">=": str.__ge__, "<=": str.__le__, ">": str.__gt__, "<": str.__lt__}.items():
        if text.startswith(sign):
            limit = moment_of(text.removeprefix(sign))
            return lambda moment: holds(moment, limit)
    return moment_of(text).__eq__


def moment_of(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(422, "created is not a date") from None
    return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
