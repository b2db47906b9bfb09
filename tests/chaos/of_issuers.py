# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene of an issuer that has a bench."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Maker
from tests.conformance.issuers.bench import IssuerBench
from tests.integration.issued import Issued, arrange

from .scenes import Scene, Servers


class OfIssuer(Scene):
    secrets = ("SERVICE_KEY",)

    def __init__(self, bench: IssuerBench, home: Path) -> None:
        self._bench = bench
        super().__init__(bench.world, home, Servers())

    def arrange(self) -> None:
        self._issued = Issued(self._bench, self.secrets[0])
        arrange(self.desk, [self._issued])

    def values(self) -> list[str]:
        """No id that a provider gives is a secret, nor what a connection is told beside its credential."""
        shown = json.dumps(dict(self._bench.connection()), default=lambda _secret: None)
        secret = {value for value in super().values() if json.dumps(value) not in shown}
        return sorted(secret - {self._issued.old, *(key["id"] for key in self._issued.alive())})

    def mints(self) -> dict[str, str]:
        """By their numbers; a value of ours may be set again, and the ledger alone knows of it."""
        if self._issued.traits.value is not Maker.PROVIDER:
            return self._query("SELECT name, secret FROM credentials")
        return {f"mint {number}": self.secrets[0] for number in range(self._issued.minted())}

    def recorded(self) -> set[str]:
        if self._issued.traits.value is not Maker.PROVIDER:
            return set(self.mints())
        known = self._query("SELECT name, secret FROM credentials WHERE origin = 'minted'")
        return {f"mint {number}" for number in range(len(known))}

    def assert_at_rest(self) -> None:
        self._issued.assert_at_rest()
