# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role that the connection's server does not have is not taken for revoked: it may live on at another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.servers import postgres
from tests.servers.postgres import ADMIN, PASSWORD, Postgres
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import WORLDS, World

pytestmark = pytest.mark.xdist_group("postgres")
OLD = """
CREATE ROLE shop NOLOGIN;
CREATE ROLE shop_a LOGIN NOINHERIT IN ROLE shop PASSWORD 'the-password-of-today';
CREATE ROLE shop_b NOLOGIN NOINHERIT IN ROLE shop;
ALTER ROLE shop_a SET role = shop;
ALTER ROLE shop_b SET role = shop;
"""
MOVED = """
CREATE ROLE shop NOLOGIN;
CREATE ROLE shop_a NOLOGIN;
CREATE ROLE new_a NOLOGIN NOINHERIT IN ROLE shop;
CREATE ROLE new_b NOLOGIN NOINHERIT IN ROLE shop;
ALTER ROLE new_a SET role = shop;
ALTER ROLE new_b SET role = shop;
"""
AT_ONCE = {"accept": "life"}


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Postgres]]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = [Postgres(), Postgres()]
    yield running
    for one in running:
        one.stop()


@pytest.fixture
def play(servers: list[Postgres], tmp_path: Path) -> Iterator[Play]:
    """``shop_b`` is in use after a rotation."""
    for server, roles in zip(servers, (OLD, MOVED), strict=True):
        with server.connect() as admin:
            admin.execute(f"DROP ROLE IF EXISTS shop_a, shop_b, new_a, new_b, shop; {roles}")
    world = World(f"moved-{tmp_path.name}")
    world.put("app", {})
    login = {"host": "127.0.0.1", "port": servers[0].port, "user": ADMIN, "password": PASSWORD}
    cloud = {"type": "test.fake.cloud", "world": world.name}
    issuer = {"type": "postgres_roles", "connection": "pg", "roles": ["shop_a", "shop_b"], "owner": "shop"}
    entry = token_map(issuer={**issuer, "current_id": "shop_a"}, revoke=AT_ONCE, retain="current")
    entry["rollout"] = [{"copies": [{"store": "cloud", "box": "app", "keys": {"PASSWORD": "${password}"}}]}]
    same = [f"postgres host 127.0.0.1, port {server.port}" for server in servers]
    connections = {"pg": {"type": "postgres", **login, "formerly": same}, "cloud": cloud}  # a person says so, wrongly
    made = Play(world, tmp_path, {"TOKEN": entry}, connections=connections)
    assert not made.rotate("TOKEN")["failed"], made.output
    entry["issuer"] = issuer
    made.lines.clear()
    yield made
    del WORLDS[world.name]


def test_role_of_another_server_is_not_taken_for_revoked(play: Play, servers: list[Postgres]) -> None:
    password = play.world.containers["app"]["PASSWORD"][0]
    play.connections["pg"]["port"] = servers[1].port
    play.map["TOKEN"]["issuer"]["roles"] = ["new_a", "new_b"]
    assert play.rotate("TOKEN", force=True)["failed"]
    where = f"postgresql://127.0.0.1:{servers[1].port}/postgres"
    assert f"there is no role shop_b at {where}. If the connection was pointed at another" in play.output
    assert "proof: refused" not in play.output
    with servers[0].connect() as admin:
        assert admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'shop_b'").fetchone() == (True,)
    psycopg.connect(f"host=127.0.0.1 port={servers[0].port} dbname=postgres user=shop_b password={password}").close()
    with pytest.raises(RotorError, match="has yet to be revoked"):
        play.session().drop("TOKEN", "shop_b", "shop_b", "it has left", check=False)

    play.connections["pg"]["port"] = servers[0].port
    play.rotate("TOKEN")
    assert "there is no role new_a at" in play.output, "the one in use is at the other server now"


@pytest.mark.parametrize("require", [[], ["unused"]])
def test_role_that_was_dropped_by_hand_is_attested(play: Play, servers: list[Postgres], require: list[str]) -> None:
    play.map["TOKEN"]["revoke"] = {"accept": "life", "require": require}
    run = play.plan("TOKEN", force=True)["run"]
    for phase in (Phase.ISSUED, Phase.ROLLED_OUT):
        play.through(run, phase)
    with servers[0].connect() as admin:
        admin.execute("DROP ROLE shop_b")
    assert play.through(run, Phase.REVOKED)["failed"]
    assert "rotor.secrets.attest" in play.output
    assert play.attest("shop_b")["changed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    current = play.state("TOKEN").current
    assert [row.id for row in play.state("TOKEN").credentials if row.alive] == [current.id if current else None]
    assert not play.plan("TOKEN")["go"], play.output
