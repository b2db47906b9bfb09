# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles of a real server: one password that is set, two roles in turns, and what its log and its catalogues have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core import postgres as postgres_core
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, PublicValue, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.checks import Sessions, SignIn
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.client import PostgresConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.roles import RolePasswords, RolesInTurns
from tests.servers import postgres
from tests.servers.openbao import wait_until
from tests.servers.postgres import Postgres
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock

MANAGER = "the-password-of-the-manager"
ROLES = """
CREATE ROLE nova_owner NOLOGIN;
CREATE ROLE nova_a NOLOGIN NOINHERIT IN ROLE nova_owner;
CREATE ROLE nova_b NOLOGIN NOINHERIT IN ROLE nova_owner;
ALTER ROLE nova_a SET role = nova_owner;
ALTER ROLE nova_b SET role = nova_owner;
CREATE ROLE single LOGIN PASSWORD 'the-old-one';
"""
SHOWN = dict.fromkeys(("password", "verifier"), SecretValue("some-password"))
PLANTED = """
CREATE FUNCTION planted(oid, regclass) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$planted$$; END';
CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = planted);
CREATE FUNCTION planted(text, name) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$planted$$; END';
CREATE OPERATOR || (LEFTARG = text, RIGHTARG = name, FUNCTION = planted);
CREATE TABLE sale (id int);
ALTER TABLE sale OWNER TO nova_a;
"""
"""What fits our looks better than the server's own, by whoever owns the database."""
GONE = "DROP ROLE IF EXISTS nova_a, nova_b, nova_owner, single"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = Postgres()
    with running.connect() as admin:
        admin.execute(f"CREATE ROLE manager LOGIN CREATEROLE PASSWORD '{MANAGER}'")
        admin.execute("ALTER SYSTEM SET log_statement = 'all'")
        admin.execute("SELECT pg_reload_conf()")
    yield running
    running.stop()


@pytest.fixture
def server(cluster: Postgres) -> Postgres:
    with cluster.connect() as admin:
        admin.execute(f"{GONE}; {ROLES}")
    return cluster


@pytest.fixture
def connection(server: Postgres) -> PostgresConnection:
    return connected(server)


def connected(server: Postgres, **more: Any) -> PostgresConnection:
    options = {"host": "127.0.0.1", "port": server.port, "user": "manager", "password": SecretValue(MANAGER), **more}
    return PostgresConnection(options, clock=VirtualClock())


def in_turns(connection: PostgresConnection, **more: Any) -> RolesInTurns:
    return RolesInTurns(
        {"roles": ["nova_a", "nova_b"], "owner": "nova_owner", **more}, connection, clock=VirtualClock()
    )


def session(server: Postgres, credential: Credential) -> Any:
    """An application's."""
    password = credential.fields["password"].reveal()
    return psycopg.connect(
        host="127.0.0.1", port=server.port, dbname="postgres", user=credential.id, password=password, autocommit=True
    )


def issued(issuer: Any, taken: tuple[str, ...] = ()) -> Credential:
    made: Credential = issuer.generate("rotor-1", taken)
    issuer.activate(made)
    return made


def test_the_new_password_is_the_end_of_the_old_one(server: Postgres, connection: PostgresConnection) -> None:
    issuer = RolePasswords({"role": "single"}, connection, clock=VirtualClock())
    old, new = issued(issuer), issuer.generate("rotor-2")
    assert issuer.preflight("single") == []
    assert [issuer.answer(one) for one in (old, new)] == [Answer.ACCEPTED, Answer.REFUSED]
    with session(server, old) as kept:
        assert issuer.preview() == ["open sessions of single: 1, which stay as they are"]
        issuer.activate(new)
        assert kept.execute("SELECT 1").fetchone() == (1,), "an open session was ended"
    assert [issuer.answer(one) for one in (old, new)] == [Answer.REFUSED, Answer.ACCEPTED]


def test_run_that_is_asked_to_stop_opens_no_session(server: Postgres) -> None:
    clock = VirtualClock()
    options = {"host": "127.0.0.1", "port": server.port, "user": "manager", "password": SecretValue(MANAGER)}
    connection = PostgresConnection(options, clock=clock)
    connection.probe()
    clock.stop()
    with pytest.raises(errors.StoppedError):
        connection.probe()


