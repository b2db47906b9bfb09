# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of Neon's roles: the API from its published description, and a compute that knows the one of the moment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import requests

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.conformance.bench import Front
from tests.conformance.benches import sandboxed
from tests.conformance.issuers.bench import IssuerBench
from tests.sandbox.apis import ADMIN
from tests.servers.postgres_auth import WELCOME, PostgresAuthServer, refusal
from tests.servers.tls import Authority

OPTIONS: Options = {"project": "shiny", "branch": "main", "role": "app", "database": "shop"}
BROKEN = {
    "status": refusal("sorry, too many clients already", "53300"),
    "html": b"<!doctype html>",
    "truncated": b"R\0",
}


class NeonRoleBench(IssuerBench):
    title = issuer_type = "neon_role_password"
    server = "a stand-in made from Neon's published description, and a server of our own for the password"
    options = OPTIONS
    provider = "neon"
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "POST", "path": "/reset_password$"},
        "list": {"method": "GET", "path": "/connection_uri$"},
        "revoke": {"method": "DELETE", "path": "/"},
    }
    authority: Authority
    broken: bytes | None = None

    def connection(self, token: SecretValue | None = None) -> Options:
        key = token or SecretValue(self.world.credentials[ADMIN])
        options = {"token": key, "url": f"{self.world.url}/neon/api/v2", "ca_cert": str(self.authority.pem)}
        return {"type": "neon", **options}

    def fault(self, call: str, **fault: Any) -> None:
        """From the first fault of the compute on, it answers with nothing else."""
        if call != "verify":
            super().fault(call, **fault)
        else:
            self.broken = BROKEN.get(fault["kind"], b"")

    def answer(self, password: str) -> bytes:
        """What the compute says: the API shows which password is in force."""
        if self.broken is not None:
            return self.broken
        query = {"branch_id": "main", "role_name": "app", "database_name": "shop"}
        key = {"Authorization": f"Bearer {self.world.credentials[ADMIN]}"}
        url = f"{self.world.url}/neon/api/v2/projects/shiny/connection_uri"
        shown = requests.get(url, params=query, headers=key, timeout=10).json()
        return WELCOME if f":{password}@" in shown["uri"] else refusal("password authentication failed for user 'app'")


BENCHES = [NeonRoleBench]
stop_all = sandboxed.stop


@contextmanager
def open_bench(kind: type[NeonRoleBench], front: Front) -> Iterator[IssuerBench]:
    with sandboxed.world() as visitor, tempfile.TemporaryDirectory() as folder:
        bench = kind(visitor)
        bench.authority = Authority(Path(folder))
        with PostgresAuthServer(bench.authority.context("localhost"), bench.answer) as server:
            visitor.act("place_neon_compute", address=f"localhost:{server.port}")
            yield bench
