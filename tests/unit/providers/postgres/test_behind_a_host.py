# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that only a host reaches, over a real sshd: through a forward, or by what stands for docker exec there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import Forwards, SshHost
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.checks import Sessions, SignIn
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.client import PostgresConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.roles import RolePasswords
from tests.servers import sshd as server_of_hosts
from tests.servers.behind import Behind, behind
from tests.servers.docker import Docker, installed
from tests.servers.postgres import ADMIN, Postgres
from tests.servers.process import free_port
from tests.servers.sshd import Sshd
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock
from tests.unit.providers.postgres.test_roles import MANAGER, cluster, in_turns, issued, planted, server, session

__all__ = ["cluster", "server"]
pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server_of_hosts.is_missing()), reason=server_of_hosts.is_missing()),
]


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with server_of_hosts.running() as running:
        yield running


@pytest.fixture
def forwards(sshd: Sshd) -> Iterator[Forwards]:
    with closing(Forwards(lambda name: SshHost(name, sshd.command, "127.0.0.1", os.environ))) as opened:
        yield opened


@pytest.fixture
def hidden(server: Postgres) -> Iterator[Behind]:
    with behind(server.port) as relay:
        yield relay


def through(forwards: Forwards, port: int, **more: Any) -> PostgresConnection:
    options = {"host": "127.0.0.1", "port": port, "user": "manager", "password": SecretValue(MANAGER), **more}
    return PostgresConnection({**options, "via": forwards.way("db1")}, clock=VirtualClock())


def test_roles_and_checks_go_through_the_forward(server: Postgres, hidden: Behind, forwards: Forwards) -> None:
    connection = through(forwards, hidden.port)
    assert connection.probe().startswith("role manager on PostgreSQL ")
    first = issued(in_turns(connection))
    assert in_turns(connection).answer(first) is Answer.ACCEPTED
    sign_in = SignIn({"port": hidden.port}, connection, clock=VirtualClock())
    assert sign_in.run(first, MemoryCheckpoint()) == {"at": f"postgresql://127.0.0.1:{hidden.port}/postgres via db1"}
    with session(server, first):
        assert Sessions({}, connection, clock=VirtualClock()).run(first, MemoryCheckpoint()) == {"sessions": 1}

    in_turns(connection).revoke(first)

    assert in_turns(connection).answer(first) is Answer.REFUSED
    assert set(hidden.visitors) == {"sshd"}


def test_replicas_are_behind_the_same_host(hidden: Behind, forwards: Forwards) -> None:
    connection = through(forwards, hidden.port, replicas=[f"localhost:{hidden.port}"])
    connection.sessions(["nova_a"])
    assert hidden.visitors == ["sshd"] * 2


def test_name_of_the_server_is_what_its_certificate_is_held_against(
    hidden: Behind, forwards: Forwards, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def refuse(**options: Any) -> None:
        given.update(options)
        raise psycopg.OperationalError("server certificate does not match host name")

    connection = through(forwards, hidden.port, host="db.example.com")
    monkeypatch.setattr(psycopg, "connect", refuse)
    with pytest.raises(errors.UntrustedServerError):
        connection.probe()
    assert (given["host"], given["hostaddr"], given["sslmode"]) == ("db.example.com", "127.0.0.1", "verify-full")
    assert given["port"] != hidden.port


def test_port_where_nobody_listens_is_told_by_the_host(forwards: Forwards) -> None:
    port = free_port()
    with pytest.raises(errors.UnavailableError) as raised:
        through(forwards, port).probe()
    assert f"postgresql://127.0.0.1:{port}/postgres via db1: it neither lets manager in" in str(raised.value)
    assert f"Of 127.0.0.1:{port}, ssh to host db1 says: " in str(raised.value)
    assert "Connection refused" in str(raised.value)


@pytest.fixture
def docker(server: Postgres, sshd: Sshd) -> Docker:
    return installed(sshd, server)


def by_command(forwards: Forwards, *command: str, **more: Any) -> PostgresConnection:
    via = {"host": "db1", "command": list(command)}
    return PostgresConnection({**more, "via": forwards.way(via)}, clock=VirtualClock())


@pytest.fixture
def contained(forwards: Forwards, docker: Docker) -> PostgresConnection:
    return by_command(forwards, *docker.psql)


def test_roles_take_turns_by_a_command(server: Postgres, contained: PostgresConnection) -> None:
    assert contained.probe().startswith(f"role {ADMIN} on PostgreSQL ")
    assert contained.server_time() is not None
    issuer = in_turns(contained)
    assert issuer.preflight(None) == []
    first = issued(issuer)
    second = issued(issuer, ("nova_a",))
    assert [issuer.answer(one) for one in (first, second)] == [Answer.ACCEPTED, Answer.ACCEPTED]
    with session(server, first), session(server, second):
        assert Sessions({}, contained, clock=VirtualClock()).run(second, MemoryCheckpoint()) == {"sessions": 1}
        used = {one.id: one.last_used_at for one in issuer.listed()}
        assert isinstance(used["nova_a"], datetime)
        open_ones = [f"open sessions of {role}: 1, which stay as they are" for role in ("nova_a", "nova_b")]
        assert issuer.preview() == open_ones

    issuer.revoke(first)

    assert [issuer.answer(one) for one in (first, second)] == [Answer.REFUSED, Answer.ACCEPTED]
    with pytest.raises(psycopg.OperationalError):
        session(server, first)


def test_role_that_has_left_is_dropped_by_a_command(server: Postgres, contained: PostgresConnection) -> None:
    database = server.database()
    with server.connect(database) as admin:
        admin.execute("CREATE TABLE sale (id int); ALTER TABLE sale OWNER TO nova_a")
    issuer = in_turns(contained)
    assert f"database {database}: to nova_owner goes table public.sale" in issuer.remains("nova_a").lines
    assert issuer.remains("nova_a").problems == []
    issuer.drop("nova_a")
    assert issuer.still_there(["nova_a", "nova_b"]) == ["nova_b"]
    with server.connect(database) as admin:
        owner = admin.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'sale'").fetchone()
    with server.connect() as admin:
        admin.execute(f"DROP DATABASE {database}")
    assert owner == ("nova_owner",)


def test_single_password_is_set_by_a_command(server: Postgres, contained: PostgresConnection) -> None:
    issuer = RolePasswords({"role": "single"}, contained, clock=VirtualClock())
    today = Credential("single", "by hand", {"password": SecretValue("the-old-one")})
    assert issuer.answer(today) is Answer.ACCEPTED
    new = issued(issuer)
    assert [issuer.answer(one) for one in (today, new)] == [Answer.REFUSED, Answer.ACCEPTED]
    session(server, new).close()


def test_command_is_given_the_verifier_and_nothing_else_of_a_password(
    server: Postgres, docker: Docker, contained: PostgresConnection
) -> None:
    made = issued(in_turns(contained))
    assert in_turns(contained).answer(made) is Answer.ACCEPTED
    with server.connect() as admin:
        (kept,) = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'nova_a'").fetchone()
    assert kept in docker.said
    assert "exec\n-i\nshop\npsql\n" in docker.given
    assert kept not in docker.given
    assert made.fields["password"].reveal() not in docker.said + docker.given + server.log.read_text()


def test_operators_that_others_have_made_are_not_run(server: Postgres, forwards: Forwards, docker: Docker) -> None:
    with planted(server) as database:
        connection = by_command(forwards, *docker.psql, database=database)
        assert in_turns(connection).preflight(None) == []


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("ALTER ROLE nobody LOGIN", errors.NotFoundError),
        ("SELECT 1/0", errors.InvalidRequestError),
        ("SELECT 'it''s', '%', ':x', 1; DROP ROLE nova_a", errors.InvalidRequestError),
    ],
)
def test_error_of_a_statement_is_told_by_its_state(
    contained: PostgresConnection, statement: str, kind: type[errors.RotorError]
) -> None:
    with pytest.raises(kind, match=r"trying: postgresql:///.* on host db1: PostgreSQL says [0-9A-Z]{5}"):
        contained.query("trying", statement)


