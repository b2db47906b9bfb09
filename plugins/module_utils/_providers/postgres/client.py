# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection ``postgres``: a role that may change the passwords of others, or its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..._core import postgres
from ..._core.clock import Clock
from ..._core.contracts import Connection, Options, Schema
from ..._core.forwards import OPTION, Way
from ..._core.http import certificates
from ..._core.references import SCHEMA as CREDENTIAL
from .command import SECONDS, CommandServer

_TEXT = {"type": "string", "minLength": 1}
_COMMAND = {
    "type": "object",
    "properties": {
        "host": {**_TEXT, "description": "The inventory host."},
        "command": {
            "type": "array",
            "items": _TEXT,
            "minItems": 1,
            "description": "What runs psql there: [docker, exec, -i, NAME, psql, -U, postgres].",
        },
    },
    "required": ["host", "command"],
    "additionalProperties": False,
}
_LOGIN = ("host", "user", "password")
_BY_COMMAND = ("type", OPTION, "database")
"""What is said of a server that is reached by a command."""
PORT = {"type": "integer", "minimum": 1, "maximum": 65535, "default": postgres.PORT, "description": "Its port."}
POOLER_PORT = 6432
MADE_AT = "made_at"
"""The fact of a credential that tells when its password was made."""
CONSOLE = "pgbouncer"
"""The database that PgBouncer has for whoever administrates it."""
_SETTINGS = """
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
  pg_catalog.set_config('statement_timeout', %s, false)
"""
"""First of all: whoever may create operators in a schema of the search path would have them run with our rights."""
_WHO = "SELECT current_user, current_setting('server_version'), clock_timestamp()"
_SESSIONS = """
SELECT usename, count(*) FROM pg_stat_activity WHERE usename = ANY (%s) AND application_name <> %s GROUP BY usename
"""
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"


class PostgresConnection(Connection):
    where = ("host", "port")
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
            OPTION: {
                "oneOf": [_TEXT, _COMMAND],
                "description": "The inventory host behind which it is. With a command, that is run there for each "
                "statement, which goes in on its standard input; it logs in by itself, and takes the place of host, "
                "port, user and password.",
            },
        },
    )
    references = ("password",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        via = options[OPTION].take() if options.get(OPTION) else None
        self.server = CommandServer(via, options.get("database", "")) if via and via.command else _server(options, via)
        self._login: tuple[Any, Any] = options.get("user"), options.get("password")
        self._replicas = [self._at(place) for place in options.get("replicas", ())]
        self.poolers = [self._pooler(place) for place in options.get("poolers", ())]
        self.is_console = options.get("database") == CONSOLE
        self._time: datetime | None = None
        self._clock = clock

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        if isinstance(options.get(OPTION), Mapping):
            unused = [name for name in options if name not in _BY_COMMAND]
            problems = [f"{name}: is not used where a command of {OPTION} is run" for name in unused]
            is_console = options.get("database") == CONSOLE
            return [*problems, *([f"database: {CONSOLE}'s console is not reached by a command"] if is_console else [])]
        missing = [f"missing option {name}" for name in _LOGIN if name not in options]
        return [*missing, *super().validate(options)]

    @classmethod
    def relies_on(cls, options: Options) -> tuple[str, ...]:
        return (options["user"],) if "user" in options else ()

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
    def session(self, doing: str, server: postgres.Server | None = None, database: str = "") -> Iterator[Any]:
        """Open a session of the connection's role; an error of a statement in it becomes one of ours."""
        self._clock.check()
        known: Any = server or self.server
        known = replace(known, database=database) if database else known
        if isinstance(known, CommandServer):
            with known.session(doing) as session:
                yield session
            return
        with postgres.told(doing), known.connect(doing, *self._login) as session:
            if not self.is_console:  # which knows its own commands, and nothing else
                session.execute(_SETTINGS, (f"{SECONDS}s",))
            yield session

    def query(self, doing: str, text: str, values: Any = ()) -> list[Any]:
        """Return the rows of one query."""
        with self.session(doing) as session:
            rows: list[Any] = session.execute(text, values or None).fetchall()
            return rows

    def sessions(self, roles: list[str]) -> Counter[str]:
        """Count the sessions of each role, on the replicas as well; without our own."""
        counts: Counter[str] = Counter()
        for server in (None, *self._replicas):
            with self.session(f"looking for sessions of {', '.join(roles)}", server) as session:
                counts.update(dict(session.execute(_SESSIONS, (roles, postgres.APPLICATION)).fetchall()))
        return counts

    def terminate(self, role: str) -> None:
        """End the sessions of a role, on the replicas as well."""
        for server in (None, *self._replicas):
            with self.session(f"ending sessions of {role}", server) as session:
                session.execute(_TERMINATE, (role,))

    def _pooler(self, place: Options) -> postgres.Server:
        server: Any = self.server
        found: postgres.Server = replace(server, **{"port": POOLER_PORT, **place})
        return found

    def _at(self, place: str) -> postgres.Server:
        server: Any = self.server
        host, _colon, port = place.rpartition(":") if ":" in place else (place, "", str(server.port))
        found: postgres.Server = replace(server, host=host, port=int(port))
        return found


def _server(options: Options, via: Way | None) -> postgres.Server:
    port, ca_cert = options.get("port", postgres.PORT), certificates.checked(options.get("ca_cert"))
    return postgres.Server(options["host"], port, options.get("database", "postgres"), ca_cert, via=via)
