# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub, in the stand-in world; with a token, and as an App."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.facts import REPOSITORY
from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {"repository": "octo-org/octo-repo", "workflow": "publish.yml"}
NEEDED = ("repository",)
LOGINS = {"app_private_key": {"app_id": "client", "app_installation": "1"}}
OBJECTS = {"app": {"id": "client", "installation": 1}}


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    world = systems.world
    github = {"api_url": f"{world.url}/github", "repository": REPOSITORY}
    token = {"token": world.credentials["GITHUB_ADMIN_TOKEN"]}
    made = world.act("install_github_app", account="Molecule-AI", permissions={"secrets": "write"})
    app = {"app_id": made["client_id"], "app_installation": "Molecule-AI"}
    run = {"workflow": "publish-platform-image.yml", "wait": False}
    yield Case("github_secret", {**github, "name": "CANARY"}, {**token, "value": systems.value})
    yield Case("github_secret_info", {**github, **app}, {"app_private_key": made["private_key"]})
    yield Case("github_workflow_run", {**github, **run}, token)
