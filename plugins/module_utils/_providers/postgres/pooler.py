# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consumer ``pgbouncer``: a pooler that reads its list of users anew, by a command on its console.

Source: PgBouncer's documentation of the admin console, pgbouncer.org/usage.html.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
                "default": False,
                "description": "Whether it opens its server connections anew, each as it comes free. For the one "
                "role of postgres_role: those of before would hide that the new password is refused.",
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
        return bool(self.options.get("reconnect", False))

    def health_problems(self) -> list[str]:
        if not self.connection.is_console:
            return [f"its connection leads to {self.connection.server}; name database: {CONSOLE}"]
        self.connection.probe()
        return []

    def preview(self) -> list[str]:
        lines = ["RELOAD; its server connections stay"]
        if self._reconnects:
            count = len(self._rows("SHOW SERVERS"))
            lines = [f"RELOAD and RECONNECT; {count} server connections are opened anew as they come free"]
        databases = [
            (row["name"], int(row["max_connections"]), int(row["current_connections"]))
            for row in self._rows("SHOW DATABASES")
        ]
        return lines + [
            f"max_db_connections of {name} is {most}, of which {used} are in use; a second role has a pool of its own"
            for name, most, used in databases
            if 0 < most < 2 * used
        ]

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        """Have its files read, and with ``reconnect`` every server connection of before closed.

        That is what WAIT_CLOSE waits for, which nobody could stop.
        """
        with self.connection.session("having PgBouncer read its files") as session:
            session.execute("RELOAD")
        if not self._reconnects:
            return {"reconnected": False}
        self._reconnect()
        if self._poll(lambda: not self._count(close_needed="1")) is None:
            raise RotorError(
                f"PgBouncer has read its files, and uses {self._count(close_needed='1')} of its server connections of "
                "before",
                hint="Run again once their clients have left; with session pooling, say reconnect: false",
            )
        return {"reconnected": True}

    def _reconnect(self) -> None:
        """Order new server connections while none is logging in: one that is cut off fails the clients that wait."""
        if self._poll(lambda: not self._count(state="new")) is None:
            raise RotorError("PgBouncer has read its files, and is logging in to the server all the time")
        with self.connection.session("having PgBouncer reconnect") as session:
            session.execute("RECONNECT")

    def _poll(self, done: Callable[[], bool]) -> bool | None:
        within = self.longest(self.options).total_seconds()
        return self.clock.poll(lambda: done() or None, every=_EVERY, within=within)

    def summary(self, evidence: Evidence) -> str:
        return "its files are read" + ("; all server connections are new" if evidence["reconnected"] else "")

    def _count(self, **wanted: str) -> int:
        """Count the server connections of which PgBouncer shows these columns."""
        return sum(row.items() >= wanted.items() for row in self._rows("SHOW SERVERS"))

    def _rows(self, command: str) -> list[dict[str, str]]:
        with self.connection.session(f"asking PgBouncer: {command}") as session:
            found = session.execute(command)
            names = [column.name for column in found.description]
            return [dict(zip(names, map(str, row), strict=True)) for row in found.fetchall()]
