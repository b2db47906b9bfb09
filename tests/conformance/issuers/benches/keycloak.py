# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keycloak's passwords and client secrets, behind a stand-in made from its published description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.conformance.benches import sandboxed
from tests.conformance.issuers.benches.described import DescribedBench, open_bench
from tests.sandbox.apis import ADMIN

__all__ = ["open_bench"]


class KeycloakBench(DescribedBench):
    provider, base = "keycloak", "/keycloak"
    server = "a stand-in made from Keycloak's published description"
    tunable = False

    def connection(self, token: SecretValue | None = None) -> Options:
        secret = token or SecretValue(self.world.credentials[ADMIN])
        client = {"client_id": "rotor", "client_secret": secret}
        return {"type": "keycloak", "url": f"{self.world.url}/keycloak", **client}


class UserPassword(KeycloakBench):
    title = issuer_type = "keycloak_user_password"
    options: ClassVar[Options] = {"realm": "master", "username": "admin"}
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "PUT", "path": "/reset-password$"},
        "list": {"method": "GET", "path": "/users$"},
        "verify": {"method": "POST", "path": "/openid-connect/token$"},
    }


class ClientSecret(KeycloakBench):
    title = issuer_type = "keycloak_client_secret"
    options: ClassVar[Options] = {"realm": "shop", "client_id": "web"}
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "POST", "path": "/client-secret$"},
        "list": {"method": "GET", "path": "/clients$"},
        "verify": {"method": "POST", "path": "/openid-connect/token$"},
    }


BENCHES = [UserPassword, ClientSecret]
stop_all = sandboxed.stop
