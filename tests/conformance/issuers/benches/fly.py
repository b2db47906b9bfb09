# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly's tokens, in the stand-in world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.conformance.bench import Front
from tests.conformance.benches import sandboxed
from tests.conformance.issuers.bench import IssuerBench


class FlyTokenBench(IssuerBench):
    title = issuer_type = "fly_token"
    server = "the stand-in world, after Fly's published description"
    options: ClassVar[Options] = {"organization": "molecule-ai", "lifetime": "1h"}
    provider = "fly"
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"graphql": "createLimitedAccessToken"},
        "list": {"graphql": "organization"},
        "verify": {"path": "/v1/tokens/current$"},
        "revoke": {"graphql": "deleteLimitedAccessToken"},
    }
    pages = True

    def connection(self, token: SecretValue | None = None) -> Options:
        url = f"{self.world.url}/fly"
        known = token or SecretValue(self.world.credentials["FLY_ADMIN_TOKEN"])
        return {"type": "fly", "token": known, "url": f"{url}/v1", "graphql_url": f"{url}/graphql"}


BENCHES = [FlyTokenBench]
stop_all = sandboxed.stop


@contextmanager
def open_bench(kind: type[IssuerBench], front: Front) -> Iterator[IssuerBench]:
    with sandboxed.world() as visitor:
        yield kind(visitor)
