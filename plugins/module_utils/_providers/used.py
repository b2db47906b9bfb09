# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that the provider has seen a use of the new credential that was not ours."""

from __future__ import annotations

from datetime import datetime, timedelta

from .._core import durations
from .._core.contracts import Check, Checkpoint, Evidence, Options, Provider, Schema
from .._core.credential import Credential
from .._core.errors import CheckFailedError

_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}


class Used(Check):
    """Wait for a use after the moment at which the check began, by the provider's clock; we show nothing in between.

    Whoever runs it again begins anew, since ``status`` may have shown the credential meanwhile.
    """

    connected = False
    asks_issuer = True
    schema = Schema(
        {
            "within": _DURATION | {"default": "10m", "description": "How long to wait for a use."},
            "every": _DURATION | {"default": "15s", "description": "The pause between two questions."},
        }
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return "a use of the new credential, as its provider lists it"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return durations.parse(options.get("within", "10m"))

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if self.issuer is None or credential is None:
            raise CheckFailedError("nobody can say of which credential to look for a use")
        self._last_use(credential)  # the answer tells its provider's time
        since = self._now()

        def used() -> datetime | None:
            last = self._last_use(credential)
            return last if last and last > since else None

        within = durations.parse(self.options.get("within", "10m")).total_seconds()
        every = durations.parse(self.options.get("every", "15s")).total_seconds()
        found = self.clock.poll(used, every=every, within=within)
        if found is None:
            raise CheckFailedError(
                f"its provider has not seen {credential.name} in use since {since:%Y-%m-%d %H:%M:%S}",
                hint="Have whatever runs on it use it, and run again; a provider may tell of a use late",
            )
        return {"last_used_at": found.isoformat()}

    def _now(self) -> datetime:
        connection = self.issuer.connection if self.issuer else None
        return (connection.server_time() if connection else None) or self.clock.now()

    def _last_use(self, credential: Credential) -> datetime | None:
        listed = self.issuer.listed() if self.issuer else []
        return next((one.last_used_at for one in listed if one.id == credential.id), None)


PROVIDER = Provider("Last use", checks={"used": Used})
