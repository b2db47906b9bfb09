# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens behind a host alone: everything goes through forwards over a real sshd, and none of them outlives it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import yaml

from tests.sandbox.visitor import Visitor
from tests.servers import postgres
from tests.servers import sshd as server
from tests.servers.behind import Behind, behind
from tests.servers.docker import installed
from tests.servers.openbao import OpenBao
from tests.servers.postgres import ADMIN, PASSWORD, Postgres
from tests.servers.sshd import Sshd

from .conftest import OLD_TOKEN, Desk
from .facts import effects, is_alive, minted, paragraph, value_of, working
from .test_killed import POINTS, finish, rotation, stopped_at
from .test_secrecy import assert_nothing_shows, watched
from .test_secrecy_commands import RECORDER

pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server.is_missing()), reason=server.is_missing()),
]


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with server.running() as running:
        yield running


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    running = OpenBao()
    yield running
    running.stop()


@dataclass
class Site:
    """A desk in front of a world and a Vault which only host app1 reaches."""

    desk: Desk
    world: Behind
    vault: Behind
    document: tuple[str, str]

    def place(self, **hosts: Any) -> None:
        """Write the inventory's hosts."""
        (self.desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))

    def go_via(self, **hosts: str) -> None:
        """Name the host through which each connection is reached, and the http checks."""
        example = self.desk.example
        connections = example["secret_connections"]
        auth = {"method": "token", "token": {"env": "VAULT_TOKEN"}}
        connections["vault"] = {"type": "vault", "url": self.vault.url, "auth": auth}
        for name, host in hosts.items():
            for entry in [connections[name]] if name in connections else http_checks(example):
                entry["via"] = host
        self.desk.override(**{name: example[name] for name in connections_and(example)})

    def rotate_role(self, connection: dict[str, Any]) -> None:
        """Have the map say nothing but the password of one role, which is kept in the Vault."""
        mount, path = self.document
        keys = {"PGUSER": "${username}", "PGPASSWORD": "${password}"}
        secret = {
            "issuer": {"type": "postgres_role", "connection": "pg", "role": "shop"},
            "copies": [{"store": "vault", "mount": mount, "path": path, "keys": keys}],
        }
        auth = {"method": "token", "token": {"env": "VAULT_TOKEN"}}
        vault = {"type": "vault", "url": self.vault.url, "via": "app1", "auth": auth}
        connections = {"pg": connection, "vault": vault}
        self.desk.override(
            secret_map={"SHOP": secret}, secret_connections=connections, secret_consumers={}, rotate_only=["SHOP"]
        )


def connections_and(example: dict[str, Any]) -> list[str]:
    return [name for name in example if name.startswith("secret_")]


def http_checks(example: dict[str, Any]) -> list[dict[str, Any]]:
    steps = example["secret_map"]["FLY_API_TOKEN"]["rollout"]
    return [*example["secret_consumers"]["molecule-cp"]["healthy"], *steps[0]["verify"]]


@pytest.fixture
def site(world: Visitor, desk: Desk, bao: OpenBao, sshd: Sshd) -> Iterator[Site]:
    mount = bao.mount(2)
    with behind(int(urlsplit(world.url).port or 0)) as hidden, behind(bao.port) as vault:
        for name in ("FLY_API_URL", "FLY_GRAPHQL_URL", "GITHUB_API_URL", "MOLECULE_URL"):
            desk.environment[name] = desk.environment[name].replace(world.url, hidden.url)
        desk.environment["VAULT_TOKEN"] = bao.root
        example = yaml.safe_load((desk.inventory / "group_vars" / "all" / "secrets.yml").read_text())
        copy = {"store": "vault", "mount": mount, "path": "control/plane"}
        example["secret_map"]["FLY_API_TOKEN"]["rollout"][0]["copies"].append(copy)
        (desk.inventory / "group_vars" / "all" / "secrets.yml").write_text(yaml.safe_dump(example))
        made = Site(desk, hidden, vault, (mount, "control/plane"))
        made.place(app1=sshd.variables)
        made.go_via(fly="app1", github="app1", vault="app1", checks="app1")
        yield made


def forwards(sshd: Sshd) -> list[psutil.Process]:
    """The ssh processes that lead to this host."""
    port = str(sshd.port)
    processes = psutil.process_iter(["name", "cmdline"])
    return [one for one in processes if one.info["name"] == "ssh" and port in str(one.info["cmdline"])]


def test_a_whole_rotation_goes_through_a_host(world: Visitor, site: Site, bao: OpenBao, sshd: Sshd) -> None:
    outcome = site.desk.rotate()

    assert outcome.code == 0, outcome
    assert working(world)
    (new,) = minted(world)
    assert bao.values(*site.document) == {"FLY_API_TOKEN": value_of(world, new)}
    assert not is_alive(world, OLD_TOKEN)
    assert set(site.world.visitors) == set(site.vault.visitors) == {"sshd"}
    assert forwards(sshd) == []
    assert world.violations() == []


