# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How things look in GitHub's answers."""

from __future__ import annotations

from typing import Any

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


def secret_json(secret: Secret) -> dict[str, Any]:
    created, updated = timestamp(secret.created_at), timestamp(secret.updated_at)
    return {"name": secret.name, "created_at": created, "updated_at": updated}


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
