# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger in PostgreSQL: its connections, and the recognition of a proxy that would lend them to others."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ....module_utils._core import masking
from ....module_utils._core.credential import SecretValue
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError, LedgerError

SCHEMES = ("postgresql://", "postgresql+psycopg://")
_WRITERS = 7_302_514_993_060_117
"""The advisory lock of a transaction: one at a time, as in SQLite, since each link of the trail follows the last."""
_TRIES = 5
_MARK = "rotor.session"
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


def parse_url(text: str, password: SecretValue | None) -> Any:
    """The URL as SQLAlchemy has it, and its password known to the masks."""
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
    known = password or (SecretValue(str(url.password)) if url.password else None)
    return url.set(password=known.reveal()) if known else url


def server_time(tx: Any) -> datetime | None:
    """Read the database server's clock with ``clock_timestamp()``; None where the database is a file."""
    if tx.dialect.name != "postgresql":
        return None
    sa = library("sqlalchemy")
    time: datetime = tx.scalar(sa.select(sa.func.clock_timestamp()))
    return time.astimezone(UTC)


def label(url: Any) -> str:
    """Where it is, for people: without the password and the options."""
    bare = library("sqlalchemy").URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return str(bare.render_as_string())


def make_engine(url: Any, holder: str, readonly: bool) -> Any:
    """Few connections: those who write wait for each other anyhow."""
    sa = library("sqlalchemy")
    library("psycopg")
    engine = sa.create_engine(
        url,
        pool_size=2,
        max_overflow=0,
        pool_timeout=120,
        pool_pre_ping=True,
        hide_parameters=True,
        isolation_level="REPEATABLE READ" if readonly else "READ COMMITTED",
        connect_args={**_CONNECT, "application_name": f"rotor.secrets {holder}"[:63]},
    )

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
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")

    return engine


def own_connection(engine: Any) -> Any:
    """A connection of psycopg's that is in no pool, and in no transaction."""
    try:
        pooled = engine.raw_connection()
    except library("psycopg").Error as error:
        raise LedgerError(masking.scrub(str(error)).partition("\n")[0]) from None
    connection = pooled.driver_connection
    pooled.detach()
    connection.autocommit = True
    return connection


class Session(NamedTuple):
    """The server's process that answers, and the mark of whoever has its locks."""

    process: int
    mark: str


def session_of(connection: Any) -> Session:
    """The one that answers now; its mark is empty where nobody has left any."""
    process, mark = connection.execute(f"SELECT pg_backend_pid(), current_setting('{_MARK}', true)").fetchone()
    return Session(process, mark or "")


def mark_session(connection: Any, mark: str) -> Session:
    """Make it ours, by a setting that others see when the same session is lent to them, as we see theirs.

    The server takes two who share a session for one, and would give each of them the locks of the other.
    """
    process, others = session_of(connection)
    if others:
        raise lent()
    connection.execute("SELECT set_config(%s, %s, false)", (_MARK, mark))
    return Session(process, mark)


def refuse_lending(engine: Any) -> None:
    """ConfigurationError where a proxy lends one session of the server to several clients, a transaction each.

    A proxy shows in the process id that it gave at the start, which is not that of the server's process. Whether it
    lends, two connections find out: the session that the first has between its transactions must not be the second's,
    and must be there when the first comes back. A proxy with many sessions at hand may pass; then the locks' own mark
    tells, as soon as one is lent to two.
    """
    with closing(own_connection(engine)) as first:
        if session_of(first).process == first.info.backend_pid:
            return
        with closing(own_connection(engine)) as second:
            for _turn in range(_TRIES):
                before = session_of(first)
                second.execute("BEGIN")
                if session_of(second).process == before.process or session_of(first) != before:
                    raise lent()
                second.execute("ROLLBACK")


def lent() -> ConfigurationError:
    return ConfigurationError(
        "the ledger's database is behind a proxy that pools transactions or statements, and locks do not hold there",
        hint="Set the proxy to session mode for it (PgBouncer: pool_mode = session), or connect to PostgreSQL directly",
    )
