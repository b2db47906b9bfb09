# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly app secrets, in the stand-in world."""

from __future__ import annotations

from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.store import FlySecrets
from tests.conformance.bench import Lie
from tests.conformance.benches import sandboxed
from tests.conformance.benches.sandboxed import WorldBench

APP = "molecule-tenant"
OTHER_APP = "molecule-cp"


class FlyBench(WorldBench):
    title = "Fly app secrets"
    base = "/fly/v1"
    server = "the stand-in world, after Fly's published description"
    module = "fly_secret"
    bad_name = "NOT-A-VARIABLE"
    lie = Lie("POST", r"/secrets$", 200, {"error": "the app's secrets could not be stored"})

    @property
    def container(self) -> Options:
        return {"app": APP}

    @property
    def missing(self) -> Options:
        return {"app": "molecule-nowhere"}

    def store(self, *, allowed: bool = True) -> FlySecrets:
        options = {"token": SecretValue(self._token(allowed)), "url": self.url}
        return FlySecrets(FlyConnection(options, clock=self.clock), clock=self.clock)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        """Staged, since the rollout to machines is no matter of the store."""
        return {**container, "token": self._token(allowed), "api_url": self.url, "stage": True}

    def holds(self, key: str, value: str) -> bool:
        return sandboxed.holds(self._visitor, f"fly app {APP}, secret", key, value)

    def exists(self, key: str) -> bool:
        return key in self._visitor.ask("state")["fly"]["apps"][APP]["secrets"]

    def poke(self, key: str, value: str) -> None:
        self._visitor.act("set_fly_secret", app=APP, name=key, value=value)

    def _token(self, allowed: bool) -> str:
        if allowed:
            return str(self._visitor.credentials["FLY_ADMIN_TOKEN"])
        return str(self._visitor.act("mint_fly_token", profile="deploy", app=OTHER_APP)["token"])


BENCHES = [FlyBench]
open_bench, stop_all = sandboxed.open_bench, sandboxed.stop