def test_no_value_shows_in_what_ssh_is_given(world: Visitor, site: Site, sshd: Sshd) -> None:
    recorder = site.desk.home / "ssh-recorder"
    recorder.write_text(RECORDER.replace("RECORDS", str(site.desk.home)))
    recorder.chmod(0o755)
    site.place(app1=sshd.variables | {"ansible_ssh_executable": str(recorder)})

    watch = watched(site.desk)

    assert working(world)
    assert_nothing_shows(world, site.desk, watch)
    records = [record.read_text() for record in site.desk.home.glob("ssh.*")]
    assert any(f"127.0.0.1:{site.vault.port}\n" in record for record in records)
    assert not [record for record in records if "ADMIN_TOKEN" in record or "ROTOR_LEDGER_KEY" in record]


def test_wrong_hosts_are_told_all_at_once_before_anything_is_sent(world: Visitor, site: Site, sshd: Sshd) -> None:
    site.place(app1=sshd.variables, here={"ansible_connection": "local"})
    site.go_via(fly="app2", github="here", vault="app1", checks="here")

    refused = site.desk.rotate()

    assert refused.code != 0
    assert "secret_connections.fly.via: there is no such host in the inventory; did you mean app1?" in refused.output
    assert "secret_connections.github.via: its connection is local, and a forward needs ssh" in refused.output
    assert "healthy[0].via: its connection is local" in refused.output
    assert "verify[0].via: its connection is local" in refused.output
    assert world.ask("counts")["total"] == 0
    assert site.world.visitors == []


def test_hosts_out_of_reach_are_told_all_at_once_in_the_plan(world: Visitor, site: Site, sshd: Sshd) -> None:
    stranger = sshd.variables | {"ansible_user": "nobody-of-that-name"}
    gone = sshd.variables | {"ansible_port": 1}
    site.place(app1=sshd.variables, stranger=stranger, gone=gone)
    site.go_via(fly="app1", github="gone", vault="stranger", checks="app1")

    refused = site.desk.rotate()

    assert refused.code != 0
    told = paragraph(refused.output, "FLY_API_TOKEN")
    assert "connection github: " in told
    assert "host gone cannot be reached by ssh: " in told
    assert "Connection refused" in told
    assert "host stranger cannot be reached by ssh: " in told
    assert "Permission denied (publickey" in told
    assert "ansible stranger -m ping" in told
    assert effects(world) == []


def test_check_whose_host_is_out_of_reach_holds_before_the_mint(world: Visitor, site: Site, sshd: Sshd) -> None:
    site.place(app1=sshd.variables, gone=sshd.variables | {"ansible_port": 1})
    site.go_via(fly="app1", github="app1", vault="app1", checks="gone")

    refused = site.desk.rotate()

    assert refused.code != 0
    told = paragraph(refused.output, "FLY_API_TOKEN")
    assert told.count("host gone cannot be reached by ssh: ") == 2
    assert effects(world) == []


@pytest.mark.parametrize("stop", [subprocess.Popen.kill, subprocess.Popen.terminate])
def test_kill_leaves_no_ssh_behind(world: Visitor, site: Site, sshd: Sshd, stop: Any) -> None:
    job = rotation(world, site.desk, POINTS["the write to GitHub"], "before")
    stopped_at(world, POINTS["the write to GitHub"], "before", job, stop)

    _gone, alive = psutil.wait_procs(forwards(sshd), timeout=120)
    assert alive == []
    finish(world, site.desk)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = Postgres()
    with running.connect() as admin:
        admin.execute("ALTER SYSTEM SET log_statement = 'all'")
        admin.execute("SELECT pg_reload_conf()")
    yield running
    running.stop()


@pytest.mark.parametrize("how", ["a forward", "a command"])
def test_password_of_a_role_behind_a_host_is_changed_by(
    site: Site, bao: OpenBao, cluster: Postgres, sshd: Sshd, how: str
) -> None:
    docker, old = installed(sshd, cluster), f"the-old-one-of-{how}"
    with cluster.connect() as admin:
        admin.execute(f"DROP ROLE IF EXISTS shop; CREATE ROLE shop LOGIN PASSWORD '{old}'")
    with behind(cluster.port) as hidden:
        connection: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": hidden.port,
            "user": ADMIN,
            "password": {"env": "PG_PASSWORD"},
        }
        ways = {
            "a forward": {**connection, "via": "app1"},
            "a command": {"via": {"host": "app1", "command": docker.psql}},
        }
        site.desk.environment["PG_PASSWORD"] = PASSWORD
        site.rotate_role({"type": "postgres", **ways[how]})

        watch = watched(site.desk, "rotor.secrets.rotate")

        assert hidden.visitors == ["sshd"] * len(hidden.visitors)
        assert bool(hidden.visitors) is (how == "a forward")
    kept = (bao.values(*site.document) or {})["PGPASSWORD"]
    assert kept != old
    log_in(cluster, kept)
    with pytest.raises(psycopg.OperationalError):
        log_in(cluster, old)
    ssh = docker.given + docker.said if how == "a command" else ""
    assert kept not in cluster.log.read_text() + ssh
    assert (watch.search("a role's rotation", [kept]), watch.inherited([kept, bao.root])) == ([], [])
    assert forwards(sshd) == []


def log_in(cluster: Postgres, password: str) -> None:
    address: dict[str, Any] = {"host": "127.0.0.1", "port": cluster.port, "dbname": "postgres", "user": "shop"}
    psycopg.connect(**address, password=password).close()
