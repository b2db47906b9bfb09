# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly, in the stand-in world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {"app": "molecule-cp", "lifetime": "1h"}
NEEDED = ("app", "lifetime")


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    url = systems.world.url
    fly = {"api_url": f"{url}/fly/v1", "graphql_url": f"{url}/fly/graphql"}
    token = {"token": systems.world.credentials["FLY_ADMIN_TOKEN"]}
    app, organization = {"app": "molecule-cp"}, {"organization": "molecule-ai"}
    yield Case("fly_secret", {**fly, **app, "name": "CANARY"}, {**token, "value": systems.value})
    yield Case("fly_secret_info", {**fly, **app}, token)
    yield Case("fly_secrets_deploy", {**fly, **app}, token)
    yield Case("fly_token", {**fly, **organization, "name": "canary", "lifetime": "1h"}, token)
    yield Case("fly_token_info", {**fly, **organization}, token)
