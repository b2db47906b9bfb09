# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Fly app as a consumer: its machines run with the secrets of the moment at which they were last updated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..._core.contracts import Checkpoint, Consumer, Evidence, Options, Schema, Written
from . import health
from .client import APP, FlyConnection, moment
from .rollout import Rollout

_UNPROVEN = "nothing has to be reloaded, and nothing here will prove the new value"


class FlyApp(Consumer):
    where = ("app",)
    schema = Schema(
        properties={
            "app": APP,
            "batch": {
                "type": "integer",
                "minimum": 1,
                "default": 1,
                "description": "How many machines are updated at once.",
            },
            "timeout": {
                "type": "integer",
                "minimum": 1,
                "default": 300,
                "description": "Seconds within which an updated machine must have started and pass its checks.",
            },
        },
        required=("app",),
    )
    connection: FlyConnection

    @property
    def _app(self) -> str:
        return str(self.options["app"])

    @property
    def _batch(self) -> int:
        return int(self.options.get("batch", 1))

    @classmethod
    def label(cls, options: Options) -> str:
        return f"fly app {options['app']}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return timedelta(seconds=options.get("timeout", 300))

    def health_problems(self) -> list[str]:
        """Report machines that are not well; an app of which none runs has nothing to reload, and is not ill."""
        return [what for machine in self._machines() for what in health.ailments(machine)]

    def preview(self) -> list[str]:
        machines = self._machines()
        if not machines:
            return [f"no machines: {_UNPROVEN}"]
        running, failed = (sum(map(are, machines)) for are in (health.runs, health.has_failed))
        stopped = len(machines) - running - failed
        rest = ", ".join([f"{stopped} stopped stays stopped"] * bool(stopped) + [f"{failed} failed"] * bool(failed))
        pace = "one at a time" if self._batch == 1 else f"{self._batch} at a time"
        lines = [f"{_count(len(machines))}, {pace}" + (f" ({rest})" if rest else "")]
        if not running:
            lines.append(f"none of them runs: {_UNPROVEN}")
        if staged := self._staged(machines):
            lines.append(f"goes live as well, set since the last update of its machines: {', '.join(staged)}")
        return lines

    def instances(self, written: Sequence[Written]) -> Mapping[str, str]:
        if version := self._version(written):
            self.connection.await_version(self._app, version)
        return {machine["id"]: machine["instance_id"] for machine in self.connection.machines(self._app)}

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        version, timeout = self._version(written), self.options.get("timeout", 300)
        return Rollout(self.connection, self._app, version, checkpoint, timeout=timeout).run(self._batch)

    def _version(self, written: Sequence[Written]) -> int | None:
        mine = [copy for copy in written if copy.store == "fly" and copy.container["app"] == self._app]
        return max((copy.evidence.get("version", 0) for copy in mine), default=0) or None

    def summary(self, evidence: Evidence) -> str:
        total, launched = len(evidence["machines"]), len(evidence["launched"])
        if not launched:
            return f"{_count(total)}, none of which runs" if total else "no machines: nothing to reload"
        rest = f", {total - launched} stopped will when started" if total > launched else ""
        return f"{launched} of {_count(launched)} run{'s' if launched == 1 else ''} on it{rest}"

    def lags(self, since: datetime) -> bool:
        """Return whether a machine was last updated before ``since``, and so lacks what was set then."""
        updates = [moment(machine.get("updated_at")) for machine in self.connection.machines(self._app)]
        return any(update is None or update < since for update in updates)

    def _machines(self) -> list[dict[str, Any]]:
        return self.connection.recent.get(f"machines {self._app}", lambda: self.connection.machines(self._app))

    def _staged(self, machines: Sequence[health.Machine]) -> list[str]:
        """Find staged secrets: those set after every machine's last update."""
        latest = max(filter(None, (moment(machine.get("updated_at")) for machine in machines)), default=None)
        secrets = self.connection.recent.get(f"secrets {self._app}", lambda: self.connection.secrets(self._app))
        dates = {name: moment(facts.get("updated_at")) for name, facts in secrets.items()}
        return sorted(name for name, date in dates.items() if date and latest and date > latest)


def _count(machines: int) -> str:
    return f"{machines} machine{'' if machines == 1 else 's'}"
