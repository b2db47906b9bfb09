# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger in PostgreSQL: its connections, and the detection of proxies that share sessions between clients."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ....module_utils._core import masking
from ....module_utils._core.credential import SecretValue
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError, LedgerError

SCHEMES = ("postgresql://", "postgresql+psycopg://")
_WRITER_LOCK = 7_302_514_993_060_117
"""The advisory lock of a transaction that writes: one at a time, since each row of the audit log follows the last."""
_PROBES = 5
_OWNER_SETTING = "rotor.session"
_SETTINGS = {
    "synchronous_commit": "on",
    "lock_timeout": "60s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "20s",  # a process that is stopped in a transaction must not stop the others
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_CONNECT = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "prepare_threshold": None,
}


_RIGHTS = """
SELECT wanted, found.relname
FROM unnest(%s::text[]) AS name JOIN pg_class AS found ON found.oid = to_regclass(name)
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'owner of']) AS wanted
WHERE CASE wanted WHEN 'owner of' THEN pg_has_role(found.relowner, 'USAGE')
  ELSE has_table_privilege(found.oid, wanted) END
UNION SELECT 'USAGE', found.relname
FROM unnest(%s::text[]) AS name JOIN pg_depend ON refobjid = to_regclass(name)
JOIN pg_class AS found ON found.oid = objid
WHERE CASE found.relkind WHEN 'S' THEN has_sequence_privilege(found.oid, 'USAGE') END
"""


class ServerSession(NamedTuple):
    """A session of the server: the id of its process, and the token of the owner of its locks."""

    process: int
    owner: str


def parse_url(text: str, password: SecretValue | None) -> Any:
    """Parse the URL into SQLAlchemy's, with its password known to the masking."""
    sa = library("sqlalchemy")
    try:
        url = sa.make_url(text).set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigurationError(
            "secret_ledger.url cannot be read", hint="Write postgresql+psycopg://user@host:5432/database"
        ) from None
    if "password" in url.query:
        raise ConfigurationError(
            "secret_ledger.url has a password among its options", hint="Give it as secret_ledger.password"
        )
    password = password or (SecretValue(str(url.password)) if url.password else None)
    return url.set(password=password.reveal()) if password else url


def server_time(connection: Any) -> datetime | None:
    """Read the database server's clock with ``clock_timestamp()``; None where the database is a file."""
    if connection.dialect.name != "postgresql":
        return None
    sa = library("sqlalchemy")
    time: datetime = connection.scalar(sa.select(sa.func.clock_timestamp()))
    return time.astimezone(UTC)


def label(url: Any) -> str:
    """Render the URL for people, without its password and options."""
    bare = library("sqlalchemy").URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return str(bare.render_as_string())


def lacking(url: Any, tables: Collection[str], user: str, password: SecretValue) -> list[str]:
    """Name what ``user`` may not do in the ledger's tables, and the user of ``url`` may; signs in as both."""
    theirs, ours = (_rights(one, tables) for one in (url.set(username=user, password=password.reveal()), url))
    return sorted(ours - theirs)


def _rights(url: Any, tables: Collection[str]) -> set[str]:
    """Read which rights a user has in these tables and their sequences, and whose owner it may act as."""
    sa, psycopg = library("sqlalchemy"), library("psycopg")
    engine = sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool, connect_args=_CONNECT)
    try:
        with closing(own_connection(engine)) as connection:
            found = connection.execute(_RIGHTS, (list(tables), list(tables))).fetchall()
    except (psycopg.Error, LedgerError) as error:
        raise ConfigurationError(
            f"looking at the rights in {label(url)}: {masking.scrub(str(error)).partition(chr(10))[0]}"
        ) from None
    return {f"{right} {table}" for right, table in found}


def make_engine(url: Any, holder: str, readonly: bool) -> Any:
    """Make SQLAlchemy's engine, with a pool of two: transactions that write wait for each other anyhow."""
    sa = library("sqlalchemy")
    library("psycopg")
    pool = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 120, "pool_pre_ping": True}
    arguments = {**_CONNECT, "application_name": f"rotor.secrets {holder}"[:63]}
    isolation = "REPEATABLE READ" if readonly else "READ COMMITTED"
    engine = sa.create_engine(url, hide_parameters=True, isolation_level=isolation, connect_args=arguments, **pool)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        for name, value in _SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.autocommit = False
        connection.read_only = readonly

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if not readonly:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")

    return engine


def own_connection(engine: Any) -> Any:
    """Open a psycopg connection outside the pool, with autocommit."""
    try:
        pooled = engine.raw_connection()
    except library("psycopg").Error as error:
        raise LedgerError(masking.scrub(str(error)).partition("\n")[0]) from None
    connection = pooled.driver_connection
    pooled.detach()
    connection.autocommit = True
    return connection


def session_of(connection: Any) -> ServerSession:
    """Read the session that answers now; its owner is empty where none was set."""
    query = f"SELECT pg_backend_pid(), current_setting('{_OWNER_SETTING}', true)"
    process, owner = connection.execute(query).fetchone()
    return ServerSession(process, owner or "")


def claim_session(connection: Any, owner: str) -> ServerSession:
    """Set the session's owner; raise ConfigurationError if another client has set one.

    The server takes two clients of one session for one, and would give each of them the locks of the other.
    """
    process, others = session_of(connection)
    if others:
        raise pooling_error()
    connection.execute("SELECT set_config(%s, %s, false)", (_OWNER_SETTING, owner))
    return ServerSession(process, owner)


def refuse_pooling(engine: Any) -> None:
    """Raise ConfigurationError where a proxy pools transactions: gives a session to several clients by turns.

    A proxy shows by the process id of its handshake, which is not that of the server's process. Pooling shows by two
    connections: the session that the first has between its transactions must not become the second's, and must be the
    first one's again. A proxy with many idle sessions may pass; then :func:`claim_session` finds the first shared one.
    """
    with closing(own_connection(engine)) as first:
        if session_of(first).process == first.info.backend_pid:
            return
        with closing(own_connection(engine)) as second:
            for _probe in range(_PROBES):
                before = session_of(first)
                second.execute("BEGIN")
                if session_of(second).process == before.process or session_of(first) != before:
                    raise pooling_error()
                second.execute("ROLLBACK")


def pooling_error() -> ConfigurationError:
    """Build the error for a proxy that pools transactions or statements."""
    return ConfigurationError(
        "the ledger's database is behind a proxy that pools transactions or statements, and locks do not hold there",
        hint="Set the proxy to session mode for it (PgBouncer: pool_mode = session), or connect to PostgreSQL directly",
    )
