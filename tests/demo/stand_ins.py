# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in world of both runbooks, with databases for Neon and Upstash, which know the password of the moment."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from tests.sandbox import server
from tests.sandbox.apis import ADMIN
from tests.sandbox.visitor import Visitor
from tests.servers.postgres_auth import WELCOME, PostgresAuthServer, refusal
from tests.servers.redis import RedisServer
from tests.servers.tls import Authority


class StandIns:
    """``project``, ``role`` and ``database`` are Neon's; Upstash has one database, ``cache``."""

    def __init__(self, home: Path, stack: ExitStack, project: str, role: str, database: str) -> None:
        started = server.start(specs=server.find_specs())
        stack.callback(started.stop)
        self.url = started.url
        self.world = Visitor(started.url)
        self._project = project
        self._query = {"branch_id": "main", "role_name": role, "database_name": database}
        authority = Authority(home)
        self.ca_cert = str(authority.pem)
        redis = stack.enter_context(RedisServer(authority.context("127.0.0.1"), self._redis_says))
        neon = stack.enter_context(PostgresAuthServer(authority.context("localhost"), self._neon_says))
        self.redis_address = f"127.0.0.1:{redis.port}"
        self.world.act("place_upstash_database", endpoint="127.0.0.1", port=redis.port)
        self.world.act("place_neon_compute", address=f"localhost:{neon.port}")

    def get(self, path: str, **options: Any) -> Any:
        """Ask an API as its administrator."""
        headers = {"Authorization": f"Bearer {self.world.credentials[ADMIN]}"}
        return requests.get(self.url + path, headers=headers, timeout=10, **options).json()

    def neon_uri(self) -> str:
        path = f"/neon/api/v2/projects/{self._project}/connection_uri"
        return str(self.get(path, params=self._query)["uri"])

    def redis_password(self) -> str:
        pair = ("ops@example.com", self.world.credentials[ADMIN])
        shown = requests.get(f"{self.url}/upstash/v2/redis/database/cache", auth=pair, timeout=10).json()
        return str(shown["password"])

    def redis_url(self) -> str:
        return f"rediss://default:{self.redis_password()}@{self.redis_address}"

    def _neon_says(self, password: str) -> bytes:
        right = unquote(urlsplit(self.neon_uri()).password or "")
        return WELCOME if password == right else refusal("password authentication failed")

    def _redis_says(self, password: str) -> bytes:
        return b"+OK\r\n" if password == self.redis_password() else b"-WRONGPASS invalid username-password pair\r\n"
