# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstash: the API from its published description, and beside it a database that knows the password of the moment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import requests

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.conformance.bench import Front
from tests.conformance.benches import sandboxed
from tests.conformance.issuers.bench import IssuerBench
from tests.sandbox.apis import ADMIN
from tests.servers.redis import RedisServer
from tests.servers.tls import Authority


class UpstashBench(IssuerBench):
    title = issuer_type = "upstash_redis_password"
    server = "a stand-in made from Upstash's published description, and a server of our own for AUTH"
    options: ClassVar[Options] = {"database": "cache"}
    provider = "upstash"
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "POST", "path": "/reset-password/"},
        "list": {"method": "GET", "path": "/redis/database/"},
        "verify": {"method": "GET", "path": "/redis/database/"},
        "revoke": {"method": "DELETE", "path": "/"},
    }
    authority: Authority

    def connection(self, token: SecretValue | None = None) -> Options:
        key = token or SecretValue(self.world.credentials[ADMIN])
        options = {"email": "ops@example.com", "api_key": key, "url": f"{self.world.url}/upstash/v2"}
        return {"type": "upstash", **options, "ca_cert": str(self.authority.pem)}

    def answer(self, password: str) -> bytes:
        """What the database says to a password: the API shows which one is in force."""
        pair = ("ops@example.com", self.world.credentials[ADMIN])
        shown = requests.get(f"{self.world.url}/upstash/v2/redis/database/cache", auth=pair, timeout=10).json()
        return b"+OK\r\n" if shown["password"] == password else b"-WRONGPASS invalid username-password pair\r\n"


class UpstashCredentialsBench(UpstashBench):
    title = issuer_type = "upstash_redis_credentials"


BENCHES = [UpstashBench, UpstashCredentialsBench]
stop_all = sandboxed.stop


@contextmanager
def open_bench(kind: type[UpstashBench], front: Front) -> Iterator[IssuerBench]:
    with sandboxed.world() as visitor, tempfile.TemporaryDirectory() as folder:
        bench = kind(visitor)
        bench.authority = Authority(Path(folder))
        with RedisServer(bench.authority.context("127.0.0.1"), bench.answer) as server:
            visitor.act("place_upstash_database", endpoint="127.0.0.1", port=server.port)
            yield bench
