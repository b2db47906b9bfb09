# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenes of credentials that we ourselves run on: a connection's of each kind, and the ledger's role."""

from __future__ import annotations

import secrets
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psycopg
import yaml

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.integration.stores import DOCUMENT
from tests.servers import openbao
from tests.servers.moto import EVERYTHING, REGION
from tests.servers.shop import MANAGER
from tests.unit.providers.vault.test_vault_own_tokens import ADMIN

from .scenes import Scene

Fields = Mapping[str, Any]
CONNECTION = "own"


class Own(Scene):
    """A connection is opened with a credential of its own, read from the document in which a rotation puts the next."""

    issuer: ClassVar[str]
    secrets = ("OWN_CREDENTIAL",)

    @abstractmethod
    def connection(self, fields: Fields) -> dict[str, Any]:
        """The options of a connection that is opened with these fields."""

    of_issuer: Mapping[str, Any]
    """The issuer's options."""

    @property
    @abstractmethod
    def admin(self) -> Fields:
        """Of a connection that is left alone, and that sees all there is."""

    def first(self) -> tuple[str, Fields]:
        """The id and the fields of the credential of today."""
        issuer = self._opened(self.admin)
        made = issuer.mint(issuer.spell("by-hand"))
        return str(made.id), {name: value.reveal() for name, value in made.fields.items()}

    def arrange(self) -> None:
        bao, [name] = self.servers.bao, self.secrets
        self.mount = bao.mount(2)
        self._made, self._others = dict[str, str](), self._alive()
        self._old, fields = self.first()
        self._keys = {f"{name}_{field.upper()}": field for field in fields}
        bao.put(self.mount, DOCUMENT, {key: fields[field] for key, field in self._keys.items()})
        self._first = set(fields.values())
        self.desk.environment |= {"VAULT_TOKEN": openbao.ROOT, "AWS_EC2_METADATA_DISABLED": "true"}
        place = {"store": "safe", "mount": self.mount, "path": DOCUMENT}
        references = {field: {**place, "key": key} for key, field in self._keys.items()}
        safe = {"type": "vault", "url": bao.url, "token": {"env": "VAULT_TOKEN"}}
        issuer = {"type": self.issuer, "connection": CONNECTION, **self.of_issuer, "current_id": self._old}
        copy = {**place, "keys": {key: f"${{{field}}}" for key, field in self._keys.items()}}
        entry = {"issuer": issuer, "connections": [CONNECTION], "copies": [copy], "revoke": {"accept": "life"}}
        self.settle({"safe": safe, CONNECTION: self.connection(references)}, entry)

    def settle(self, connections: dict[str, Any], entry: dict[str, Any]) -> None:
        """Write the inventory."""
        self.desk.override(secret_connections=connections, secret_map={self.secrets[0]: entry})

    def _opened(self, fields: Fields) -> Issuer:
        options = self.connection({name: SecretValue(value) for name, value in fields.items()})
        connection = registry.find("connections", options.pop("type"))(options, clock=Clock())
        opened: Issuer = registry.find("issuers", self.issuer)(self.of_issuer, connection, clock=Clock())
        return opened

    def _alive(self) -> set[str]:
        return {one.id for one in self._opened(self.admin).listed() if not one.revoked}

    def _now(self) -> Fields:
        document = self.servers.bao.values(self.mount, DOCUMENT) or {}
        return {field: str(document[key]) for key, field in self._keys.items()}

    def values(self) -> list[str]:
        shown = {*self._alive(), self._old, self.world.credentials["INFISICAL_CLIENT_ID"]}
        return sorted({*super().values(), *self._first, *self._now().values()} - shown)

    def mints(self) -> dict[str, str]:
        """As often as anybody has asked: one that was revoked may be known to nobody."""
        self._made |= dict.fromkeys(self._alive() - self._others - {self._old}, self.secrets[0])
        return self._made

    def assert_usable(self) -> None:
        assert self._opened(self._now()).listed(), "what the reference leads to opens the connection"

    def assert_at_rest(self) -> None:
        self.assert_usable()
        assert len(self._alive() - self._others) == 1, "the new one is alone"
        assert not self._first & set(self._now().values())

    def effects(self) -> int:
        version = self.servers.bao.metadata(self.mount, DOCUMENT)["current_version"]
        return 1000 * int(version) + len(self._alive())


