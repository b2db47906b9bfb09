# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PgBouncer before a real server: what it takes, what it reads anew, and what a password's end is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError, RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.checks import SignIn
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.client import PostgresConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.pooler import Pooler
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.roles import RolesInTurns
from tests.servers import postgres
from tests.servers.openbao import wait_until
from tests.servers.shop import Shop
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock


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


def connection(shop: Shop, name: str) -> PostgresConnection:
    options = dict(shop.variables()["secret_connections"][name])
    del options["type"]
    return PostgresConnection({**options, "password": SecretValue(options["password"])}, clock=VirtualClock())


def roles(shop: Shop) -> RolesInTurns:
    options = {"roles": ["shop_a", "shop_b"], "owner": "shop_owner"}
    return RolesInTurns(options, connection(shop, "pg"), clock=VirtualClock())


def pooler(shop: Shop, **options: Any) -> Pooler:
    return Pooler(options, connection(shop, "console"), clock=VirtualClock())


def activated(shop: Shop) -> Credential:
    issuer = roles(shop)
    made = issuer.generate("rotor-1", ["shop_a"])
    issuer.activate(made)
    return made


def put(shop: Shop, credential: Credential, *, there: bool = True) -> None:
    """By hand: into the list, or out of it."""
    lines = shop.pooler.users.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(f'"{credential.id}"')]
    own = [f'"{credential.id}" "{credential.fields["verifier"].reveal()}"'] if there else []
    shop.pooler.users.write_text("\n".join([*kept, *own, ""]))


def through(shop: Shop, credential: Credential) -> Any:
    return shop.connect(str(credential.id), credential.fields["password"].reveal())


def test_the_server_has_the_verifier_that_the_list_is_given(shop: Shop) -> None:
    made = activated(shop)
    assert shop.verifier("shop_b") == made.fields["verifier"].reveal()
    put(shop, made)
    pooler(shop).reload([], MemoryCheckpoint())
    with through(shop, made) as session:
        assert session.execute("SELECT session_user, current_user").fetchone() == ("shop_b", "shop_owner")


def test_a_password_lives_until_the_pooler_has_read_its_list(shop: Shop) -> None:
    made, issuer = activated(shop), roles(shop)
    put(shop, made)
    pooler(shop).reload([], MemoryCheckpoint())
    assert issuer.answer(made) is Answer.ACCEPTED
    with through(shop, made) as session:
        session.execute("SELECT 1")

    issuer.revoke(made)
    with through(shop, made) as session:
        assert session.execute("SELECT 1").fetchone() == (1,), "the pool is warm"
    assert issuer.answer(made) is Answer.UNCLEAR
    put(shop, made, there=False)
    assert issuer.answer(made) is Answer.UNCLEAR
    pooler(shop).reload([], MemoryCheckpoint())
    assert issuer.answer(made) is Answer.REFUSED


def test_a_password_that_the_pooler_alone_takes_is_set_at_the_server(shop: Shop) -> None:
    issuer = roles(shop)
    first = activated(shop)
    put(shop, first)
    pooler(shop).reload([], MemoryCheckpoint())
    with through(shop, first) as session:
        session.execute("SELECT 1")
    with shop.cluster.connect() as admin:
        admin.execute("ALTER ROLE shop_b PASSWORD 'something else'")
    issuer.activate(first)
    assert shop.verifier("shop_b") == first.fields["verifier"].reveal()


def test_a_disabled_role_may_not_log_in_until_it_is_enabled(shop: Shop) -> None:
    made, issuer = activated(shop), roles(shop)
    issuer.disable(made)
    assert issuer.answer(made) is Answer.UNCLEAR
    assert shop.may_log_in() == {"shop_a"}
    issuer.enable(made)
    assert issuer.answer(made) is Answer.ACCEPTED


def test_reload_opens_server_connections_anew(shop: Shop) -> None:
    with shop.connect(*shop.credentials()) as session:
        pid = "SELECT pg_backend_pid()"
        before = session.execute(pid).fetchone()
        session.commit()
        done = pooler(shop, reconnect=True).reload([], MemoryCheckpoint())
        assert session.execute(pid).fetchone() != before
    assert pooler(shop).summary(done) == "its files are read; all server connections are new"


def test_reload_says_which_connections_do_not_come_free(shop: Shop) -> None:
    with shop.connect(*shop.credentials()) as session:
        session.execute("SELECT 1")  # its transaction is open
        with pytest.raises(RotorError, match=r"uses \d+ of its server connections of before"):
            pooler(shop, reconnect=True, within="10s").reload([], MemoryCheckpoint())
        assert pooler(shop).reload([], MemoryCheckpoint()) == {"reconnected": False}


