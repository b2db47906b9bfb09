# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's secrets, in the stand-in world."""

from __future__ import annotations

from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client import InfisicalConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.store import InfisicalSecrets
from tests.conformance.bench import Lie, Refusal
from tests.conformance.benches import sandboxed
from tests.conformance.benches.sandboxed import WorldBench

FOLDER = {"project": "molecule", "environment": "prod", "path": "/backend"}
PLACE = "infisical secret of molecule prod:/backend"
APPROVAL = {"approval": {"id": "0b1e", "slug": "change-1", "status": "open"}}


class InfisicalBench(WorldBench):
    title = "Infisical"
    base = "/infisical/api"
    server = "the stand-in world, after the routes of Infisical's own source"
    module = "infisical_secret"
    bad_name = "NO/NAME"
    lie = Lie("PATCH", r"/secrets/batch$", 200, APPROVAL)
    denial = Refusal(
        403, body={"reqId": "req-1", "statusCode": 403, "error": "PermissionDenied", "message": "not allowed"}
    )

    @property
    def container(self) -> Options:
        return FOLDER

    @property
    def missing(self) -> Options:
        return {**FOLDER, "path": "/nowhere"}

    def store(self, *, allowed: bool = True) -> InfisicalSecrets:
        auth = {"method": "token", "token": SecretValue(self._token(allowed))}
        return InfisicalSecrets(
            InfisicalConnection({"auth": auth, "url": self.url}, clock=self.clock), clock=self.clock
        )

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        return {**container, "token": self._token(allowed), "url": self.url}

    def holds(self, key: str, value: str) -> bool:
        return sandboxed.holds(self._visitor, PLACE, key, value)

    def exists(self, key: str) -> bool:
        return key in self._visitor.ask("state")["infisical"]["folders"]["prod:/backend"]

    def poke(self, key: str, value: str) -> None:
        self._visitor.act("set_infisical_secret", name=key, value=value)

    def _token(self, allowed: bool) -> str:
        return str(self._visitor.act("mint_infisical_token", rights=None if allowed else [])["token"])


BENCHES = [InfisicalBench]
open_bench, stop_all = sandboxed.open_bench, sandboxed.stop
