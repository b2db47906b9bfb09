# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks ``postgres``, a statement with the new credential, and ``postgres_sessions``, who runs on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..._core import durations, errors, postgres
from ..._core.contracts import Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.deps import library
from .client import MADE_AT, PORT, PostgresConnection
from .command import CommandServer

_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}
_AGE = "SELECT extract(epoch FROM clock_timestamp() - backend_start) FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_AS_ITSELF = "SET LOCAL ROLE NONE; SET LOCAL search_path = pg_catalog, pg_temp"
_BEGIN = "BEGIN; SAVEPOINT rotor_secrets"
_END = f"""
ROLLBACK TO rotor_secrets; {_AS_ITSELF};
SELECT pg_terminate_backend(pg_backend_pid()) WHERE pg_backend_pid() <> {{}}
"""
_TEXT = {"type": "string", "minLength": 1}


class SignIn(Check):
    schema = Schema(
        {
            "host": {
                **_TEXT,
                "description": "Where to sign in, the connection's unless said: such as a pooler.",
            },
            "port": PORT,
            "database": {**_TEXT, "description": "The database, the connection's unless said."},
            "statement": {**_TEXT, "default": "SELECT 1", "description": "What to run; it has to end without error."},
        }
    )
    connection: PostgresConnection

    @classmethod
    def label(cls, options: Options) -> str:
        where = f" at {options['host']}" if "host" in options else ""
        return f"a statement in PostgreSQL{where}"

    def preflight(self) -> list[str]:
        if isinstance(self.connection.server, CommandServer):
            return ["a check of type postgres signs in over the network, and its connection runs a command"]
        return []

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if credential is None:
            self.connection.probe()
            return {}
        known = self.connection.server
        if isinstance(known, CommandServer):
            raise errors.CheckFailedError("; ".join(self.preflight()))
        given = {name: self.options[name] for name in ("host", "port", "database") if name in self.options}
        server, fields = replace(known, **given), credential.fields
        role = fields["username"].reveal()
        doing = f"running a statement as {role}"
        statement = self.options.get("statement", "SELECT 1")
        with postgres.told(doing), self._signed_in(server, doing, role, credential) as session:
            if server == self.connection.server:
                session.execute(statement)
                return {"at": str(server)}
            with _ended(session):
                session.execute(statement)
                self._refuse_older(session, server, credential)
        return {"at": str(server)}

    def _refuse_older(self, session: Any, server: postgres.Server, credential: Credential) -> None:
        """CheckFailedError where a pooler uses a session that is older than the password: it shows nothing of that.

        Ages are compared, and no clocks: who acts as another role sees the start of its own session as itself only.
        """
        made_at = credential.facts.get(MADE_AT)
        if not made_at:
            return
        session.execute(_AS_ITSELF)
        [age] = session.execute(_AGE).fetchone()
        if timedelta(seconds=float(age)) > self.clock.now() - datetime.fromisoformat(made_at):
            raise errors.CheckFailedError(
                f"{server} was asked through a session that is older than the password, which shows nothing of it",
                hint="Have the pooler open its server connections anew (reconnect: true), and run again",
            )

    def _signed_in(self, server: postgres.Server, doing: str, role: str, credential: Credential) -> Any:
        self.clock.check()
        try:
            return server.sign_in(doing, role, credential.fields["password"])
        except errors.AuthenticationError as error:
            raise errors.CheckFailedError(error.message) from None


@contextmanager
def _ended(session: Any) -> Iterator[None]:
    """Open a transaction for the block, and end the server's session that a pooler uses for it.

    The pooler would keep that session: without our name it looks like a consumer's, and with our name a consumer that
    is given it looks like us. Only a transaction keeps block and end together. A pooler has told a process id of its
    own; where the server has told its own, the session ends by being closed.
    """
    session.execute(_BEGIN)
    try:
        yield
    finally:
        with suppress(library("psycopg").OperationalError):  # with the session, ours breaks
            session.execute(_END.format(session.info.backend_pid))


class Sessions(Check):
    schema = Schema(
        {
            "least": {"type": "integer", "minimum": 1, "default": 1, "description": "How many sessions it takes."},
            "within": _DURATION | {"default": "2m", "description": "How long to wait for them."},
            "every": _DURATION | {"default": "5s", "description": "The pause between two looks."},
        }
    )
    connection: PostgresConnection

    @classmethod
    def label(cls, options: Options) -> str:
        return "sessions of the consumers on the new role"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return durations.parse(options.get("within", "2m"))

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if credential is None:
            raise errors.CheckFailedError("nobody can say of which role to look for sessions")
        role, least = credential.fields["username"].reveal(), self.options.get("least", 1)

        def enough() -> int | None:
            count = self.connection.sessions([role])[role]
            return count if count >= least else None

        within = durations.parse(self.options.get("within", "2m")).total_seconds()
        every = durations.parse(self.options.get("every", "5s")).total_seconds()
        found = self.clock.poll(enough, every=every, within=within)
        if found is None:
            raise errors.CheckFailedError(
                f"fewer than {least} sessions run on role {role}",
                hint="See whether the consumers have read their copy, and run again",
            )
        return {"sessions": found}
