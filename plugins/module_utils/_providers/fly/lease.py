# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's lease: nobody else changes the machine while it is held."""

from __future__ import annotations

import contextlib
from typing import Any

from ..._core import masking
from ..._core.errors import ConflictError, OutcomeUnknownError, RotorError
from .client import FlyConnection

_SECONDS = 30  # short, since a run that is killed cannot give it back
_PATIENCE = 90


class Lease:
    """A lease, held inside ``with``. A killed run's lease is taken up by its nonce."""

    def __init__(self, fly: FlyConnection, app: str, machine: str, nonce: str = "") -> None:
        self.nonce = nonce
        self._fly, self._app, self._machine = fly, app, machine
        self._since = 0.0

    def __enter__(self) -> Lease:
        if not self._fly.clock.poll(self._take, every=2, within=_PATIENCE):
            raise ConflictError(
                f"machine {self._machine} of fly app {self._app} is leased by {self._holder()}",
                hint="Somebody else is changing it, or was cut off while doing so. Run again when that is over",
            )
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(RotorError):  # also where a stopped run sends nothing more: the nonce is on record
            self._fly.release(self._app, self._machine, self.nonce)

    def keep(self) -> None:
        """Refresh the lease in good time. A lost one does no harm: ``current_version`` guards the update."""
        if self._fly.clock.monotonic() - self._since > _SECONDS / 2:
            self._take()

    def _take(self) -> bool | None:
        since = self._fly.clock.monotonic()
        try:
            self.nonce = self._fly.lease(self._app, self._machine, self.nonce, _SECONDS)
        except (ConflictError, OutcomeUnknownError):  # after a lost answer it may be we who hold it: until it expires
            return None
        self._since = since
        return True

    def _holder(self) -> str:
        lease: dict[str, Any] = self._fly.machine(self._app, self._machine, leases=True).get("lease") or {}
        owner, why = lease.get("owner") or "somebody unknown", lease.get("description")
        return masking.scrub(" ".join(f"{owner} ({why})".split()) if why else owner)[:120]
