# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vault, by a real OpenBao; with every way in that the modules have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {"path": "/canary"}
NEEDED = ("path",)
LOGINS = {
    "secret_id": {"auth_method": "approle", "role_id": "role"},
    "password": {"auth_method": "userpass", "username": "somebody"},
    "jwt": {"auth_method": "jwt", "role": "ci"},
}


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    vault = {"url": systems.vault.url, "mount": systems.mount, "path": "canary"}
    for login, secret in systems.logins:
        yield Case("vault_kv_secret", {**vault, **login, "name": "CANARY"}, {**secret, "value": systems.value})
    yield Case("vault_kv_secret_info", vault, {"token": systems.logins[0][1]["token"]})
