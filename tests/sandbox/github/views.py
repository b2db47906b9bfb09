# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How things look in GitHub's answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..address import base_url
from ..provider import RefusedError
from .state import Repository, Run, Secret, Workflow, timestamp

_USER_LINKS = (
    "followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events",
    "received_events",
)  # fmt: skip
_REPOSITORY_LINKS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents",
    "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags", "hooks",
    "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones", "notifications",
    "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees",
)  # fmt: skip


def secret_json(secret: Secret, url: str) -> dict[str, Any]:
    """`url` is that of the organization's secrets: it leads to the repositories that are selected."""
    created, updated = timestamp(secret.created_at), timestamp(secret.updated_at)
    shape = {"name": secret.name, "created_at": created, "updated_at": updated}
    if secret.visibility:
        shape["visibility"] = secret.visibility
    if secret.visibility == "selected":
        shape["selected_repositories_url"] = f"{url}/{secret.name}/repositories"
    return shape


def user_json(login: str, base: str) -> dict[str, Any]:
    url = f"{base}/users/{login}"
    return {
        "login": login,
        "id": 1,
        "node_id": "U_1",
        "avatar_url": f"{url}/avatar",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{login}",
        "type": "Organization",
        "site_admin": False,
    } | {f"{link}_url": f"{url}/{link}" for link in _USER_LINKS}


def minimal_repository_json(repository: Repository, base: str) -> dict[str, Any]:
    url = f"{base}/repos/{repository.full_name}"
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.name,
        "full_name": repository.full_name,
        "owner": user_json(repository.owner, base),
        "private": True,
        "html_url": f"https://github.com/{repository.full_name}",
        "description": None,
        "fork": False,
        "url": url,
    } | {f"{link}_url": f"{url}/{link}" for link in _REPOSITORY_LINKS}


def repository_json(repository: Repository, base: str) -> dict[str, Any]:
    """`permissions` are those of the person who made the token: they do not tell what the token may do."""
    return minimal_repository_json(repository, base) | {
        "default_branch": repository.branches[0],
        "visibility": "private",
        "archived": False,
        "disabled": False,
        "permissions": dict.fromkeys(("admin", "maintain", "push", "triage", "pull"), True),
    }


def workflow_json(repository: Repository, workflow: Workflow, base: str) -> dict[str, Any]:
    page = f"https://github.com/{repository.full_name}"
    return {
        "id": workflow.id,
        "node_id": f"W_{workflow.id}",
        "name": workflow.name,
        "path": workflow.path,
        "state": "active",
        "created_at": timestamp(workflow.created_at),
        "updated_at": timestamp(workflow.created_at),
        "url": f"{base}/repos/{repository.full_name}/actions/workflows/{workflow.id}",
        "html_url": f"{page}/blob/main/{workflow.path}",
        "badge_url": f"{page}/workflows/{workflow.id}/badge.svg",
    }


def run_json(repository: Repository, run: Run, base: str) -> dict[str, Any]:
    url = f"{base}/repos/{repository.full_name}/actions/runs/{run.id}"
    links = ("jobs", "logs", "check_suite", "artifacts", "cancel", "rerun")
    actor = user_json(repository.owner, base)
    return {
        "id": run.id,
        "node_id": f"WFR_{run.id}",
        "name": run.workflow.name,
        "display_title": run.workflow.name,
        "path": run.workflow.path,
        "run_number": run.number,
        "run_attempt": 1,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": run.workflow.id,
        "head_branch": run.branch,
        "head_sha": run.head_sha,
        "head_commit": None,
        "pull_requests": [],
        "actor": actor,
        "triggering_actor": actor,
        "created_at": timestamp(run.created_at),
        "run_started_at": timestamp(run.created_at),
        "updated_at": timestamp(run.updated_at),
        "url": url,
        "html_url": f"https://github.com/{repository.full_name}/actions/runs/{run.id}",
        "workflow_url": f"{base}/repos/{repository.full_name}/actions/workflows/{run.workflow.id}",
        "repository": minimal_repository_json(repository, base),
        "head_repository": minimal_repository_json(repository, base),
    } | {f"{link}_url": f"{url}/{link}" for link in links}


def job_json(repository: Repository, run: Run, base: str) -> dict[str, Any]:
    """One that has not started has a date for its start all the same."""
    url = f"{base}/repos/{repository.full_name}/actions"
    ended = {"status": run.status, "conclusion": run.conclusion}
    return {
        "id": run.id,
        "run_id": run.id,
        "steps": [{"name": name, "number": n, **ended} for n, name in enumerate(run.workflow.steps, 1)],
        "node_id": f"J_{run.id}",
        "run_url": f"{url}/runs/{run.id}",
        "head_sha": run.head_sha,
        "head_branch": run.branch,
        "workflow_name": run.workflow.name,
        "name": run.workflow.name,
        "url": f"{url}/jobs/{run.id}",
        "html_url": f"https://github.com/{repository.full_name}/actions/runs/{run.id}/job/{run.id}",
        "check_run_url": f"{base}/repos/{repository.full_name}/check-runs/{run.id}",
        "status": run.status,
        "conclusion": run.conclusion,
        "created_at": timestamp(run.created_at),
        "started_at": timestamp(run.updated_at if run.status == "in_progress" else run.created_at),
        "completed_at": None if run.active else timestamp(run.updated_at),
        "labels": ["ubuntu-latest"],
        "runner_id": None,
        "runner_name": None,
        "runner_group_id": None,
        "runner_group_name": None,
    }


def environment_json(repository: Repository, name: str, base: str) -> dict[str, Any]:
    address = f"/repos/{repository.full_name}/environments/{quote(name, safe='')}"
    return {
        "id": int.from_bytes(name.encode()[:4], "big"),
        "node_id": f"EN_{name.encode().hex()}",
        "name": name,
        "url": f"{base}{address}",
        "html_url": f"https://github.com/{repository.full_name}/deployments",
        "created_at": timestamp(repository.created_at),
        "updated_at": timestamp(repository.created_at),
    }


def paged(request: Request, name: str, items: list[Any]) -> Response:
    response = JSONResponse({"total_count": len(items), name: page_of(request, items)})
    link_header(request, response, len(items))
    return response


def page_of(request: Request, items: list[Any]) -> list[Any]:
    width, current = _page(request)
    return items[(current - 1) * width : current * width]


def link_header(request: Request, response: Response, count: int) -> None:
    width, current = _page(request)
    last = max(1, -(-count // width))
    links = {"prev": current - 1, "first": 1} if current > 1 else {}
    links |= {"next": current + 1, "last": last} if current < last else {}
    if links:
        path = quote(request.scope["path"].removeprefix(request.scope["root_path"]), safe="/%")
        url, query = f"{base_url(request)}{path}", dict(request.query_params)
        response.headers["link"] = ", ".join(
            f'<{url}?{urlencode(query | {"page": number, "per_page": width})}>; rel="{rel}"'
            for rel, number in links.items()
        )


def _page(request: Request) -> tuple[int, int]:
    size, page = (request.query_params.get(key, default) for key, default in (("per_page", "30"), ("page", "1")))
    if not (size.isdigit() and page.isdigit()) or int(page) < 1:
        raise RefusedError(422, "per_page and page are numbers")
    return min(int(size) or 30, 100), int(page)
