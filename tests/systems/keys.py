# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the systems that have an API for them: Neon, in the stand-in world, for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.issued_keys import ACCESS, KEY
from tests.sandbox.apis import ADMIN
from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {
    "issuer": "neon_api_key",
    "permission": "full_access",
    "database": "cache",
    "return_value": True,
    "url": "https://shop.example.com",
    "idempotent": True,
    "policies": [{"effect": "allow", "permission_groups": [{"id": "6a01"}], "resources": {"zone.1": "*"}}],
}
NEEDED = ("return_value", "idempotent")
CONNECTION = {"email": "ops@example.com", "client_id": "rotor", "public_key": "pk"}
SPECS = {"api_key": {**ACCESS, **KEY}, "api_key_info": ACCESS}


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    url, secret = f"{systems.world.url}/neon/api/v2", {"token": systems.world.credentials[ADMIN]}
    neon = {"issuer": "neon_api_key", "url": url, "options": {"organization": "acme"}}
    yield Case("api_key", {**neon, "name": "canary", "dest": str(file.with_name("neon.key"))}, secret)
    yield Case("api_key_info", neon, secret)