def test_a_check_through_a_pooler_wants_a_session_that_is_not_older_than_the_password(shop: Shop) -> None:
    made, pg = activated(shop), connection(shop, "pg")
    put(shop, made)
    pooler(shop).reload([], MemoryCheckpoint())
    with through(shop, made) as session:
        session.execute("SELECT 1")  # leaves the pool a session
    clock = VirtualClock()
    check = SignIn({"host": "127.0.0.1", "port": shop.pooler.port, "database": "shop"}, pg, clock=clock)
    newer = Credential(made.id, made.name, made.fields, {"made_at": clock.now().isoformat()})
    with pytest.raises(CheckFailedError, match="through a session that is older than the password"):
        check.run(newer, MemoryCheckpoint())
    clock.sleep(3600)
    pooler(shop, reconnect=True).reload([], MemoryCheckpoint())
    assert "at" in check.run(newer, MemoryCheckpoint())


def pooled(shop: Shop, mode: str, credential: Credential) -> postgres.Pooler:
    """Start a pooler in that mode which knows the role."""
    started = shop.cluster.pooler(mode)
    line = f'"{credential.id}" "{credential.fields["verifier"].reveal()}"\n'
    started.users.write_text(started.users.read_text() + line)
    started.console("RELOAD")
    return started


def sign_in(shop: Shop, pooler: postgres.Pooler, credential: Credential, **options: Any) -> None:
    where = {"host": "127.0.0.1", "port": pooler.port, "database": "shop", **options}
    clock = VirtualClock()
    clock.sleep(3600)  # the password is not of this moment
    SignIn(where, connection(shop, "pg"), clock=clock).run(credential, MemoryCheckpoint())


def client(pooler: postgres.Pooler, credential: Credential) -> Any:
    """Connect as a consumer that gives no name."""
    return psycopg.connect(
        host="127.0.0.1",
        port=pooler.port,
        user=str(credential.id),
        password=credential.fields["password"].reveal(),
        dbname="shop",
        prepare_threshold=None,
        autocommit=True,
    )


def of_the_server(shop: Shop, role: str) -> int:
    """Count the server's sessions of a role, ours too."""
    with shop.cluster.connect() as admin:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
        return int(admin.execute(query, (role,)).fetchone()[0])


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_check_leaves_the_pool_no_session(shop: Shop, mode: str) -> None:
    made = activated(shop)
    pooler = pooled(shop, mode, made)
    try:
        sign_in(shop, pooler, made)
        with pytest.raises(RotorError, match="PostgreSQL says 22012"):
            sign_in(shop, pooler, made, statement="SELECT 1 / 0")
        wait_until(lambda: of_the_server(shop, "shop_b") == 0)
    finally:
        pooler.server.stop()


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_check_leaves_others_their_sessions(shop: Shop, mode: str) -> None:
    made = activated(shop)
    pooler = pooled(shop, mode, made)
    try:
        with client(pooler, made) as idle, client(pooler, made) as buying:
            for _look in range(3):
                idle.execute("SELECT 1")
                with buying.transaction():
                    buying.execute("SELECT 1")
                    sign_in(shop, pooler, made)
                    assert connection(shop, "pg").sessions(["shop_b"])["shop_b"] >= 1, "they are seen"
                    buying.execute("SELECT 1")
            idle.execute("SELECT 1")
    finally:
        pooler.server.stop()


def test_plan_says_where_a_second_pool_may_have_no_room(shop: Shop) -> None:
    shop.pooler.console("SET max_db_connections = 1")
    with shop.connect(*shop.credentials()) as session:
        session.execute("SELECT 1")
        [_reload, *few] = pooler(shop).preview()
    shop.pooler.console("SET max_db_connections = 0")
    assert few == ["max_db_connections of shop is 1, of which 1 are in use; a second role has a pool of its own"]


def test_console_is_told_from_a_server(shop: Shop) -> None:
    assert connection(shop, "console").probe().startswith("console of PgBouncer ")
    assert pooler(shop).health_problems() == []
    assert pooler(shop).preview() == ["RELOAD; its server connections stay"]
    assert pooler(shop, reconnect=True).preview()[0].startswith("RELOAD and RECONNECT; ")
    server = Pooler({}, connection(shop, "pg"), clock=VirtualClock())
    assert server.health_problems()[0].endswith("name database: pgbouncer")
