# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is rotated while it is killed: a user's map in front of a world, and what that looks like at rest."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from tests.integration.conftest import OLD_TOKEN, open_desk
from tests.integration.facts import REPOSITORY, is_alive, minted, working
from tests.integration.stores import DOCUMENT, TENANT, connections
from tests.sandbox.visitor import Visitor
from tests.servers import openbao
from tests.servers.moto import Moto, alone
from tests.servers.openbao import OpenBao
from tests.servers.shop import Shop
from tests.unit.providers.dotenv import readers

_ENVIRONMENT = re.compile(r"\{\{ lookup\('ansible\.builtin\.env', '(\w+)'.*?\) \}\}")


COLLECTIONS = Path(__file__).parent / "collections"
"""A third party's collection, which rotates the keys of the stand-in world's key service."""
HURRY = 20
"""How many times faster the clocks of a played run are: so much earlier a lease of the world has to end."""


class Servers:
    """Real servers, started when a scene wants them."""

    def __init__(self) -> None:
        self._running = ExitStack()

    @cached_property
    def bao(self) -> OpenBao:
        running = OpenBao()
        self._running.callback(running.stop)
        return running

    @cached_property
    def moto(self) -> Moto:
        self._running.enter_context(alone())
        running = Moto()
        self._running.callback(running.stop)
        return running

    @cached_property
    def shop(self) -> Shop:
        running = Shop()
        self._running.callback(running.stop)
        return running

    def stop(self) -> None:
        self._running.close()


class Scene(ABC):
    """One user's desk; the world is as new."""

    name: ClassVar[str]
    secrets: tuple[str, ...]

    def __init__(self, world: Visitor, home: Path, servers: Servers) -> None:
        self.world = world
        self.servers = servers
        self.desk = open_desk(world, home)
        quick = 1 / HURRY
        world.tell("switch", rate_limits=False, machine_seconds=0.01, run_seconds=0.01, lease_second=quick)
        self.arrange()

    def arrange(self) -> None:  # noqa: B027 - most need nothing
        """Beyond the example's own inventory."""

    @property
    def variables(self) -> dict[str, Any]:
        """The inventory's variables as Ansible would expand them."""
        overridden = sorted((self.desk.inventory / "host_vars" / "localhost").glob("*.json"))
        given = self.desk.example | {key: value for f in overridden for key, value in json.loads(f.read_text()).items()}
        text = json.dumps({name: value for name, value in given.items() if name.startswith("secret_")})
        text = text.replace("{{ molecule_url }}", self.desk.environment["MOLECULE_URL"])
        expanded: dict[str, Any] = json.loads(
            _ENVIRONMENT.sub(lambda found: self.desk.environment[found.group(1)], text)
        )
        return expanded

    def values(self) -> list[str]:
        """All that must not be found anywhere."""
        values: list[str] = self.world.ask("credentials")["values"]
        return values

    @abstractmethod
    def mints(self) -> dict[str, str]:
        """What has been minted: a word that the ledger knows it by -> its secret."""

    @abstractmethod
    def assert_at_rest(self) -> None:
        """One working credential everywhere, and nothing else of ours alive."""

    def assert_unbroken(self) -> None:
        """No consumer was without a working credential, at no moment."""
        assert self.world.violations() == []

    def assert_usable(self) -> None:  # noqa: B027 - most have only what the world watches
        """What has to hold right after a kill, too."""

    def tend(self, lost: set[str], run: Callable[[], str]) -> None:  # noqa: B027 - most finish without a person
        """What a person has to do for mints whose answer was lost; ``run`` is one more run, and what that says."""

    def recorded(self) -> set[str]:
        """The provider's ids, or where there are none the names, of the credentials that the ledger knows."""
        return set(self._query("SELECT coalesce(provider_id, name), secret FROM credentials"))

    def _query(self, question: str) -> dict[str, str]:
        """Of two columns; nothing where the run was killed before it had a ledger."""
        if not self.desk.ledger.exists():
            return {}
        with closing(sqlite3.connect(f"file:{self.desk.ledger}?mode=ro", uri=True)) as ledger:
            tables = ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'credentials'").fetchone()
            return dict(ledger.execute(question).fetchall()) if tables else {}

    def effects(self) -> int:
        """How often anything was changed so far."""
        count: int = self.world.ask("counts")["effects"]
        return count