def test_values_of_a_statement_stay_values(contained: PostgresConnection) -> None:
    odd = "'; \\! id; :x $$ \" %s \u2028 ü \\"
    query = "SELECT %s AS a, %s::text[] AS a, 2 AS b, NULL, true"
    assert contained.query("asking", query, (odd, ["x", odd])) == [(odd, ["x", odd], 2, None, True)]


def test_command_that_does_not_come_to_the_server_had_no_effect(forwards: Forwards, docker: Docker) -> None:
    gone = by_command(forwards, *docker.psql[:3], "gone", "psql")
    with pytest.raises(errors.UnavailableError, match="No such container: gone"):
        gone.probe()
    missing = by_command(forwards, *docker.psql, database="missing")
    with pytest.raises(errors.UnavailableError, match='database "missing" does not exist'):
        missing.probe()


def test_command_that_breaks_off_is_of_unknown_outcome(forwards: Forwards) -> None:
    broken = by_command(forwards, "sh", "-c", "echo 'rotor.secrets: begun'; exit 3")
    with pytest.raises(errors.OutcomeUnknownError, match="the command broke off"):
        broken.probe()


def test_only_scram_is_compared(server: Postgres, contained: PostgresConnection) -> None:
    with server.connect() as admin:
        admin.execute("SET password_encryption = 'md5'; ALTER ROLE single PASSWORD 'the-old-one'")
    today = Credential("single", "by hand", {"password": SecretValue("the-old-one")})
    issuer = RolePasswords({"role": "single"}, contained, clock=VirtualClock())
    with pytest.raises(errors.UnexpectedAnswerError, match="keeps no SCRAM verifier"):
        issuer.verify(today)


@pytest.mark.parametrize("done", ["VALID UNTIL '2000-01-01'", "NOLOGIN"])
def test_password_that_lets_nobody_in_is_refused(server: Postgres, contained: PostgresConnection, done: str) -> None:
    issuer = RolePasswords({"role": "single"}, contained, clock=VirtualClock())
    today = Credential("single", "by hand", {"password": SecretValue("the-old-one")})
    assert issuer.verify(today) is Answer.ACCEPTED
    with server.connect() as admin:
        admin.execute(f"ALTER ROLE single {done}")
    assert issuer.verify(today) is Answer.REFUSED


def test_sign_in_by_a_command_is_refused_beforehand(contained: PostgresConnection) -> None:
    check = SignIn({}, contained, clock=VirtualClock())
    [problem] = check.preflight()
    assert problem == "a check of type postgres signs in over the network, and its connection runs a command"


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"via": "db1"}, ["missing option host", "missing option user", "missing option password"]),
        (
            {"via": {"host": "db1", "command": ["psql"]}, "user": "rotor", "replicas": ["db2"]},
            [f"{name}: is not used where a command of via is run" for name in ("user", "replicas")],
        ),
        (
            {"via": {"host": "db1", "command": ["psql"]}, "database": "pgbouncer"},
            ["database: pgbouncer's console is not reached by a command"],
        ),
    ],
)
def test_options_fit_the_way_to_the_server(options: dict[str, Any], problems: list[str]) -> None:
    assert PostgresConnection.validate(options) == problems
