# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON API that its user describes: the tenant platform of the stand-in world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {"path": "/canary", "write": {"body": {"<key>": "<value>"}}, "read": "none"}
NEEDED = ("path", "write")


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    tenant = {"url": f"{systems.world.url}/tenant", "path": "/settings/secrets"}
    write = {"body": {"key": "<key>", "value": "<value>"}, "success": {"status": "saved"}}
    secret = {"token": systems.world.credentials["TENANT_ADMIN_TOKEN"], "value": systems.value}
    yield Case("http_secret", {**tenant, "name": "CANARY", "write": write}, secret)
