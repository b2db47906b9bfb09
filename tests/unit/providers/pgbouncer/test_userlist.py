# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a list of users: our lines change, all else stays byte for byte, and PgBouncer reads all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ForeignChangeError, InvalidRequestError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostRequest, answered
from ansible_collections.rotor.secrets.plugins.module_utils._core.postgres import verifier
from ansible_collections.rotor.secrets.plugins.module_utils._providers.pgbouncer.store import (
    UserList,
    UserListConnection,
)
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.dotenv.local_host import LocalHost

NEW = SecretValue("SCRAM-SHA-256$new")
ODD = 'it\'s "a" röle; \\'


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture
def store(host: LocalHost) -> UserList:
    connection = UserListConnection({}, clock=VirtualClock())
    connection.host = host
    return UserList(connection, clock=connection.clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "userlist.txt"
    path.write_bytes(b'; ours\n"other" "md5abc"\n')
    return path


@pytest.fixture
def container(file: Path) -> dict[str, Any]:
    return {"host": "app1", "path": str(file)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b'"shop" "SCRAM-SHA-256$new"\n'),
        (b'"a" "1"', b'"a" "1"\n"shop" "SCRAM-SHA-256$new"\n'),
        (
            b'; x\n\n "a" "1" rest \n"shop" "old"\n"b" "2"',
            b'; x\n\n "a" "1" rest \n"shop" "SCRAM-SHA-256$new"\n"b" "2"',
        ),
        (b'"shop" "old"\n"shop" "older"\n', b'"shop" "SCRAM-SHA-256$new"\n' * 2),
        (b'"sh""op" "1"\n"SHOP" "2"\n', b'"sh""op" "1"\n"SHOP" "2"\n"shop" "SCRAM-SHA-256$new"\n'),
        (b'"a" "two\nlines"\r\n\t\n', b'"a" "two\nlines"\r\n\t\n"shop" "SCRAM-SHA-256$new"\n'),
        (b'"\xff" "\xfe"\n"shop""" "1"\n', b'"\xff" "\xfe"\n"shop""" "1"\n"shop" "SCRAM-SHA-256$new"\n'),
    ],
)
def test_only_our_line_changes(store: UserList, container: Any, file: Path, before: bytes, after: bytes) -> None:
    file.write_bytes(before)
    store.write(container, {"shop": NEW})
    assert file.read_bytes() == after


@pytest.mark.parametrize("broken", [b"shop md5\n", b'"a"\n', b'"a" "1\n', b'"a""b"\n', b'"a" x\n'])
def test_a_list_that_pgbouncer_stops_reading_is_left_alone(
    store: UserList, container: Any, file: Path, broken: bytes
) -> None:
    file.write_bytes(b'"first" "1"\n' + broken)
    with pytest.raises(InvalidRequestError, match="PgBouncer stops reading at line 2"):
        store.write(container, {"shop": NEW})
    assert file.read_bytes() == b'"first" "1"\n' + broken


def test_mode_and_owner_stay(store: UserList, container: Any, file: Path) -> None:
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    before = file.stat()
    store.write(container, {"shop": NEW})
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino, "it is replaced, and never half written"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_one_is_taken_out_where_nobody_has_changed_it(store: UserList, container: Any, file: Path) -> None:
    store.write(container, {"shop_a": NEW, "shop_b": NEW})
    seen = store.observe(container, ["shop_a", "shop_b"])
    taken_out = HostRequest(container, ["shop_a", "shop_b"], {}, seen, gone=["shop_a"])
    assert answered(store.answers([taken_out])[0])["keys"].keys() == {"shop_b"}
    assert b"shop_a" not in file.read_bytes()
    assert answered(store.answers([taken_out])[0])["keys"].keys() == {"shop_b"}, "the same again changes nothing"
    file.write_bytes(file.read_bytes() + b'"shop_a" "somebody else\'s"\n')
    with pytest.raises(ForeignChangeError, match="somebody else has changed shop_a"):
        answered(store.answers([taken_out])[0])


def test_no_value_is_shown(store: UserList, container: Any, host: LocalHost) -> None:
    store.write(container, {"shop": NEW})
    shown = [*(command.command for command in host.ran), *host.said]
    assert not any(NEW.reveal() in text for text in shown)


def test_names_and_values_that_no_list_has_are_refused(store: UserList, container: Any) -> None:
    for values in ({"": NEW}, {"a" * 64: NEW}, {"shop": SecretValue("a\0b")}, {"shop": SecretValue("a" * 2048)}):
        with pytest.raises(InvalidRequestError, match="nothing was sent"):
            store.write(container, values)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = Postgres()
    yield running
    running.stop()


@pytest.mark.parametrize("role", ["plain", ODD])
@pytest.mark.parametrize("password", ["plain-password", "@:/%+'é\"\\ $#{}!`"])
def test_pgbouncer_reads_what_is_written_and_logs_in_with_it(
    store: UserList, cluster: Postgres, role: str, password: str
) -> None:
    """With the server's own verifier; with another of the same password it cannot."""
    pooler = cluster.pooler(server_login_retry=1)
    own, another = verifier(SecretValue(password)), verifier(SecretValue(password))
    with cluster.connect() as admin:
        quoted = psycopg.sql.Identifier(role)
        admin.execute(psycopg.sql.SQL("DROP ROLE IF EXISTS {}").format(quoted))
        made = psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(quoted, own.reveal())
        admin.execute(made)

    def log_in() -> Any:
        return (
            psycopg.connect(
                host="127.0.0.1", port=pooler.port, user=role, password=password, dbname="postgres", autocommit=True
            )
            .execute("SELECT session_user")
            .fetchone()
        )

    def put(value: SecretValue) -> None:
        store.write({"host": "app1", "path": str(pooler.users)}, {role: value})
        pooler.console("RELOAD")

    put(own)
    assert log_in() == (role,)
    put(another)
    assert log_in() == (role,), "while the pool is warm"
    pooler.console("RECONNECT")
    with pytest.raises(psycopg.OperationalError):
        log_in()