class TwoPlaces(Scene):
    """One Fly token in an app and in a repository, both valid until the old one is revoked."""

    name = "two-place Fly token"
    secrets = ("FLY_API_TOKEN",)

    def mints(self) -> dict[str, str]:
        return dict.fromkeys(minted(self.world), "FLY_API_TOKEN")

    def assert_at_rest(self) -> None:
        assert working(self.world)
        assert not is_alive(self.world, OLD_TOKEN)
        assert len(minted(self.world, alive=True)) == 1


class Batch(Scene):
    """Twenty secrets that we make ourselves, each in a store that can be read and in one of the stand-in world."""

    name = "twenty secrets over all stores"
    secrets = tuple(f"BATCH_{number:02}" for number in range(1, 21))

    def arrange(self) -> None:
        world, desk, bao, moto = self.world, self.desk, self.servers.bao, self.servers.moto
        self.mount = bao.mount(2)
        moto.client("secretsmanager").create_secret(Name=self.mount, SecretString="{}")
        self._file = desk.home / "app.env"
        self._file.write_text("# made by hand\n")
        python = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": python}}}))
        desk.environment |= {
            "VAULT_TOKEN": openbao.ROOT,
            "AWS_KEY": moto.admin["access_key_id"],
            "AWS_SECRET": moto.admin["secret_access_key"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "INFISICAL_SECRET": world.credentials["INFISICAL_CLIENT_SECRET"],
            "TENANT_TOKEN": world.credentials["TENANT_ADMIN_TOKEN"],
        }
        desk.override(
            secret_connections=connections(world, bao, moto, desk.example["secret_connections"]),
            secret_map={name: self._secret(_number(name)) for name in self.secrets},
        )

    def _secret(self, number: int) -> dict[str, Any]:
        ours = [
            {"store": "vault", "mount": self.mount, "path": DOCUMENT},
            {"store": "ssm", "path": f"/{self.mount}"},
            {"store": "sm", "secret": self.mount},
            {"store": "files", "host": "app1", "path": str(self._file)},
        ]
        theirs: list[dict[str, Any]] = [
            {"store": "fly", "app": "molecule-cp"},
            {"store": "github", "repository": REPOSITORY},
            {"store": "infisical", "project": "molecule", "environment": "prod", "path": "/backend"},
            TENANT,
        ]
        other = theirs[number // 4 % 4]
        reload = ["molecule-cp"] if other["store"] == "fly" else []
        return {"issuer": {"type": "random", "bytes": 32}, "copies": [ours[number % 4], other], "reload": reload}

    def _found(self) -> dict[str, str]:
        """Each secret's value in the store that can be read, as far as it is there."""
        ssm, manager = self.servers.moto.client("ssm"), self.servers.moto.client("secretsmanager")
        listed = ssm.get_parameters_by_path(Path=f"/{self.mount}", WithDecryption=True)["Parameters"]
        return {
            **(self.servers.bao.values(self.mount, DOCUMENT) or {}),
            **{one["Name"].rpartition("/")[2]: one["Value"] for one in listed},
            **json.loads(manager.get_secret_value(SecretId=self.mount)["SecretString"]),
            **readers.shell(self._file),
        }

    def values(self) -> list[str]:
        """The file on the host is a store, and holds its own; an identity's id is no secret."""
        shown = {*readers.shell(self._file).values(), self.world.credentials["INFISICAL_CLIENT_ID"]}
        return sorted({*super().values(), *self._found().values()} - shown)

    def mints(self) -> dict[str, str]:
        """Nobody else knows of them: what the ledger has recorded is all."""
        return self._query("SELECT name, secret FROM credentials")

    def assert_at_rest(self, of: Collection[str] | None = None) -> None:
        """``of`` these, or of all."""
        found = self._found()
        kinds = (
            "fly app molecule-cp, secret",
            f"github {REPOSITORY}, secret",
            "infisical secret of molecule prod:/backend",
            "tenant secret",
        )
        for name in self.secrets if of is None else of:
            assert name in found, f"{name} is not in the store that can be read"
            there = {"kind": kinds[_number(name) // 4 % 4], "name": name, "value": found[name]}
            assert self.world.tell("holds", **there)["holds"], f"{name} differs in {there['kind']}"

    def effects(self) -> int:
        versions = self.servers.bao.metadata(self.mount, DOCUMENT)["current_version"]
        return super().effects() + int(versions) + self._file.stat().st_mtime_ns


def _number(name: str) -> int:
    return int(name.rpartition("_")[2]) - 1


class EachStore(Batch):
    """As few of the batch as have every store once; ``SYSTEMS`` tells whose each system is."""

    name = "one secret for each two stores"
    secrets = ("BATCH_01", "BATCH_06", "BATCH_11", "BATCH_16")
    SYSTEMS: ClassVar[dict[str, set[str]]] = {
        "Vault": {"BATCH_01"},
        "Fly": {"BATCH_01"},
        "SSM": {"BATCH_06"},
        "GitHub": {"BATCH_06"},
        "Secrets Manager": {"BATCH_11"},
        "Infisical": {"BATCH_11"},
        "STS": {"BATCH_06", "BATCH_11"},
        "described HTTP API": {"BATCH_16"},
    }


class CutOver(Scene):
    """A key in two places; a new one is the end of the old one, unless two roles take turns."""

    kind: ClassVar[str]
    roles: ClassVar[list[str]] = []
    secrets = ("SERVICE_KEY",)

    def arrange(self) -> None:
        world, desk = self.world, self.desk
        world.tell("switch", named=list(self.secrets))
        opened = world.act("open_account", name="nova", secret=self.secrets[0], roles=self.roles)
        desk.environment |= {
            "KEYS_TOKEN": world.credentials["KEYS_ADMIN_TOKEN"],
            "TENANT_TOKEN": world.credentials["TENANT_ADMIN_TOKEN"],
            "ANSIBLE_COLLECTIONS_PATH": f"{desk.environment['ANSIBLE_COLLECTIONS_PATH']}{os.pathsep}{COLLECTIONS}",
        }
        desk.override(
            secret_connections=desk.example["secret_connections"]
            | {
                "keys": {"type": "test.keys.service", "url": f"{world.url}/keys", "token": {"env": "KEYS_TOKEN"}},
                "tenant": {"type": "http", "url": f"{world.url}/tenant", "token": {"env": "TENANT_TOKEN"}},
            },
            secret_map={
                self.secrets[0]: {
                    "issuer": {"type": f"test.keys.{self.kind}", "connection": "keys", "account": "nova"}
                    | ({"current_id": opened["id"]} if self.has_ids else {}),
                    "copies": [TENANT, {"store": "github", "repository": REPOSITORY}],
                    "revoke": {"accept": "life"},
                }
            },
        )

    @property
    def has_ids(self) -> bool:
        return bool(self.roles)

    @property
    def _account(self) -> dict[str, Any]:
        account: dict[str, Any] = self.world.ask("state")["keys"]["nova"]
        return account

    def mints(self) -> dict[str, str]:
        """By their names: an id may be a role's, and is there before."""
        return {key["name"]: self.secrets[0] for key in self._account["keys"] if key["name"].startswith("rotor-")}

    def recorded(self) -> set[str]:
        return set(self._query("SELECT name, secret FROM credentials WHERE origin != 'orphan'"))

    def assert_at_rest(self) -> None:
        (alive,) = [key for key in self._account["keys"] if key["alive"]]
        assert alive["name"].startswith("rotor-")
        assert set(self._account["copies"].values()) == {f"{alive['id']} {alive['name']}"}

    def assert_unbroken(self) -> None:
        """A gap is what a cut-over is; it has to be closed."""
        broken = self.world.ask("violations")["violations"]
        assert [item["what"] for item in broken if not self._is_closed_gap(item)] == []

    def _is_closed_gap(self, item: dict[str, Any]) -> bool:
        return not self.roles and item["kind"] == "latent" and item["until"] is not None


class Readable(CutOver):
    name = "cut-over, readable"
    kind = "readable"


class Reconciled(CutOver):
    name = "cut-over, reconcile"
    kind = "listed"


class Ours(CutOver):
    name = "cut-over, ours"
    kind = "ours"


class Unseen(CutOver):
    name = "cut-over, none"
    kind = "unseen"


class Roles(CutOver):
    name = "two roles in turns"
    kind = "roles"
    roles: ClassVar[list[str]] = ["nova_a", "nova_b"]


class OwnSecretId(Scene):
    """The secret-id with which a connection logs in, read from a document in which a rotation puts the new one."""

    name = "a connection's own secret-id"
    secrets = ("VAULT_SECRET_ID",)

    def arrange(self) -> None:
        bao, desk = self.servers.bao, self.desk
        self.mount, auth = bao.mount(2), bao.auth("approle")
        self._role, self._made = f"auth/{auth}/role/ci", dict[str, str]()
        policy = bao.policy({f"{self._role}*": ("create", "read", "update", "list")})
        bao.ask("POST", self._role, {"token_policies": [policy]})
        old = bao.ask("POST", f"{self._role}/secret-id")["data"]
        self._old = old["secret_id"]
        bao.put(self.mount, DOCUMENT, {self.secrets[0]: self._old})
        desk.environment |= {"VAULT_TOKEN": openbao.ROOT}
        place = {"store": "safe", "mount": self.mount, "path": DOCUMENT}
        login = {"method": "approle", "mount": auth, "role_id": self._role_id}
        desk.override(
            secret_connections={
                "safe": {"type": "vault", "url": bao.url, "token": {"env": "VAULT_TOKEN"}},
                "ci": {
                    "type": "vault",
                    "url": bao.url,
                    "auth": {**login, "secret_id": {**place, "key": self.secrets[0]}},
                },
            },
            secret_map={
                self.secrets[0]: {
                    "issuer": {
                        "type": "vault_approle_secret_id",
                        "connection": "ci",
                        "mount": auth,
                        "role": "ci",
                        "current_id": old["secret_id_accessor"],
                    },
                    "connections": ["ci"],
                    "copies": [place],
                    "revoke": {"accept": "life"},
                }
            },
        )

    @property
    def _role_id(self) -> str:
        return str(self.servers.bao.ask("GET", f"{self._role}/role-id")["data"]["role_id"])

    @property
    def _value(self) -> str:
        """What the connection's reference leads to."""
        return str((self.servers.bao.values(self.mount, DOCUMENT) or {})[self.secrets[0]])

    def _ours(self) -> dict[str, bool]:
        """Accessors, and whether a run has made the secret-id."""
        bao = self.servers.bao
        found = bao.ask("LIST", f"{self._role}/secret-id", ok=False)
        accessors = found.get("data", {}).get("keys", [])
        look = f"{self._role}/secret-id-accessor/lookup"
        facts = {one: bao.ask("POST", look, {"secret_id_accessor": one})["data"] for one in accessors}
        return {one: "rotor" in (fact["metadata"] or {}) for one, fact in facts.items()}

    def values(self) -> list[str]:
        return [*super().values(), self._old, self._value]

    def mints(self) -> dict[str, str]:
        """As often as anybody has asked: a secret-id that was destroyed is known to nobody."""
        self._made |= {accessor: self.secrets[0] for accessor, ours in self._ours().items() if ours}
        return self._made

    def assert_usable(self) -> None:
        auth = self._role.removesuffix("/role/ci")
        login = {"role_id": self._role_id, "secret_id": self._value}
        assert "auth" in self.servers.bao.ask("POST", f"{auth}/login", login, ok=False)

    def assert_at_rest(self) -> None:
        self.assert_usable()
        assert list(self._ours().values()) == [True], "the new one is alone"
        assert self._value != self._old

    def effects(self) -> int:
        version = self.servers.bao.metadata(self.mount, DOCUMENT)["current_version"]
        return super().effects() + 1000 * int(version) + len(self._ours())


class OwnAppKey(Scene):
    """The key with which a connection is an App, made by a person, deposited, and read from a document."""

    name = "a connection's own key of a GitHub App"
    secrets = ("GITHUB_APP_KEY",)

    def arrange(self) -> None:
        bao, desk = self.servers.bao, self.desk
        self.mount, [name] = bao.mount(2), self.secrets
        made = self.world.act("install_github_app", account="Molecule-AI", permissions={"secrets": "write"})
        self._app, self._first = made["app_id"], made["private_key"].strip()
        [old] = self._keys()
        bao.put(self.mount, DOCUMENT, {name: self._first})
        desk.environment |= {"VAULT_TOKEN": openbao.ROOT}
        place, url = {"store": "safe", "mount": self.mount, "path": DOCUMENT}, f"{self.world.url}/github"
        self._options = {"id": self._app, "installation": made["installation"]}
        desk.override(
            secret_connections={
                "safe": {"type": "vault", "url": bao.url, "token": {"env": "VAULT_TOKEN"}},
                "ci": {"type": "github", "url": url, "app": {**self._options, "private_key": {**place, "key": name}}},
            },
            secret_map={
                name: {
                    "issuer": {"type": "github_app_key", "app": self._app, "url": url, "current_id": old},
                    "connections": ["ci"],
                    "retain": "current",
                    "copies": [place],
                    "revoke": {"accept": "life"},
                }
            },
        )
        new = self.world.act("make_github_app_key", app=self._app)
        self._second = new["private_key"].strip()
        bao.put(self.mount, "inbox", {"NEW": self._second})
        left = {"deposit_secret": name, "deposit_from": {**place, "path": "inbox", "key": "NEW"}}
        taken = desk.run(desk.command("rotor.secrets.deposit", "-e", json.dumps(left)))
        assert taken.code == 0, taken

    def _keys(self) -> list[str]:
        found: list[str] = self.world.act("github_app_keys", app=self._app)
        return found

    @property
    def _value(self) -> str:
        return str((self.servers.bao.values(self.mount, DOCUMENT) or {})[self.secrets[0]])

    def mints(self) -> dict[str, str]:
        """None: a person makes it."""
        return {}

    def assert_usable(self) -> None:
        app = {**self._options, "private_key": SecretValue(self._value)}
        assert "are left" in GitHubConnection({"app": app, "url": f"{self.world.url}/github"}, clock=Clock()).probe()

    def assert_at_rest(self) -> None:
        self.assert_usable()
        assert self._value == self._second
        assert len(self._keys()) == 2, "a person deletes the old one, and nobody else"

    def effects(self) -> int:
        version = self.servers.bao.metadata(self.mount, DOCUMENT)["current_version"]
        return super().effects() + 1000 * int(version)


SCENES: dict[str, type[Scene]] = {
    scene.name: scene for scene in (TwoPlaces, Batch, Readable, Reconciled, Ours, Unseen, Roles, OwnSecretId, OwnAppKey)
}
