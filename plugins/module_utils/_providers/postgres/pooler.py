# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consumer ``pgbouncer``: a pooler that reads its list of users anew, by a command on its console.

Source: PgBouncer's documentation of the admin console, pgbouncer.org/usage.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ..._core import durations
from ..._core.contracts import Checkpoint, Consumer, Evidence, Options, Schema, Written
from ..._core.errors import RotorError
from .client import CONSOLE, PostgresConnection

_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}
_WITHIN, _EVERY = "2m", 1.0


class Pooler(Consumer):
    schema = Schema(
        {
            "reconnect": {
                "type": "boolean",
                "default": True,
                "description": "Whether it opens its server connections anew, each as it comes free. With session "
                "pooling, that is when its client leaves.",
            },
            "within": _DURATION | {"default": _WITHIN, "description": "How long to wait for those of before to close."},
        }
    )
    connection: PostgresConnection

    @classmethod
    def label(cls, options: Options) -> str:
        return "PgBouncer"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return durations.parse(options.get("within", _WITHIN))

    @property
    def _reconnects(self) -> bool:
        return bool(self.options.get("reconnect", True))

    def health_problems(self) -> list[str]:
        if not self.connection.is_console:
            return [f"its connection leads to {self.connection.server}; name database: {CONSOLE}"]
        self.connection.probe()
        return []

    def preview(self) -> list[str]:
        if not self._reconnects:
            return ["RELOAD; its server connections stay"]
        count = len(self.connection.query("counting server connections", "SHOW SERVERS"))
        return [f"RELOAD and RECONNECT; {count} server connections are opened anew as they come free"]

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        """Have the list read, and every server connection of before closed (WAIT_CLOSE, which nobody could stop)."""
        commands = ["RELOAD", "RECONNECT"] if self._reconnects else ["RELOAD"]
        with self.connection.session("having PgBouncer read its files") as session:
            for command in commands:
                session.execute(command)
        if not self._reconnects:
            return {"reconnected": False}
        if self.clock.poll(self._closed, every=_EVERY, within=self.longest(self.options).total_seconds()) is None:
            raise RotorError(
                f"PgBouncer has read its files, and uses {self._left()} of its server connections of before",
                hint="Run again once their clients have left; with session pooling, say reconnect: false",
            )
        return {"reconnected": True}

    def summary(self, evidence: Evidence) -> str:
        return "its files are read" + ("; all server connections are new" if evidence["reconnected"] else "")

    def _closed(self) -> bool | None:
        return None if self._left() else True

    def _left(self) -> int:
        """Count the server connections that are to close."""
        with self.connection.session("looking at PgBouncer's server connections") as session:
            found = session.execute("SHOW SERVERS")
            column = [about.name for about in found.description].index("close_needed")
            return sum(bool(int(row[column])) for row in found.fetchall())
