# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's client secrets, in the stand-in world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.conformance.bench import Front
from tests.conformance.benches import sandboxed
from tests.conformance.issuers.bench import IssuerBench

_PATH = "/client-secrets$"


class ClientSecretBench(IssuerBench):
    title = issuer_type = "infisical_client_secret"
    server = "the stand-in world, after Infisical's published description"
    options: ClassVar[Options] = {"identity": "operator", "lifetime": "120d"}
    provider = "infisical"
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "POST", "path": _PATH},
        "list": {"method": "GET", "path": _PATH},
        "revoke": {"method": "POST", "path": "/revoke$"},
    }
    manages = False

    def connection(self, token: SecretValue | None = None) -> Options:
        known = token or SecretValue(self.world.credentials["INFISICAL_CLIENT_SECRET"])
        client = self.world.credentials["INFISICAL_CLIENT_ID"]
        auth = {"method": "universal", "client_id": client, "client_secret": known}
        return {"type": "infisical", "url": f"{self.world.url}/infisical", "auth": auth}


BENCHES = [ClientSecretBench]
stop_all = sandboxed.stop


@contextmanager
def open_bench(kind: type[IssuerBench], front: Front) -> Iterator[IssuerBench]:
    with sandboxed.world() as visitor:
        yield kind(visitor)