class OwnFlyToken(Own):
    """Of a connection that writes secrets of apps: a person's token makes and revokes it, as it may not."""

    name = "a connection's own token of Fly"
    issuer = "fly_token"
    of_issuer: Mapping[str, Any] = {"organization": "molecule-ai", "lifetime": "120d"}

    @property
    def admin(self) -> Fields:
        return {"token": self.world.credentials["FLY_ADMIN_TOKEN"]}

    def connection(self, fields: Fields) -> dict[str, Any]:
        url = f"{self.world.url}/fly"
        return {"type": "fly", "token": fields["token"], "url": f"{url}/v1", "graphql_url": f"{url}/graphql"}

    def settle(self, connections: dict[str, Any], entry: dict[str, Any]) -> None:
        connections["persons"] = self.connection({"token": {"env": "FLY_ADMIN_TOKEN"}})
        entry["issuer"]["connection"] = "persons"
        entry["copies"].append({"store": CONNECTION, "app": "molecule-cp", "keys": entry["copies"][0]["keys"]})
        super().settle(connections, entry)


class OwnClientSecret(Own):
    name = "a connection's own client secret of Infisical"
    issuer = "infisical_client_secret"
    of_issuer: Mapping[str, Any] = {"identity": "operator", "lifetime": "120d"}

    @property
    def admin(self) -> Fields:
        return {"client_secret": self.world.credentials["INFISICAL_CLIENT_SECRET"]}

    def connection(self, fields: Fields) -> dict[str, Any]:
        client = self.world.credentials["INFISICAL_CLIENT_ID"]
        auth = {"method": "universal", "client_id": client, **fields}
        return {"type": "infisical", "url": f"{self.world.url}/infisical", "auth": auth}


class OwnVaultToken(Own):
    name = "a connection's own token of Vault"
    issuer = "vault_token"
    of_issuer: Mapping[str, Any] = {"lifetime": "20d"}

    def arrange(self) -> None:
        """A token makes others like itself; those of other scenes, each of which a list asks for, are ended."""
        bao = self.servers.bao
        for accessor in bao.ask("LIST", "auth/token/accessors")["data"]["keys"]:
            facts = bao.ask("POST", "auth/token/lookup-accessor", {"accessor": accessor}, ok=False).get("data") or {}
            if "root" not in facts.get("policies", ["root"]):
                bao.ask("POST", "auth/token/revoke-accessor", {"accessor": accessor})
        self._admin = bao.token(bao.policy(ADMIN))
        super().arrange()

    @property
    def admin(self) -> Fields:
        return {"token": self._admin}

    def connection(self, fields: Fields) -> dict[str, Any]:
        return {"type": "vault", "url": self.servers.bao.url, "token": fields["token"]}


class OwnAccessKey(Own):
    """Of a user who can have two keys: one whose answer was lost has to be deleted by a person."""

    name = "a connection's own access key of AWS"
    issuer = "aws_iam_access_key"

    def arrange(self) -> None:
        self._user = f"user-{secrets.token_hex(4)}"
        self._pair, self.of_issuer = self.servers.moto.user(self._user, EVERYTHING), {"user": self._user}
        super().arrange()

    @property
    def admin(self) -> Fields:
        return self.servers.moto.admin

    def connection(self, fields: Fields) -> dict[str, Any]:
        return {"type": "aws_ssm", "region": REGION, "endpoint_url": self.servers.moto.url, **fields}

    def first(self) -> tuple[str, Fields]:
        self._others = set()
        return self._pair["access_key_id"], self._pair

    def tend(self, lost: set[str], run: Callable[[], str]) -> None:
        for key in lost:
            assert key in run(), "a second key is named, and never deleted"
            self.servers.moto.client("iam").delete_access_key(UserName=self._user, AccessKeyId=key)


