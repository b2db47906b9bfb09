# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``vault``: the server is up and unsealed. One that was restarted is sealed, and reads and writes nothing.

Source: ``GET /v1/sys/seal-status`` of HashiCorp's OpenAPI document, and of OpenBao, which answers without a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..._core import durations
from ..._core.contracts import Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.errors import CheckFailedError, UnavailableError, UntrustedServerError
from .client import VaultConnection

_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}
_WITHIN, _EVERY = "1m", "5s"
_BY_HAND = "shamir"


class Unsealed(Check):
    schema = Schema(
        {
            "within": {
                **_DURATION,
                "default": _WITHIN,
                "description": "How long to wait for a server that starts, and unseals itself if it can.",
            },
            "every": {**_DURATION, "default": _EVERY, "description": "The pause between two looks."},
        }
    )
    connection: VaultConnection

    @classmethod
    def label(cls, options: Options) -> str:
        return "Vault is unsealed"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return durations.parse(options.get("within", _WITHIN))

    def preflight(self) -> list[str]:
        problem = self._problem()
        return [str(problem)] if problem else []

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        last: list[CheckFailedError] = []

        def unsealed() -> bool | None:
            last[:] = filter(None, [self._problem()])
            if last:
                self.clock.waits_for(last[0].message)
            return None if last else True

        within, every = (
            durations.parse(self.options.get(name, default)).total_seconds()
            for name, default in (("within", _WITHIN), ("every", _EVERY))
        )
        if not self.clock.poll(unsealed, every=every, within=within):
            raise last[0]
        return {"at": self.connection.server}

    def _problem(self) -> CheckFailedError | None:
        where = f"Vault at {self.connection.server}"
        try:
            seal = self.connection.seal()
        except UntrustedServerError:
            raise
        except UnavailableError as error:
            return CheckFailedError(f"{where} does not answer: {error.message}", hint="Start it, and run again")
        if not seal["initialized"]:
            return CheckFailedError(f"{where} was never initialized", hint="Initialize it (operator init)")
        return _sealed(where, self.connection.server, seal) if seal["sealed"] else None


def _sealed(where: str, server: str, seal: Mapping[str, Any]) -> CheckFailedError:
    """Say how it is unsealed, and why by others: a seal that a machine can open protects nothing."""
    if seal["type"] != _BY_HAND:
        hint = f"It unseals itself by {seal['type']}: its log says why it does not. Mend that, and run again"
        return CheckFailedError(f"{where} is sealed", hint=hint)
    given, needed = seal.get("progress") or 0, seal.get("t")
    return CheckFailedError(
        f"{where} is sealed, with {given} of the {needed} keys that it takes",
        hint=f"Those who hold the keys run, each with their own, vault operator unseal -address={server} until it says "
        "Sealed false. They are asked for by nobody here: keys that a job can reach would make the seal worthless. "
        "Then run again",
    )
