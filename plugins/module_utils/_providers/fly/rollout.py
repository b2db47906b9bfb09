# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling update of an app's machines: each gets its own configuration back, some at a time, until one goes bad.

An update, never a restart: only an update reads the secrets anew. Like ``fly secrets deploy`` it is recorded as a
release, since ``fly secrets list`` compares secrets with the release that a machine names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from shlex import quote
from threading import Lock
from typing import Any

from ..._core.contracts import Checkpoint, Evidence
from ..._core.errors import CheckFailedError, ConflictError, NotFoundError, RotorError, UnexpectedAnswerError
from ..._core.outside_text import identifier
from . import health, release
from .client import FlyConnection
from .lease import Lease

_ATTEMPTS = 3
_LONG_POLL = 10
_ROUNDS = 5
"""How often the machines are listed anew, where others replace or update them meanwhile."""


class Rollout:
    """One reload of one app. The checkpoint holds what a later run needs to go on with it."""

    def __init__(
        self, fly: FlyConnection, app: str, version: int | None, checkpoint: Checkpoint, *, timeout: float
    ) -> None:
        """``version`` of the app's secrets is what every machine must have read at least; None: whatever there is."""
        self._fly, self._app, self._version = fly, app, version
        self._checkpoint = checkpoint
        self._timeout = timeout
        self._lock = Lock()
        recalled = checkpoint.recall()
        earlier = recalled if version and recalled.get("version") == version else {}
        self._updated: dict[str, str] = dict(earlier.get("machines", {}))
        self._launched: set[str] = set(earlier.get("launched", ()))
        self._release: Evidence | None = earlier.get("release")
        self._nonces: dict[str, str] = dict(recalled.get("nonces", {}))
        self._healthy: set[str] = set()
        """Machines that this run has seen healthy; one that its proxy stops afterwards is no failure."""
        self._all: list[str] = []

    def run(self, batch: int) -> Evidence:
        """Update machines until all that the app has now run on the new version."""
        try:
            evidence = self._roll(batch)
        except RotorError:
            self._close_release("failed")
            raise
        self._close_release("complete")
        return evidence

    def _roll(self, batch: int) -> Evidence:
        pending = self._pending()
        for _round in range(_ROUNDS):
            if not pending:
                return self._evidence()
            for start in range(0, len(pending), batch):
                self._update_batch(pending[start : start + batch])
            pending = self._pending()
        if not pending:
            return self._evidence()
        raise ConflictError(
            f"machines of fly app {self._app} are replaced or updated by somebody else all the time: "
            f"{', '.join(pending)}",
            hint=f"{self._standing()}. Run again when that is over",
        )

    def _pending(self) -> list[str]:
        """List the machines of now, those that run first, and return the ones that have yet to be updated."""
        machines = sorted(self._fly.machines(self._app), key=lambda machine: (not health.runs(machine), machine["id"]))
        self._all = [machine["id"] for machine in machines]
        self._launched |= {machine["id"] for machine in machines if health.runs(machine)}
        pending = [machine for machine in machines if not self._is_done(machine)]
        if pending and self._release is None:
            self._open_release(pending)
        return [machine["id"] for machine in pending]

    def _open_release(self, machines: Sequence[health.Machine]) -> None:
        self._release = release.create(self._fly, self._app, machines)
        if self._release:
            self._checkpoint.record({**self._evidence(), "nonces": dict(self._nonces)})

    def _close_release(self, status: str) -> None:
        if self._release:
            release.close(self._fly, self._release, status)

    def _is_done(self, machine: health.Machine) -> bool:
        """Return whether a run has updated a machine, nobody has since, and it is or was healthy."""
        name = machine["id"]
        same = self._updated.get(name) == machine["instance_id"]
        return same and (name not in self._launched or name in self._healthy or health.is_healthy(machine))

    def _update_batch(self, names: list[str]) -> None:
        with ThreadPoolExecutor(len(names)) as pool:
            futures = [pool.submit(self._update, name) for name in names]
            self._fly.clock.waits_for(f"{', '.join(names)} of fly app {self._app}")
        for future in futures:
            future.result()

    def _update(self, name: str) -> None:
        """Update one machine. One that is destroyed meanwhile is left out, and its successor is listed later."""
        try:
            with Lease(self._fly, self._app, name, self._nonces.get(name, "")) as lease:
                self._record(self._nonces, name, lease.nonce)
                instance = self._send(name, lease)
                self._record(self._updated, name, instance)
                if name in self._launched:
                    self._await_health(name, instance, lease)
        except RotorError:
            if not self._is_gone(name):
                raise
        with self._lock:
            self._nonces.pop(name, None)

    def _is_gone(self, name: str) -> bool:
        try:
            return health.is_gone(self._fly.machine(self._app, name))
        except RotorError as error:
            return isinstance(error, NotFoundError)

    def _send(self, name: str, lease: Lease) -> str:
        """Compare and set; after a conflict or a lost answer of our own, look again."""
        for _attempt in range(_ATTEMPTS - 1):
            try:
                return self._send_once(name, lease)
            except ConflictError:
                lease.keep()
        return self._send_once(name, lease)

    def _send_once(self, name: str, lease: Lease) -> str:
        machine = self._fly.machine(self._app, name)
        if not machine.get("config"):
            raise UnexpectedAnswerError(
                f"machine {name} of fly app {self._app} shows no complete configuration to update it with",
                hint=f"Its host may be unreachable: fly machine status {quote(identifier(name))}",
            )
        config = release.stamped(machine["config"], self._release or {})
        payload: dict[str, Any] = {"config": config, "current_version": machine["instance_id"]}
        if self._version is not None:
            payload["min_secrets_version"] = self._version
        if name not in self._launched:  # stopped ones stay stopped, standbys too
            payload["skip_launch"] = True
        return str(self._fly.update_machine(self._app, name, payload, lease.nonce)["instance_id"])

    def _await_health(self, name: str, instance: str, lease: Lease) -> None:
        """Wait until a machine is healthy; one that somebody else has updated meanwhile is left to the next round."""
        clock = self._fly.clock
        deadline = clock.monotonic() + self._timeout
        pauses = _pauses()
        started = False
        while True:
            left = deadline - clock.monotonic()
            if not started:
                started = self._fly.wait_started(self._app, name, instance, max(1, min(_LONG_POLL, int(left))))
            machine = self._fly.machine(self._app, name)
            if machine["instance_id"] != instance:
                return
            if health.is_healthy(machine):
                self._healthy.add(name)
                return
            if left <= 0 or health.has_ended(machine):
                raise self._bad(machine)
            lease.keep()
            if started:
                clock.sleep(min(next(pauses), max(left, 0)))

    def _bad(self, machine: health.Machine) -> CheckFailedError:
        what = "; ".join([f"state {machine['state']}", *(f"check {check}" for check in health.failing(machine))])
        command = f"fly logs --app {self._app} --machine {quote(identifier(machine['id']))}"
        return CheckFailedError(
            f"machine {machine['id']} of fly app {self._app} is not well on its new version ({what})",
            hint=f"{self._standing()}. See: {command}",
        )

    def _standing(self) -> str:
        new = sum(name in self._updated for name in self._all)
        return f"{new} of {len(self._all)} machines have the new version, {len(self._all) - new} still the old one"

    def _record(self, where: dict[str, str], name: str, fact: str) -> None:
        with self._lock:
            where[name] = fact
            self._checkpoint.record({**self._evidence(), "nonces": dict(self._nonces)})

    def _evidence(self) -> Evidence:
        machines = {name: self._updated[name] for name in self._all if name in self._updated}
        launched = sorted(self._launched & set(self._all))
        made = {"release": self._release} if self._release else {}
        return {"version": self._version, "machines": machines, "launched": launched, **made}


def _pauses() -> Iterator[float]:
    return chain((0.1, 0.2, 0.4, 0.8), repeat(1.5))
