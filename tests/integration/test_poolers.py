# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PgBouncer that asks the server for verifiers, or that reads its list at a signal, where no console is used."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.chaos.player import Player, QuickClock
from tests.servers import postgres
from tests.servers.shop import FIRST, SECRET, Shop
from tests.unit.providers.dotenv.local_host import LocalHost

pytestmark = pytest.mark.xdist_group("postgres")
LOOKUP = """
CREATE SCHEMA pooler;
CREATE FUNCTION pooler.lookup(name text, OUT role text, OUT verifier text) LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog
  AS 'SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname = name AND rolcanlogin';
REVOKE ALL ON FUNCTION pooler.lookup FROM PUBLIC;
GRANT USAGE ON SCHEMA pooler TO pooler_auth;
GRANT EXECUTE ON FUNCTION pooler.lookup TO pooler_auth
"""
TODAY = "the-password-of-today"
OWN_USERS = ("pooler_auth", "pooler_admin")
"""The role with which the pooler asks, and one that may use its console."""


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    shop = Shop()
    yield shop
    shop.stop()


@pytest.fixture
def shop(running: Shop, tmp_path: Path) -> Shop:
    running.open(tmp_path)
    return running


@pytest.fixture(scope="module")
def asking_pooler(running: Shop) -> postgres.Pooler:
    """It has no user of the shop in its list."""
    with running.cluster.connect() as admin:
        admin.execute("; ".join(f"CREATE ROLE {user} LOGIN" for user in OWN_USERS))
    with running.cluster.connect("shop") as admin:
        admin.execute(LOOKUP)
    settings = {"auth_user": "pooler_auth", "auth_query": "SELECT role, verifier FROM pooler.lookup($1)"}
    return running.cluster.pooler(server_login_retry=1, admin_users=f"{postgres.ADMIN},pooler_admin", **settings)


@pytest.fixture
def asking(shop: Shop, asking_pooler: postgres.Pooler, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop behind the pooler that asks."""
    with shop.cluster.connect() as admin:
        admin.execute("; ".join(f"ALTER ROLE {user} PASSWORD '{TODAY}'" for user in OWN_USERS))
    users = {postgres.ADMIN: postgres.PASSWORD, **dict.fromkeys(OWN_USERS, TODAY)}
    asking_pooler.users.write_text("".join(f'"{name}" "{password}"\n' for name, password in users.items()))
    for command in ("RELOAD", "RECONNECT"):
        asking_pooler.console(command)
    monkeypatch.setattr(shop, "pooler", asking_pooler)
    return shop


class Turns:
    """Rotations on this machine as a host."""

    def __init__(self, shop: Shop, variables: Mapping[str, Any], host: LocalHost | None = None) -> None:
        self.lines: list[str] = []
        ledger = {"url": f"sqlite:///{shop.folder}/ledger.db", "key": Fernet.generate_key().decode()}
        self._player = Player(
            {**variables, "secret_ledger": ledger}, QuickClock, self.lines.append, host or LocalHost()
        )

    def rotate(self, *secrets: str) -> None:
        self.lines.clear()
        result = self._player.rotate(only=secrets, force=True)
        assert result.get("counts") == {"done": len(secrets)}, "\n".join(self.lines)


def is_let_in(shop: Shop, user: str, password: str, database: str = "shop") -> bool:
    address: dict[str, Any] = {"host": "127.0.0.1", "port": shop.pooler.port, "dbname": database}
    try:
        psycopg.connect(user=user, password=password, **address).close()
    except psycopg.OperationalError:
        return False
    return True


def without_console(shop: Shop, **consumer: Any) -> dict[str, Any]:
    """Have a consumer on the pooler's host take the place of its console."""
    variables = shop.variables()
    del variables["secret_connections"]["console"]
    variables["secret_consumers"]["pool"] = {"host": "app1", **consumer}
    return variables


def assert_turned(shop: Shop, before: tuple[str, str]) -> tuple[str, str]:
    """One role may log in, and is alone in the list; the other one is let in by nobody."""
    user, password = shop.credentials()
    assert (user, password) != before
    assert shop.may_log_in() == {user}
    assert is_let_in(shop, user, password)
    assert not is_let_in(shop, *before)
    return user, password


def test_list_is_read_at_a_signal_where_there_is_no_console(shop: Shop) -> None:
    signal = f"kill -HUP {shop.pooler.server.pid}"
    plays, now = Turns(shop, without_console(shop, type="command", command=signal)), shop.credentials()
    for _turn in range(2):
        plays.rotate(SECRET)
        now = assert_turned(shop, now)
        assert shop.listed().keys() == {now[0]}


def test_list_is_read_by_the_unit_of_the_pooler(shop: Shop, tmp_path: Path) -> None:
    """What stands for systemctl does what ExecReload= of the unit says."""
    manager, asked = tmp_path / "bin" / "systemctl", tmp_path / "asked"
    manager.parent.mkdir()
    lines = ["#!/bin/sh", f'echo "$@" >>{shlex.quote(str(asked))}', f"kill -HUP {shop.pooler.server.pid}"]
    manager.write_text("\n".join([*lines, ""]))
    manager.chmod(0o755)
    unit = {"type": "systemd", "units": ["pgbouncer"], "action": "reload"}
    host = LocalHost(path=f"{manager.parent}:{LocalHost.path}")
    plays, now = Turns(shop, without_console(shop, **unit), host), shop.credentials()
    for _turn in range(2):
        plays.rotate(SECRET)
        now = assert_turned(shop, now)
    assert set(asked.read_text().splitlines()) == {"reload pgbouncer"}


def test_pooler_that_asks_the_server_needs_no_list_of_the_roles(asking: Shop) -> None:
    variables = asking.variables()
    del variables["secret_map"][SECRET]["accept"]
    plays, now = Turns(asking, variables), asking.credentials()
    for _turn in range(2):
        plays.rotate(SECRET)
        now = assert_turned(asking, now)
        assert asking.listed() == {}


@pytest.mark.parametrize("user", OWN_USERS)
def test_users_of_the_pooler_itself_are_entries_of_the_map(asking: Shop, user: str) -> None:
    variables = asking.variables()
    copy = {"store": "users", "host": "app1", "path": str(asking.pooler.users), "keys": {user: "${password}"}}
    issuer = {"type": "postgres_role", "connection": "pg", "role": user}
    variables["secret_map"] = {user.upper(): {"issuer": issuer, "copies": [copy], "reload": ["pool"]}}
    variables["secret_connections"]["pg"].pop("poolers")
    variables["secret_consumers"]["pool"]["reconnect"] = True
    Turns(asking, variables).rotate(user.upper())
    [line] = [line for line in asking.pooler.users.read_text().splitlines() if line.startswith(f'"{user}"')]
    password = line.split('"')[3]
    assert password != TODAY
    database = "pgbouncer" if user == "pooler_admin" else "shop"
    assert is_let_in(asking, user, password, database)
    assert not is_let_in(asking, user, TODAY, database)
    assert is_let_in(asking, "shop_a", FIRST), "it goes on asking the server"
