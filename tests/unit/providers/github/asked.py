# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sandbox was asked, and the answers of a script."""

from __future__ import annotations

from typing import Any

from tests.sandbox.visitor import Visitor

REPOSITORY = "Molecule-AI/molecule-monorepo"
BASE = f"/repos/{REPOSITORY}"
STARTED = "2026-11-21T12:00:00Z"


def requests(world: Visitor) -> list[str]:
    """Verb and path below the repository, since the world began."""
    return [
        f"{item['method']} {item['path'].removeprefix('/github').removeprefix(BASE) or '/'}"
        for item in world.ask("requests")["requests"]
        if item["provider"] == "github"
    ]


def repository(**more: Any) -> dict[str, Any]:
    return {"full_name": REPOSITORY, "default_branch": "main", "permissions": {"push": True}} | more


def run(number: int, status: str = "completed", conclusion: str | None = "success", **more: Any) -> dict[str, Any]:
    facts = {"id": number, "status": status, "conclusion": conclusion if status == "completed" else None}
    page = {"html_url": f"https://github.com/{REPOSITORY}/actions/runs/{number}", "head_sha": "c0ffee"}
    return facts | page | {"path": ".github/workflows/publish.yml", "created_at": STARTED} | more
