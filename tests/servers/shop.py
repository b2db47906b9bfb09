# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shop on PostgreSQL behind PgBouncer: two login roles of one owner, a list of users, and clients that buy."""

from __future__ import annotations

import os
import shlex
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.postgres import verifier
from tests.servers.postgres import ADMIN, PASSWORD, Postgres
from tests.unit.providers.dotenv import readers

MANAGER = "the-password-of-the-manager"
FIRST = "the-password-of-the-first-role"
SECRET = "SHOP_DATABASE"
KEPT, FLEETING = 5, 2
"""Clients that keep their connection, and clients that open one for each transaction."""
FLEETING_SHARE = 0.1
"""Of the transactions, which cost a log-in each."""
SCHEMA = f"""
CREATE ROLE manager LOGIN CREATEROLE PASSWORD '{MANAGER}';
GRANT pg_signal_backend TO manager;
CREATE ROLE shop_owner NOLOGIN;
CREATE ROLE shop_a NOLOGIN NOINHERIT IN ROLE shop_owner;
CREATE ROLE shop_b NOLOGIN NOINHERIT IN ROLE shop_owner;
ALTER ROLE shop_a SET role = shop_owner;
ALTER ROLE shop_b SET role = shop_owner;
CREATE DATABASE shop OWNER shop_owner
"""
AS_NEW = "ALTER ROLE shop_a LOGIN PASSWORD '{}'; ALTER ROLE shop_b NOLOGIN PASSWORD NULL"


class Shop:
    """Its own cluster and pooler, and a folder on the host ``app1``, which is this machine."""

    def __init__(self, mode: str = "transaction") -> None:
        self.cluster = Postgres(log_statement="all", shared_preload_libraries="pg_stat_statements")
        with self.cluster.connect() as admin:
            for statement in SCHEMA.split(";"):
                admin.execute(statement)
            admin.execute("CREATE EXTENSION pg_stat_statements")
        with self.cluster.connect("shop") as admin:
            admin.execute("CREATE TABLE sale (at timestamptz DEFAULT now()); ALTER TABLE sale OWNER TO shop_owner")
        self.pooler = self.cluster.pooler(mode, server_login_retry=1, log_stats=0, default_pool_size=10)
        self._first = verifier(SecretValue(FIRST)).reveal()
        self._users = self.pooler.users.read_text()

    def open(self, folder: Path) -> None:
        """As new, with its file in that folder."""
        with self.cluster.connect() as admin:
            admin.execute(AS_NEW.format(self._first))
        new = self.pooler.users.with_suffix(".new")  # RELOAD overlooks a change of one file, size and second
        new.write_text(f'{self._users}; of the shop\n"shop_a" "{self.verifier("shop_a")}"\n')
        new.chmod(self.pooler.users.stat().st_mode)
        shutil.chown(new, self.pooler.users.owner(), self.pooler.users.group())
        new.replace(self.pooler.users)
        for command in ("RELOAD", "RECONNECT"):
            self.pooler.console(command)
        self.folder = folder
        self.env = folder / "shop.env"
        self.env.write_text(f"PGUSER='shop_a'\nPGPASSWORD='{FIRST}'\n")

    def verifier(self, role: str) -> str:
        """What the server has of a password; empty where it has none."""
        with self.cluster.connect() as admin:
            (found,) = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (role,)).fetchone()
        return found or ""

    def listed(self) -> dict[str, str]:
        """The list of users, but for our own."""
        lines = (line.split('"') for line in self.pooler.users.read_text().splitlines() if line.startswith('"shop'))
        return {line[1]: line[3] for line in lines}

    def may_log_in(self) -> set[str]:
        with self.cluster.connect() as admin:
            found = admin.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'shop%'").fetchall()
        return {role for (role,) in found}

    def credentials(self) -> tuple[str, str]:
        found = readers.shell(self.env)
        return found["PGUSER"], found["PGPASSWORD"]

    def connect(self, user: str, password: str, port: int = 0) -> Any:
        """Through the pooler, unless another port is named."""
        return psycopg.connect(
            host="127.0.0.1",
            port=port or self.pooler.port,
            user=user,
            password=password,
            dbname="shop",
            prepare_threshold=None,
        )

    def variables(self, reload: str = "true") -> dict[str, Any]:
        """An inventory's; ``reload`` is the command with which the clients take up what is in their file."""
        here = {"host": "127.0.0.1", "type": "postgres"}
        pooler = {"host": "127.0.0.1", "port": self.pooler.port, "database": "shop"}
        through = {"type": "postgres", "connection": "pg", **pooler, "statement": "SELECT count(*) FROM sale"}
        copy = {"store": "files", "host": "app1", "path": str(self.env)}
        return {
            "secret_connections": {
                "pg": {
                    **here,
                    "port": self.cluster.port,
                    "user": "manager",
                    "password": MANAGER,
                    "poolers": [pooler],
                },
                "console": {**here, **pooler, "database": "pgbouncer", "user": ADMIN, "password": PASSWORD},
                "users": {"type": "pgbouncer_userlist"},
                "files": {"type": "dotenv"},
            },
            "secret_consumers": {
                "pool": {"type": "pgbouncer", "connection": "console"},
                "clients": {"type": "command", "host": "app1", "command": reload},
            },
            "secret_map": {
                SECRET: {
                    "issuer": {
                        "type": "postgres_roles",
                        "connection": "pg",
                        "roles": ["shop_a", "shop_b"],
                        "owner": "shop_owner",
                        "terminate": True,
                        "current_id": "shop_a",
                    },
                    "accept": {
                        "copies": [{"store": "users", "host": "app1", "path": str(self.pooler.users)}],
                        "reload": ["pool"],
                        "verify": [through],
                    },
                    "copies": [{**copy, "keys": {"PGUSER": "${username}", "PGPASSWORD": "${password}"}}],
                    "reload": ["clients"],
                    "verify": [{**through, "proves": "use"}],
                    "retain": "current",
                }
            },
        }

    def said(self) -> dict[str, str]:
        """Whatever the server and the pooler show of what they were told: logs, statistics, what is running."""
        with self.cluster.connect() as admin:
            views = ("pg_stat_statements", "pg_stat_activity")
            shown = {view: admin.execute(f"SELECT coalesce(query, '') FROM {view}").fetchall() for view in views}
        texts = {view: "\n".join(text for (text,) in rows) for view, rows in shown.items()}
        return {**texts, "log": self.cluster.log.read_text(), "pooler's log": self.pooler.log.read_text()}

    def stop(self) -> None:
        self.cluster.stop()