def test_run_that_is_asked_to_stop_signs_in_as_no_role(
    connection: PostgresConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, query = VirtualClock(), connection.query

    def last_query(*arguments: Any) -> Any:
        clock.stop()
        return query(*arguments)

    monkeypatch.setattr(connection, "query", last_query)
    with pytest.raises(errors.StoppedError):
        RolePasswords({"role": "single"}, connection, clock=clock).preflight(None)


def test_what_is_in_force_is_not_set_again(server: Postgres, connection: PostgresConnection) -> None:
    issuer = RolePasswords({"role": "single"}, connection, clock=VirtualClock())
    made = issued(issuer)

    def kept() -> Any:
        with server.connect() as admin:
            return admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'single'").fetchone()

    before = kept()
    issuer.activate(made)
    assert kept() == before


def test_roles_take_turns_and_what_they_make_is_the_owners(server: Postgres, connection: PostgresConnection) -> None:
    issuer = in_turns(connection)
    first = issued(issuer)
    second = issued(issuer, ("nova_a",))
    assert [first.id, second.id] == ["nova_a", "nova_b"]
    assert [issuer.answer(one) for one in (first, second)] == [Answer.ACCEPTED, Answer.ACCEPTED]
    with session(server, second) as application:
        application.execute("CREATE TEMPORARY TABLE made (id int)")
        made = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'made'"
        assert application.execute(made).fetchone() == ("nova_owner",)

    issuer.revoke(first)
    assert [issuer.answer(one) for one in (first, second)] == [Answer.REFUSED, Answer.ACCEPTED]
    assert {one.id for one in issuer.listed() if one.revoked} == {"nova_a"}
    issuer.revoke(first)
    assert issued(issuer, ("nova_b",)).id == "nova_a"
    with pytest.raises(errors.ConflictError, match="none of the roles nova_a, nova_b is free"):
        issuer.generate("rotor-3", ("nova_a", "nova_b"))


def test_sessions_are_the_last_use_and_end_where_the_map_says_so(
    server: Postgres, connection: PostgresConnection
) -> None:
    made = issued(in_turns(connection))

    def used() -> dict[str, Any]:
        return {one.id: one.last_used_at for one in in_turns(connection).listed()}

    assert used() == {"nova_a": None, "nova_b": None}
    with server.connect() as admin:
        admin.execute("GRANT pg_signal_backend TO manager")
    with session(server, made) as application:
        assert used()["nova_a"] is not None
        in_turns(connection).revoke(made)
        assert application.execute("SELECT 1").fetchone() == (1,)
        in_turns(connection, terminate=True).revoke(made)
        with pytest.raises(psycopg.OperationalError):
            application.execute("SELECT 1")
    assert used()["nova_a"] is None


@pytest.mark.parametrize(
    ("done", "problem"),
    [
        ("ALTER ROLE nova_a RESET role", "what nova_a makes is its own; do: ALTER ROLE nova_a SET role = nova_owner"),
        ("REVOKE nova_owner FROM nova_b", "role nova_b is no member of nova_owner; do: GRANT nova_owner TO nova_b"),
        ("ALTER ROLE nova_a INHERIT", "role nova_a inherits; do: ALTER ROLE nova_a NOINHERIT"),
        ("ALTER ROLE nova_a CONNECTION LIMIT 0", "role nova_a has a CONNECTION LIMIT of 0"),
        ("DROP ROLE nova_b", "there is no role nova_b"),
        (
            "ALTER ROLE manager NOCREATEROLE",
            "the connection's role may not change nova_a; from PostgreSQL 16 on it needs ADMIN OPTION",
        ),
    ],
)
def test_what_is_not_as_it_has_to_be_is_found_before(
    server: Postgres, connection: PostgresConnection, done: str, problem: str
) -> None:
    assert in_turns(connection).preflight(None) == []
    with server.connect() as admin:
        admin.execute(done)
    try:
        assert problem in in_turns(connection).preflight(None)
    finally:
        with server.connect() as admin:
            admin.execute("ALTER ROLE manager CREATEROLE")


def test_plan_says_where_two_pools_may_have_no_room(server: Postgres, connection: PostgresConnection) -> None:
    """It is an estimate, and so it refuses nothing."""
    made = issued(in_turns(connection))
    with server.connect() as admin:
        (room,) = admin.execute("SHOW max_connections").fetchone()
    pool = [session(server, made) for _one in range(int(room) // 2)]
    with server.connect() as admin:
        admin.execute("ALTER ROLE nova_b CONNECTION LIMIT 3")
    assert in_turns(connection).preflight("nova_a") == []
    open_ones, limit, most = in_turns(connection).preview()
    assert open_ones == f"open sessions of nova_a: {len(pool)}, which stay as they are"
    assert limit == f"CONNECTION LIMIT of nova_b is 3, and the role in use has {len(pool)} sessions"
    assert most.startswith("max_connections leaves room for ")
    for one in pool:
        one.close()


def test_the_right_to_end_sessions_is_looked_at_before(server: Postgres, connection: PostgresConnection) -> None:
    problem = "the connection's role may not end sessions of nova_a; do: GRANT pg_signal_backend TO …"
    with server.connect() as admin:
        admin.execute("REVOKE pg_signal_backend FROM manager")
        assert problem in in_turns(connection, terminate=True).preflight(None)
        assert in_turns(connection).preflight(None) == []
        admin.execute("GRANT pg_signal_backend TO manager")
    assert in_turns(connection, terminate=True).preflight(None) == []


def test_sessions_are_ended_on_replicas_as_well(server: Postgres) -> None:
    """Each of them is asked: here one server is named twice."""
    with server.connect() as admin:
        admin.execute("GRANT pg_signal_backend TO manager")
    connection = connected(server, replicas=[f"127.0.0.1:{server.port}"])
    made = issued(in_turns(connection))
    with session(server, made) as application:
        in_turns(connection, terminate=True).revoke(made)
        with pytest.raises(psycopg.OperationalError):
            application.execute("SELECT 1")
    ended = [line for line in server.log.read_text().splitlines() if "SELECT pg_terminate_backend(pid)" in line]
    assert len(ended) >= 2


@contextmanager
def planted(server: Postgres) -> Iterator[str]:
    """Yield the name of a database whose owner lies in wait for us."""
    database = server.database()
    with server.connect(database) as owner:
        owner.execute(PLANTED)
    try:
        yield database
    finally:
        with server.connect() as admin:
            admin.execute(f"DROP DATABASE {database}")


def test_operators_that_others_have_made_are_not_run(server: Postgres) -> None:
    with planted(server) as database:
        issuer = in_turns(connected(server, database=database))
        assert issuer.preflight(None) == []
        assert f"database {database}: to nova_owner goes table public.sale" in issuer.remains("nova_a").lines


def test_statement_of_a_check_has_the_roles_own_search_path(server: Postgres, connection: PostgresConnection) -> None:
    made = issued(in_turns(connection))
    with server.connect() as admin:
        admin.execute("ALTER ROLE nova_a SET search_path = its_own")
    for path, fits in (("its_own", True), ("pg_catalog", False)):
        statement = f"SELECT 1 / (current_setting('search_path') = '{path}')::int"
        check = SignIn({"statement": statement}, connection, clock=VirtualClock())
        with nullcontext() if fits else pytest.raises(errors.InvalidRequestError):
            check.run(made, MemoryCheckpoint())


@contextmanager
def letting_in(server: Postgres, *roles: str) -> Iterator[None]:
    """Have the server ask these roles for no password."""
    with server.connect() as admin:
        (file,) = admin.execute("SHOW hba_file").fetchone()
        rules = Path(file).read_text()

        def put(text: str) -> None:
            Path(file).write_text(text)
            admin.execute("SELECT pg_reload_conf()")
            probe = postgres_core.Server("127.0.0.1", server.port, "postgres")
            wait_until(lambda: probe.needs_no_password("asking", roles[0]) is (text != rules))

        put("".join(f"host all {role} 127.0.0.1/32 trust\n" for role in roles) + rules)
        try:
            yield
        finally:
            put(rules)


def test_password_that_nobody_asks_for_is_no_proof(server: Postgres, connection: PostgresConnection) -> None:
    issuer = RolePasswords({"role": "single"}, connection, clock=VirtualClock())
    old = Credential("single", "by hand", {"password": SecretValue("the-old-one")})
    assert issuer.answer(old) is Answer.ACCEPTED
    new, check = issuer.generate("rotor-1"), SignIn({}, connection, clock=VirtualClock())
    with letting_in(server, "single"):
        [problem] = issuer.preflight("single")
        assert problem.endswith(
            "/postgres asks single for no password from here, and so nothing is proven of it. Have it ask for one "
            "(pg_hba.conf; PgBouncer: auth_type), or name another address in the connection"
        )
        issuer.activate(new)
        assert [issuer.answer(one) for one in (old, new)] == [Answer.UNCLEAR, Answer.UNCLEAR]
        for ask in (issuer.verify, lambda one: check.run(one, MemoryCheckpoint())):
            with pytest.raises(errors.CheckFailedError, match="asks single for no password from here"):
                ask(new)
    assert [issuer.answer(one) for one in (old, new)] == [Answer.REFUSED, Answer.ACCEPTED]
    assert issuer.preflight("single") == []


def test_role_that_may_not_log_in_yet_is_asked_for_its_password_too(
    server: Postgres, connection: PostgresConnection
) -> None:
    with letting_in(server, "nova_b"):
        [problem] = in_turns(connection).preflight(None)
    assert "asks nova_b for no password" in problem


def test_look_how_a_role_is_let_in_is_no_failed_login(server: Postgres, connection: PostgresConnection) -> None:
    before = server.log.read_text().count("authentication failed")
    assert in_turns(connection).preflight(None) == []
    assert server.log.read_text().count("authentication failed") == before


def test_session_that_a_disabled_role_still_has_is_a_use(server: Postgres, connection: PostgresConnection) -> None:
    issuer = in_turns(connection)
    made = issued(issuer)
    with session(server, made):
        issuer.disable(made)
        assert {one.id for one in issuer.listed() if one.last_used_at and one.in_use} == {"nova_a"}


def test_roles_that_have_left_are_listed_as_long_as_the_ledger_has_them(
    server: Postgres, connection: PostgresConnection
) -> None:
    issuer = in_turns(connection)
    assert {one.id for one in issuer.listed()} == {"nova_a", "nova_b"}
    issuer.known = ["single", "nova_a"]
    assert {one.id for one in issuer.listed()} == {"nova_a", "nova_b", "single"}


def test_revoked_role_whose_sessions_cannot_be_ended_is_of_unknown_outcome(server: Postgres) -> None:
    issuer = in_turns(connected(server, replicas=["127.0.0.1:1"]), terminate=True)
    made = issued(in_turns(connected(server)))
    with pytest.raises(errors.OutcomeUnknownError, match=r"127\.0\.0\.1:1/"):
        issuer.revoke(made)
    with server.connect() as admin:
        state = "SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = 'nova_a'"
        assert admin.execute(state).fetchone() == (False, None)


def test_a_role_may_set_its_own_password(server: Postgres) -> None:
    own = connected(server, user="single", password=SecretValue("the-old-one"))
    issuer = RolePasswords({"role": "single"}, own, clock=VirtualClock())
    assert issuer.preflight("single") == []
    assert issuer.answer(issued(issuer)) is Answer.ACCEPTED


def test_no_password_is_in_the_log_of_the_server(server: Postgres, connection: PostgresConnection) -> None:
    made = issued(in_turns(connection))
    with server.connect() as admin:
        (verifier,) = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'nova_a'").fetchone()
    log = server.log.read_text()
    assert verifier in log, "statements are not logged"
    assert made.fields["password"].reveal() not in log


def test_errors_are_told_by_their_state(server: Postgres, connection: PostgresConnection) -> None:
    with pytest.raises(errors.AuthenticationError, match="manager is not let in"):
        connected(server, password=SecretValue("wrong")).probe()
    with pytest.raises(errors.UnavailableError):
        connected(server, database="missing").probe()
    missing, issuer = Credential("missing", "rotor-1", SHOWN), in_turns(connection)
    single = RolePasswords({"role": "missing"}, connection, clock=VirtualClock())
    for ask in (single.activate, single.verify, issuer.verify, issuer.disable, issuer.revoke):
        with pytest.raises(errors.NotFoundError, match=r"there is no role missing at postgresql://.*was pointed at"):
            ask(missing)
    assert connection.probe().startswith("role manager on PostgreSQL ")
    assert connection.server_time() is not None


def test_checks_run_a_statement_and_look_for_sessions(server: Postgres, connection: PostgresConnection) -> None:
    made = issued(in_turns(connection))
    sign_in, clock = SignIn({"statement": "SELECT current_user"}, connection, clock=VirtualClock()), VirtualClock()
    assert sign_in.run(made, MemoryCheckpoint()) == {"at": f"postgresql://127.0.0.1:{server.port}/postgres"}
    sessions = Sessions({"within": "10s"}, connection, clock=clock)
    with pytest.raises(errors.CheckFailedError, match="fewer than 1 sessions run on role nova_a"):
        sessions.run(made, MemoryCheckpoint())
    with session(server, made):
        assert sessions.run(made, MemoryCheckpoint()) == {"sessions": 1}
    in_turns(connection).revoke(made)
    with pytest.raises(errors.CheckFailedError, match="nova_a is not let in"):
        sign_in.run(made, MemoryCheckpoint())


def test_single_role_of_today_becomes_one_of_two_as_the_documentation_says(
    server: Postgres, connection: PostgresConnection
) -> None:
    """The procedure is the page's own; ownership, the password and an open session go on."""
    page = (Path(__file__).parents[4] / "docs/providers/postgres.md").read_text()
    procedure = page.partition("As a superuser")[2].partition("```sql\n")[2].partition("```")[0]
    with server.connect() as admin:
        admin.execute("DROP ROLE IF EXISTS shop, shop_b, shop_owner")
        admin.execute("CREATE ROLE shop LOGIN PASSWORD 'the-password-of-today'")
        admin.execute("CREATE SCHEMA shop AUTHORIZATION shop")
    today = Credential("shop", "by hand", {"password": SecretValue("the-password-of-today")})
    with session(server, today) as before, server.connect() as admin:
        admin.execute(procedure)
        before.execute("CREATE TABLE shop.made_before (id int)")
    options = {"roles": ["shop", "shop_b"], "owner": "shop_owner"}
    issuer = RolesInTurns(options, connection, clock=VirtualClock())
    assert issuer.preflight("shop") == []
    assert issuer.answer(today) is Answer.ACCEPTED
    new = issued(issuer, ("shop",))
    with session(server, new) as after:
        after.execute("ALTER TABLE shop.made_before ADD made_after int")
    issuer.revoke(today)
    assert [issuer.answer(one) for one in (today, new)] == [Answer.REFUSED, Answer.ACCEPTED]
    with server.connect() as admin:
        admin.execute("DROP SCHEMA shop CASCADE; DROP ROLE shop, shop_b, shop_owner")


@pytest.mark.parametrize("ended", ["the statement takes too long", "the server ends the session"])
def test_only_a_statement_that_was_taken_back_had_certainly_no_effect(
    server: Postgres, connection: PostgresConnection, ended: str
) -> None:
    cancelled = ended == "the statement takes too long"
    with pytest.raises(errors.UnavailableError if cancelled else errors.OutcomeUnknownError):
        wait_until_ended(server, connection, cancelled=cancelled)


def wait_until_ended(server: Postgres, connection: PostgresConnection, *, cancelled: bool) -> None:
    with connection.session("waiting") as session, server.connect() as admin:
        if cancelled:
            session.execute("SET statement_timeout = 1")
        else:
            admin.execute("SELECT pg_terminate_backend(%s)", (session.info.backend_pid,))
        session.execute("SELECT pg_sleep(60)")


def test_tls_is_verified_wherever_a_password_leaves_this_machine(
    server: Postgres, connection: PostgresConnection
) -> None:
    """A check and a replica name hosts of their own, beside a connection to loopback."""
    asked: list[str] = []

    def refuse(**given: Any) -> None:
        asked.append(given["sslmode"])
        raise psycopg.OperationalError

    password = SecretValue("some-password")
    made = Credential("nova_a", "rotor-1", {"username": PublicValue("nova_a"), "password": password})
    elsewhere = SignIn({"host": "pooler.example.com"}, connection, clock=VirtualClock())
    with_replica = connected(server, replicas=["db2.example.com:5433"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg, "connect", refuse)
        for look in (partial(elsewhere.run, made, MemoryCheckpoint()), connection.probe):
            with pytest.raises(errors.UnavailableError):
                look()
        with pytest.raises(errors.UnavailableError):
            with_replica._replicas[0].connect("looking for sessions", "manager", password)
    assert asked == ["verify-full", "prefer", "verify-full"]
