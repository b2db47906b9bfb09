# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical, in the stand-in world; as a client, and with a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {"environment": "prod", "path": "/canary", "project": "moleculesecretcanary"}
NEEDED = ("path",)
LOGINS = {"client_secret": {"client_id": "client"}}


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    world = systems.world
    folder = {"url": f"{world.url}/infisical/api", "project": "molecule", "environment": "prod", "path": "/backend"}
    client = {"client_id": world.credentials["INFISICAL_CLIENT_ID"]}
    secret = {"client_secret": world.credentials["INFISICAL_CLIENT_SECRET"], "value": systems.value}
    yield Case("infisical_secret", {**folder, **client, "name": "CANARY"}, secret)
    yield Case("infisical_secret_info", folder, {"token": world.act("mint_infisical_token")["token"]})
