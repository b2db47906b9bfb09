# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection ``postgres``: a role that may change the passwords of others, or its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..._core import postgres
from ..._core.clock import Clock
from ..._core.contracts import Connection, Options, Schema
from ..._core.http import certificates
from ..._core.references import SCHEMA as CREDENTIAL

_TEXT = {"type": "string", "minLength": 1}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535, "default": postgres.PORT, "description": "Its port."}
POOLER_PORT = 6432
CONSOLE = "pgbouncer"
"""The database that PgBouncer has for whoever administrates it."""
_SECONDS = 60
"""What a statement may take, as one that waits for a lock of somebody else's does."""
_WHO = "SELECT current_user, current_setting('server_version'), clock_timestamp()"
_SESSIONS = """
SELECT usename, count(*) FROM pg_stat_activity WHERE usename = ANY (%s) AND application_name <> %s GROUP BY usename
"""


class PostgresConnection(Connection):
    schema = Schema(
        {
            "host": {**_TEXT, "description": "Where the server listens; beyond loopback, TLS is verified in full."},
            "port": PORT,
            "database": {**_TEXT, "default": "postgres", "description": "The database to sign in to."},
            "user": {**_TEXT, "description": "The role that changes passwords."},
            "password": CREDENTIAL,
            "replicas": {
                "type": "array",
                "items": {"type": "string", "pattern": r"^[^\s:]+(:[0-9]{1,5})?$"},
                "description": "Other servers, as HOST or HOST:PORT, on which sessions are looked for, too.",
            },
            "poolers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "host": {**_TEXT, "description": "Where the pooler listens."},
                        "port": {**PORT, "default": POOLER_PORT},
                        "database": {**_TEXT, "description": "A database of its roles; the connection's unless said."},
                    },
                    "required": ["host"],
                    "additionalProperties": False,
                },
                "description": "What roles log in through: a password has ended once none of these takes it, either.",
            },
            "ca_cert": certificates.SCHEMA,
        },
        required=("host", "user", "password"),
    )
    references = ("password",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        port, ca_cert = options.get("port", postgres.PORT), certificates.checked(options.get("ca_cert"))
        via, database = options["via"].take() if options.get("via") else None, options.get("database", "postgres")
        self.server = postgres.Server(options["host"], port, database, ca_cert, via=via)
        self._user, self._password = options["user"], options["password"]
        self._replicas = [self._at(place) for place in options.get("replicas", ())]
        self.poolers = [self._pooler(place) for place in options.get("poolers", ())]
        self.is_console = self.server.database == CONSOLE
        self._time: datetime | None = None

    def probe(self) -> str:
        if self.is_console:
            [(version,)] = self.query(f"signing in to {self.server}", "SHOW VERSION")
            return f"console of {version}"
        with self.session(f"signing in to {self.server}") as session:
            user, version, time = session.execute(_WHO).fetchone()
        self._time = postgres.moment(time)
        return f"role {user} on PostgreSQL {version}"

    def server_time(self) -> datetime | None:
        return self._time

    @contextmanager
    def session(self, doing: str, server: postgres.Server | None = None) -> Iterator[Any]:
        """Open a session of the connection's role; an error of a statement in it becomes one of ours."""
        with postgres.told(doing), (server or self.server).connect(doing, self._user, self._password) as session:
            if not self.is_console:  # which knows its own commands, and nothing else
                session.execute("SELECT set_config('statement_timeout', %s, false)", (f"{_SECONDS}s",))
            yield session

    def query(self, doing: str, text: str, values: Any = ()) -> list[Any]:
        """Return the rows of one query."""
        with self.session(doing) as session:
            rows: list[Any] = session.execute(text, values or None).fetchall()
            return rows

    def sessions(self, roles: list[str]) -> Counter[str]:
        """Count the sessions of each role, on the replicas as well; without our own."""
        counts: Counter[str] = Counter()
        for server in (self.server, *self._replicas):
            with self.session(f"looking for sessions of {', '.join(roles)}", server) as session:
                counts.update(dict(session.execute(_SESSIONS, (roles, postgres.APPLICATION)).fetchall()))
        return counts

    def _pooler(self, place: Options) -> postgres.Server:
        return replace(self.server, **{"port": POOLER_PORT, **place})

    def _at(self, place: str) -> postgres.Server:
        host, _colon, port = place.rpartition(":") if ":" in place else (place, "", str(self.server.port))
        return replace(self.server, host=host, port=int(port))
