# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One secret in every store at once: OpenBao, AWS, a host behind sshd, and the stand-in world."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.visitor import Visitor
from tests.servers import openbao, sshd
from tests.servers.moto import Moto, alone
from tests.servers.openbao import OpenBao
from tests.servers.sshd import Sshd
from tests.unit.providers.dotenv import readers

from .conftest import Desk
from .facts import REPOSITORY
from .stores import DOCUMENT, TENANT, connections

pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(sshd.is_missing()), reason=sshd.is_missing()),
]
NAME = "SESSION_KEY"
NEIGHBOUR = {"NEIGHBOUR": "stays"}


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    running = OpenBao()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with alone():
        running = Moto()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def host() -> Iterator[Sshd]:
    with sshd.running() as running:
        yield running


@dataclass
class Everywhere:
    """A desk with the secret's map, and a look into each store that shares no code with ours.

    ``mount`` names what is this test's own in the servers that all tests share.
    """

    world: Visitor
    desk: Desk
    bao: OpenBao
    mount: str
    moto: Moto
    file: Path

    def rotate(self, *arguments: str) -> Any:
        return self.desk.play("rotor.secrets.rotate", "-e", f"rotate_only={NAME}", *arguments)

    @property
    def value(self) -> str:
        """What Vault holds, to be looked for in the others."""
        return str((self.bao.values(self.mount, DOCUMENT) or {})[NAME])

    def holders(self, value: str) -> dict[str, bool]:
        parameter = self.moto.client("ssm").get_parameter(Name=f"/{self.mount}/{NAME}", WithDecryption=True)
        holds = {
            kind: self.world.tell("holds", kind=kind, name=NAME, value=value)["holds"]
            for kind in (
                "fly app molecule-cp, secret",
                f"github {REPOSITORY}, secret",
                "infisical secret of molecule prod:/backend",
                "tenant secret",
            )
        }
        return holds | {
            "ssm": parameter["Parameter"]["Value"] == value,
            "secrets manager": self.document[NAME] == value,
            "vault": self.value == value,
            "file": readers.shell(self.file)[NAME] == value,
        }

    @property
    def document(self) -> dict[str, Any]:
        found = self.moto.client("secretsmanager").get_secret_value(SecretId=self.mount)
        return dict(json.loads(found["SecretString"]))

    def neighbours(self) -> list[str]:
        """What stands beside the secret in the same containers."""
        vault = self.bao.values(self.mount, DOCUMENT) or {}
        return [found["NEIGHBOUR"] for found in (vault, self.document, readers.shell(self.file))]


@pytest.fixture
def everywhere(world: Visitor, desk: Desk, bao: OpenBao, moto: Moto, host: Sshd) -> Everywhere:
    mount = bao.mount(2)
    bao.put(mount, DOCUMENT, NEIGHBOUR)
    moto.client("secretsmanager").create_secret(Name=mount, SecretString=json.dumps(NEIGHBOUR))
    file = host.folder / f"{mount}.env"
    file.write_text("# made by hand\nNEIGHBOUR=stays\n")
    become = {"ansible_become": host.password is not None}
    (desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": host.variables | become}}}))
    desk.environment |= {
        "VAULT_TOKEN": openbao.ROOT,
        "AWS_KEY": moto.admin["access_key_id"],
        "AWS_SECRET": moto.admin["secret_access_key"],
        "INFISICAL_SECRET": world.credentials["INFISICAL_CLIENT_SECRET"],
        "TENANT_TOKEN": world.credentials["TENANT_ADMIN_TOKEN"],
    }
    desk.override(
        secret_connections=connections(world, bao, moto, desk.example["secret_connections"]),
        secret_map={NAME: secret(mount, file)},
    )
    return Everywhere(world, desk, bao, mount, moto, file)


def secret(mount: str, file: Path) -> dict[str, Any]:
    copies = [
        {"store": "fly", "app": "molecule-cp"},
        {"store": "github", "repository": REPOSITORY},
        {"store": "ssm", "path": f"/{mount}"},
        {"store": "sm", "secret": mount},
        {"store": "vault", "mount": mount, "path": DOCUMENT},
        {"store": "infisical", "project": "molecule", "environment": "prod", "path": "/backend"},
        TENANT,
        {"store": "files", "host": "app1", "path": str(file)},
    ]
    return {"max_age": "90d", "issuer": {"type": "random", "bytes": 32}, "copies": copies}


def test_one_value_stands_in_every_store_and_the_next_replaces_it(everywhere: Everywhere) -> None:
    first = everywhere.rotate()

    assert first.code == 0, first
    old = everywhere.value
    assert all(everywhere.holders(old).values()), everywhere.holders(old)
    assert old not in first.output

    again = everywhere.rotate("-e", "rotate_force=true")

    assert again.code == 0, again
    new = everywhere.value
    assert new != old
    assert all(everywhere.holders(new).values()), everywhere.holders(new)
    assert everywhere.neighbours() == ["stays"] * 3
    assert everywhere.world.violations() == []


def test_a_change_by_hand_in_any_store_is_noticed_before_a_new_value_is_made(everywhere: Everywhere) -> None:
    assert everywhere.rotate().code == 0
    old = everywhere.value
    held = everywhere.bao.values(everywhere.mount, DOCUMENT) or {}
    everywhere.bao.put(everywhere.mount, DOCUMENT, held | {NAME: "changed by hand"})

    refused = everywhere.rotate("-e", "rotate_force=true")

    assert refused.code != 0
    assert f"{DOCUMENT} was changed by somebody else" in refused.output
    assert everywhere.value == "changed by hand"
    assert everywhere.document[NAME] == old


def test_a_neighbours_change_is_nobodys_business(everywhere: Everywhere) -> None:
    assert everywhere.rotate().code == 0
    held = everywhere.bao.values(everywhere.mount, DOCUMENT) or {}
    everywhere.bao.put(everywhere.mount, DOCUMENT, held | {"NEIGHBOUR": "moved"})

    assert everywhere.rotate("-e", "rotate_force=true").code == 0
    assert (everywhere.bao.values(everywhere.mount, DOCUMENT) or {})["NEIGHBOUR"] == "moved"


def test_what_is_written_says_which_ledger_it_belongs_to(everywhere: Everywhere) -> None:
    assert everywhere.rotate().code == 0

    vault = everywhere.bao.metadata(everywhere.mount, DOCUMENT)["custom_metadata"]
    tags = everywhere.moto.client("ssm").list_tags_for_resource(
        ResourceType="Parameter", ResourceId=f"/{everywhere.mount}/{NAME}"
    )["TagList"]
    assert vault["rotor_ledger"] in {tag["Value"] for tag in tags if tag["Key"] == "rotor_ledger"}


def test_what_another_ledger_has_written_is_not_taken_over_silently(everywhere: Everywhere) -> None:
    assert everywhere.rotate().code == 0
    old = everywhere.value
    everywhere.desk.ledger.unlink()

    refused = everywhere.rotate()

    assert refused.code != 0
    assert "belongs to another ledger" in refused.output
    assert f" at {everywhere.desk.ledger}, made 20" in refused.output
    assert everywhere.value == old
