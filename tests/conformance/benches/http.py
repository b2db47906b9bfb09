# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON API that the user describes: the tenant platform's settings, in the stand-in world."""

from __future__ import annotations

from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.client import HttpConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.store import HttpSecrets
from tests.conformance.bench import Lie, Refusal
from tests.conformance.benches import sandboxed
from tests.conformance.benches.sandboxed import WorldBench

SETTINGS = {
    "path": "/settings/secrets",
    "write": {"body": {"key": "<key>", "value": "<value>"}, "success": {"status": "saved"}},
    "read": {"evidence": {"updated_at": "[key=<key>].updated_at"}},
    "delete": {"path": "/settings/secrets/<key>"},
}


class HttpBench(WorldBench):
    title = "HTTP (tenant platform)"
    base = "/tenant"
    module = "http_secret"
    server = "the stand-in world, after the platform's runbook and its handler"
    lie = Lie("PUT", r"/settings/secrets$", 200, {"status": "queued"})
    denial = Refusal(403, body={"error": "this token may not manage settings"})

    @property
    def container(self) -> Options:
        return SETTINGS

    @property
    def missing(self) -> Options:
        return {**SETTINGS, "path": "/settings/nothing"}

    def store(self, *, allowed: bool = True) -> HttpSecrets:
        options = {"token": SecretValue(self._token(allowed)), "url": self.url}
        return HttpSecrets(HttpConnection(options, clock=self.clock), clock=self.clock)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        return {**container, "token": self._token(allowed), "url": self.url}

    def holds(self, key: str, value: str) -> bool:
        return sandboxed.holds(self._visitor, "tenant secret", key, value)

    def exists(self, key: str) -> bool:
        return key in self._visitor.ask("state")["tenants"]["secrets"]

    def poke(self, key: str, value: str) -> None:
        self._visitor.act("set_tenant_secret", name=key, value=value)

    def _token(self, allowed: bool) -> str:
        if allowed:
            return str(self._visitor.credentials["TENANT_ADMIN_TOKEN"])
        return str(self._visitor.act("mint_tenant_token")["token"])


BENCHES = [HttpBench]
open_bench, stop_all = sandboxed.open_bench, sandboxed.stop
