# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job against the stand-in world, which says afterwards whether the rotation was right."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import requests
from cryptography.fernet import Fernet

from tests.sandbox import server

from .played import Finding, report, run

INVENTORY = "examples/molecule_saas"
REPOSITORY = "Molecule-AI/molecule-monorepo"
OLD_TOKEN = "TGltaXRlZEFjY2Vzc1Rva2VuOjgz"


def main() -> int:
    world = server.start(specs=server.find_specs())
    try:
        with tempfile.TemporaryDirectory() as state:
            print(f"A stand-in for Fly, GitHub and the team's control plane listens on {world.url}.\n")
            command = ["ansible-playbook", "rotor.secrets.rotate_fly_token", "-i", INVENTORY]
            code = run(command, environment(world.url, state))
        return code or report(verdict(world.url), ask(world.url, "violations")["violations"])
    finally:
        world.stop()


def verdict(url: str) -> list[Finding]:
    """What the world says, which knows every token and who runs on which."""
    state = ask(url, "state")
    tokens = {token["id"]: token for token in state["fly"]["tokens"]}
    machines = state["fly"]["apps"]["molecule-cp"]["machines"].values()
    runs = [run for run in state["github"][REPOSITORY]["runs"] if run["event"] == "workflow_dispatch"]
    running = {machine["token_id"] for machine in machines if machine["state"] == "started"}
    new = next((token for token in tokens.values() if token["name"].startswith("rotor-")), {"id": "", "name": "none"})
    health = requests.get(f"{url}/molecule-cp/health", timeout=10)
    old = requests.post(f"{url}/oracle/probe", json={"token_id": OLD_TOKEN}, timeout=10).json()["status"]
    others = set(tokens) - {OLD_TOKEN}
    alive = {name for name in others if tokens[name]["alive"]}
    violations = ask(url, "violations")["violations"]
    return [
        ("the app is healthy", health.status_code == 200, f"{health.status_code}"),
        ("its machines run on the new token", running == {new["id"]}, new["name"]),
        ("the publish workflow is green", [run["conclusion"] for run in runs] == ["success"], f"{len(runs)} run"),
        ("and it ran on the new token", {run["token_id"] for run in runs} == {new["id"]}, new["name"]),
        ("the old token is refused", old == 401, f"{old}"),
        ("every other token is alive", others == alive, f"{len(alive)} of {len(others)}"),
        ("nothing was violated at any moment", not violations, f"{len(violations)} violations"),
    ]


def environment(url: str, state: str) -> dict[str, str]:
    """What a user exports: credentials and, for the stand-in world, addresses; a ledger of its own for this run."""
    own = ask(url, "credentials")
    return os.environ | {
        "FLY_ADMIN_TOKEN": own["FLY_ADMIN_TOKEN"],
        "GITHUB_ADMIN_TOKEN": own["GITHUB_ADMIN_TOKEN"],
        "FLY_API_URL": f"{url}/fly/v1",
        "FLY_GRAPHQL_URL": f"{url}/fly/graphql",
        "GITHUB_API_URL": f"{url}/github",
        "MOLECULE_URL": f"{url}/molecule-cp",
        "ROTOR_LEDGER_KEY": Fernet.generate_key().decode(),
        "XDG_STATE_HOME": state,
    }


def ask(url: str, what: str) -> Any:
    return requests.get(f"{url}/oracle/{what}", timeout=10).json()