class OwnLedgerRole(Scene):
    """The ledger in PostgreSQL is opened with one of two roles, by a URL in a file that a consumer delivers."""

    name = "the ledger's own role"
    secrets = ("LEDGER_ROLE",)
    ROLES = """
CREATE ROLE books NOLOGIN;
CREATE ROLE books_a NOINHERIT IN ROLE books;
CREATE ROLE books_b NOINHERIT IN ROLE books;
ALTER ROLE books_a SET role = books;
ALTER ROLE books_b SET role = books
"""
    FIRST = "the-password-that-a-person-set"

    def arrange(self) -> None:
        desk, self._cluster, bao = self.desk, self.servers.shop.cluster, self.servers.bao
        self.mount, self._database = bao.mount(2), self._cluster.database()
        with self._cluster.connect(self._database) as admin:
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = 'books'").fetchone():
                admin.execute(self.ROLES)
            admin.execute(f"ALTER ROLE books_a LOGIN PASSWORD '{self.FIRST}'; ALTER ROLE books_b NOLOGIN PASSWORD NULL")
            admin.execute("GRANT ALL ON SCHEMA public TO books")
        self._elsewhere = tempfile.TemporaryDirectory(prefix="ledger-")
        self._file, where = Path(self._elsewhere.name) / "url", f"127.0.0.1:{self._cluster.port}/{self._database}"
        self._file.write_text(f"postgresql://books_a:{self.FIRST}@{where}")
        python = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": python}}}))
        desk.environment |= {"VAULT_TOKEN": openbao.ROOT, "MANAGER": MANAGER}
        manager = {"host": "127.0.0.1", "port": self._cluster.port, "user": "manager", "password": {"env": "MANAGER"}}
        put = f"cat >{self._file}.new && mv {self._file}.new {self._file}"
        roles = {"roles": ["books_a", "books_b"], "owner": "books", "current_id": "books_a"}
        desk.override(
            secret_ledger={"url": {"file": str(self._file)}, "key": {"env": "ROTOR_LEDGER_KEY"}},
            secret_connections={
                "pg": {"type": "postgres", **manager},
                "safe": {"type": "vault", "url": bao.url, "token": {"env": "VAULT_TOKEN"}},
            },
            secret_consumers={"file": {"type": "command", "host": "app1", "command": put, "stdin": "${url}"}},
            secret_map={
                self.secrets[0]: {
                    "issuer": {"type": "postgres_roles", "connection": "pg", **roles},
                    "derived": {"url": f"postgresql://${{username|url}}:${{password|url}}@{where}"},
                    "connections": ["secret_ledger"],
                    "copies": [{"store": "safe", "mount": self.mount, "path": DOCUMENT, "keys": {"URL": "${url}"}}],
                    "reload": ["file"],
                    "revoke": {"accept": "life"},
                }
            },
        )

    def _query(self, question: str) -> dict[str, str]:
        with self._cluster.connect(self._database) as admin:
            there = admin.execute("SELECT to_regclass('credentials') IS NOT NULL").fetchone()[0]
            return dict(admin.execute(question).fetchall()) if there else {}

    @property
    def _login(self) -> tuple[str, str]:
        parts = urlsplit(self._file.read_text())
        return str(parts.username), str(parts.password)

    def values(self) -> list[str]:
        return sorted({*super().values(), self.FIRST, self._login[1], MANAGER})

    def mints(self) -> dict[str, str]:
        """The ledger alone knows of them: a value of ours is the same however often it is set."""
        return self._query("SELECT name, secret FROM credentials WHERE origin = 'minted'")

    def recorded(self) -> set[str]:
        return set(self.mints())

    def assert_usable(self) -> None:
        with psycopg.connect(self._file.read_text()) as ledger:
            ledger.execute("SELECT 1")

    def assert_at_rest(self) -> None:
        self.assert_usable()
        assert self._login[0] == "books_b"
        assert self._may_log_in() == {"books_b"}

    def _may_log_in(self) -> set[str]:
        with self._cluster.connect() as admin:
            found = admin.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'books%'").fetchall()
        return {role for (role,) in found}

    def effects(self) -> int:
        version = (self.servers.bao.metadata(self.mount, DOCUMENT) or {}).get("current_version", 0)
        return self._file.stat().st_mtime_ns + int(version) + len(self._may_log_in())


OWN: tuple[type[Scene], ...] = (OwnFlyToken, OwnClientSecret, OwnVaultToken, OwnAccessKey, OwnLedgerRole)