class Clients:
    """Buy, so many times a second; whoever reloads them is answered once all of them work with what they have read."""

    def __init__(self, shop: Shop, per_second: int) -> None:
        self._shop = shop
        self.bought = 0
        self.failures: list[str] = []
        self._credentials = shop.credentials()
        self.used = {self._credentials}
        self._generation, self._on = 0, dict.fromkeys(range(KEPT + FLEETING), 0)
        self._changed = threading.Condition()
        self._over = threading.Event()
        kept, fleeting = per_second * (1 - FLEETING_SHARE), per_second * FLEETING_SHARE
        self._pauses = [*([KEPT / kept] * KEPT), *([FLEETING / fleeting] * FLEETING)]
        self._asked, self._answered = shop.folder / "asked", shop.folder / "answered"
        for pipe in (self._asked, self._answered):
            os.mkfifo(pipe)
        deeds = [*([self._keep] * KEPT), *([self._come_and_go] * FLEETING)]
        self._threads = [threading.Thread(target=deed, args=(who,), daemon=True) for who, deed in enumerate(deeds)]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def command(self) -> str:
        asked, answered = (shlex.quote(str(pipe)) for pipe in (self._asked, self._answered))
        return f"echo now > {asked}; read answer < {answered}"

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, bought: int) -> None:
        """Until so much is bought, or something has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self.bought >= bought or self.failures)

    def _serve(self) -> None:
        while True:
            self._asked.read_text()
            with self._changed:
                self._credentials, self._generation = self._shop.credentials(), self._generation + 1
                self.used.add(self._credentials)
                self._changed.wait_for(lambda: set(self._on.values()) == {self._generation} or self.failures)
            self._answered.write_text("done\n")

    def _now(self) -> tuple[int, tuple[str, str]]:
        with self._changed:
            return self._generation, self._credentials

    def _keep(self, who: int) -> None:
        connection, on = None, -1

        def buy() -> int:
            nonlocal connection, on
            generation, credentials = self._now()
            if connection is None or on != generation:
                if connection is not None:
                    connection.close()
                connection, on = self._shop.connect(*credentials), generation
            with connection.transaction():
                connection.execute("INSERT INTO sale DEFAULT VALUES")
            return generation

        self._work(who, buy)

    def _come_and_go(self, who: int) -> None:
        def buy() -> int:
            generation, credentials = self._now()
            with self._shop.connect(*credentials) as connection:
                connection.execute("INSERT INTO sale DEFAULT VALUES")
            return generation

        self._work(who, buy)

    def _work(self, who: int, buy: Callable[[], int]) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += self._pauses[who]
            try:
                generation, problem = buy(), ""
            except psycopg.Error as error:
                generation, problem = -1, str(error)
            with self._changed:
                self._on[who] = generation
                self.bought += not problem
                self.failures += [problem] if problem else []
                self._changed.notify_all()
