# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password of all that means something to somebody arrives as it is: in Vault, dotenv files, PgBouncer and a URL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import yaml

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.postgres import verifier
from tests.servers import openbao, postgres
from tests.servers.openbao import OpenBao
from tests.servers.postgres import ADMIN, PASSWORD, Pooler, Postgres
from tests.unit.providers.dotenv import readers

from .conftest import Desk

NAME, ROLE = "ODD_PASSWORD", 'odd "role"'
MEANING = "@:/%+'é\"\\ $#{}!`"
"""Each of these means something to a URL, a file of variables, a list of users, JSON, a template or a shell."""


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    running = OpenBao()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = Postgres()
    yield running
    running.stop()


@pytest.fixture
def pooler(cluster: Postgres) -> Pooler:
    return cluster.pooler()


def arrange(desk: Desk, bao: OpenBao, cluster: Postgres, pooler: Pooler) -> dict[str, Any]:
    """The map; its documents and files are there."""
    mount = bao.mount(2)
    files = {name: desk.home / f"{name}.env" for name in ("compose", "others")}
    for file in files.values():
        file.write_text("# made by hand\n")
    python = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": python}}}))
    desk.environment |= {"VAULT_TOKEN": openbao.ROOT, "ADMIN": PASSWORD}
    here = {"type": "postgres", "host": "127.0.0.1", "user": ADMIN, "password": {"env": "ADMIN"}}
    copy = {"store": "files", "host": "app1", "keys": {"PASSWORD": "${value}"}}
    url = f"postgresql://odd%20%22role%22:${{value|url}}@127.0.0.1:{cluster.port}/postgres"
    entry = {
        "issuer": {"type": "person", "where": "a console", "make": "press New", "end": "press Delete"},
        "derived": {"url": url},
        "copies": [
            {"store": "safe", "mount": mount, "path": "odd", "keys": {"PASSWORD": "${value}", "URL": "${url}"}},
            {**copy, "path": str(files["compose"]), "readers": ["compose"]},
            {**copy, "path": str(files["others"]), "readers": ["systemd", "shell"]},
            {"store": "users", "host": "app1", "path": str(pooler.users), "keys": {ROLE: "${value}"}},
        ],
        "reload": ["pool"],
        "revoke": {"accept": "life"},
    }
    desk.override(
        secret_connections={
            "safe": {"type": "vault", "url": bao.url, "token": {"env": "VAULT_TOKEN"}},
            "console": {**here, "port": pooler.port, "database": "pgbouncer"},
            "files": {"type": "dotenv"},
            "users": {"type": "pgbouncer_userlist"},
        },
        secret_consumers={"pool": {"type": "pgbouncer", "connection": "console"}},
        secret_map={NAME: entry},
    )
    return {"mount": mount, **files}


@pytest.mark.parametrize("value", [f"odd-{MEANING}", f"{MEANING[::-1]}'{MEANING}"])
def test_a_password_of_everything_arrives_as_it_is(
    desk: Desk, bao: OpenBao, cluster: Postgres, pooler: Pooler, value: str
) -> None:
    places = arrange(desk, bao, cluster, pooler)
    with cluster.connect() as admin:
        role = psycopg.sql.Identifier(ROLE)
        admin.execute(psycopg.sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        own = verifier(SecretValue(value)).reveal()
        admin.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, own))
    given = desk.home / "given"
    given.touch(0o600)
    given.write_text(value)

    deposited = desk.play("rotor.secrets.deposit", "-e", f"deposit_secret={NAME}", "-e", f"deposit_file={given}")
    assert deposited.code == 0, deposited
    rotated = desk.play("rotor.secrets.rotate", "-e", f"rotate_only={NAME}")
    assert rotated.code == 0, rotated

    assert value not in deposited.output + rotated.output
    document = bao.values(places["mount"], "odd") or {}
    assert document["PASSWORD"] == value
    assert readers.compose(places["compose"])["PASSWORD"] == value
    assert readers.shell(places["others"])["PASSWORD"] == value
    if readers.systemd_library():
        assert readers.systemd(places["others"])["PASSWORD"] == value
    with psycopg.connect(document["URL"]) as session:
        assert session.execute("SELECT session_user").fetchone() == (ROLE,)
    through: dict[str, Any] = {"host": "127.0.0.1", "port": pooler.port, "dbname": "postgres"}
    with psycopg.connect(user=ROLE, password=value, **through) as session:
        assert session.execute("SELECT session_user").fetchone() == (ROLE,)
