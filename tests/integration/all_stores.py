# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's desk in front of every store, with a credential of each kind that a connection can have."""

from __future__ import annotations

import secrets
from typing import Any

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.servers.moto import EVERYTHING, REGION
from tests.servers.sshd import Sshd

from .conftest import Desk
from .facts import REPOSITORY
from .stores import TENANT
from .thin_modules import Systems

MADE, MINTED = "SESSION_KEY", "FLY_API_TOKEN"
"""One value in every store, and the example's token in two places."""
_ENVIRONMENT = "{{{{ lookup('ansible.builtin.env', '{}') }}}}"


class AllStores:
    """``own`` is what the connections themselves have that is secret."""

    def __init__(self, places: Systems, desk: Desk, host: Sshd) -> None:
        self.places, self.desk, self.host = places, desk, host
        self.world = places.world
        self.own: list[str] = [desk.environment["ROTOR_LEDGER_KEY"]]
        self.file = host.folder / f"{places.mount}.env"
        self.file.write_text("# made by hand\n")
        places.moto.client("secretsmanager").create_secret(Name=places.mount, SecretString="{}")
        self._write_hosts()
        self.connections = self._connections()
        desk.override(
            secret_connections=desk.example["secret_connections"] | self.connections,
            secret_map=desk.example["secret_map"] | {MADE: self._secret()},
        )

    def values(self) -> list[str]:
        """Every value that must not show: what the servers have seen and given out, and the connections' own."""
        return sorted(self.places.presented().union(self.own))

    def possessions(self) -> dict[str, Any]:
        """What each store has, versions and times included, asked without our code."""
        state = self.world.ask("state")
        vault = {path: self._vault_has(path) for path in self._vault_paths()}
        ssm, manager = self.places.moto.client("ssm"), self.places.moto.client("secretsmanager")
        return {
            "world": state | {"infisical": state["infisical"]["folders"]},
            "vault": vault,
            "ssm": ssm.describe_parameters()["Parameters"],
            "secrets manager": manager.list_secrets()["SecretList"],
            "file": (self.file.read_text(), self.file.stat().st_mtime_ns),
        }

    def _vault_has(self, path: str) -> Any:
        return self.places.bao.ask("GET", f"{self.places.mount}/metadata/{path}", ok=False).get("data")

    def spoil(self) -> None:
        """Every connection's credential becomes another one, which nobody has issued."""
        given = [name for name in self.desk.environment if name.startswith("OWN_") or name.endswith("_ADMIN_TOKEN")]
        for name in given:
            self.desk.environment[name] = self._keep(another(self.desk.environment[name]))

    def _connections(self) -> dict[str, Any]:
        places, world, mount = self.places, self.world, self.places.mount
        aws = {"region": REGION, "endpoint_url": places.aws.url}
        app = world.act("install_github_app", account="Molecule-AI", permissions={"secrets": "write"})
        found: dict[str, Any] = {
            "github_app": {
                "type": "github",
                "url": f"{world.url}/github",
                "app": {
                    "id": app["client_id"],
                    "installation": "Molecule-AI",
                    "private_key": self._env("GITHUB_APP", app["private_key"]),
                },
            },
            "ssm": {"type": "aws_ssm", **aws, **self._literals("SSM", self._session_keys())},
            "sm": {"type": "aws_secretsmanager", **aws, **self._literals("SM", places.moto.admin)},
            "infisical": {
                "type": "infisical",
                "url": f"{world.url}/infisical/api",
                "auth": {
                    "method": "universal",
                    "client_id": world.credentials["INFISICAL_CLIENT_ID"],
                    "client_secret": self._env("INFISICAL", world.credentials["INFISICAL_CLIENT_SECRET"]),
                },
            },
            "tenant": {
                "type": "http",
                "url": f"{world.url}/tenant",
                "token": self._literal("TENANT", world.credentials["TENANT_ADMIN_TOKEN"]),
            },
            "files": {"type": "dotenv"},
        }
        for method, auth in self._logins(mount).items():
            found[f"vault_{method}"] = {"type": "vault", "url": places.vault.url, "auth": {"method": method, **auth}}
        return found

    def _secret(self) -> dict[str, Any]:
        mount = self.places.mount
        copies = [
            {"store": "fly", "app": "molecule-cp"},
            {"store": "github_app", "repository": REPOSITORY},
            {"store": "ssm", "path": f"/{mount}"},
            {"store": "sm", "secret": mount},
            *({"store": name, "mount": mount, "path": name} for name in self._vault_paths()),
            {"store": "infisical", "project": "molecule", "environment": "prod", "path": "/backend"},
            TENANT,
            {"store": "files", "host": "app1", "path": str(self.file)},
        ]
        issuer = {"type": "random", "bytes": 32}
        return {"max_age": "90d", "issuer": issuer, "copies": copies, "reload": ["molecule-cp", "listener"]}

    def _vault_paths(self) -> list[str]:
        return [name for name in self.connections if name.startswith("vault_")]

    def _logins(self, mount: str) -> dict[str, dict[str, Any]]:
        """Each way in, by its method."""
        bao, found = self.places.bao, {}
        policy = bao.policy({f"{mount}/*": ["create", "read", "update", "list", "patch"]})
        for options, secret in self.places.logins:
            known = {name.removeprefix("auth_"): value for name, value in options.items()}
            method = known.pop("method", "token")
            found[method] = known | {name: self._env(f"VAULT_{method}", value) for name, value in secret.items()}
        mounted, key = bao.auth("jwt"), rsa.generate_private_key(65537, 2048)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        bao.ask("POST", f"auth/{mounted}/config", {"jwt_validation_pubkeys": [public]})
        role = {"role_type": "jwt", "bound_audiences": ["rotor"], "user_claim": "sub", "token_policies": [policy]}
        bao.ask("POST", f"auth/{mounted}/role/ci", role)
        now = bao.now()
        claims = {"iat": now - 60, "nbf": now - 60, "exp": now + 3600, "sub": "job", "aud": "rotor"}
        signed = jwt.encode(claims, _pem(key), algorithm="RS256")
        return found | {"jwt": {"mount": mounted, "role": "ci", "jwt": self._env("VAULT_JWT", signed)}}

    def _session_keys(self) -> dict[str, str]:
        moto = self.places.moto
        arn = moto.role(f"canary-{self.places.mount}", EVERYTHING)
        made = moto.client("sts").assume_role(RoleArn=arn, RoleSessionName="canary")["Credentials"]
        return {
            "access_key_id": made["AccessKeyId"],
            "secret_access_key": made["SecretAccessKey"],
            "session_token": made["SessionToken"],
        }

    def _write_hosts(self) -> None:
        """Hosts behind sshd: one has the file; on the other, with a password for become, a command gets the value."""
        there, here = self.host.variables, self.host.password is not None
        hosts = {"app1": there | {"ansible_become": here}, "app2": there}
        if self.host.password is not None:
            password = self._literal("BECOME", self.host.password)
            become = {"ansible_become": True, "ansible_become_user": "daemon", "ansible_become_password": password}
            hosts["app2"] = there | become
        (self.desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        listener = {"type": "command", "host": "app2", "command": 'test -n "$(cat)"', "stdin": "${value}"}
        self.desk.override(secret_consumers=self.desk.example["secret_consumers"] | {"listener": listener})

    def _keep(self, value: str) -> str:
        self.own.append(value)
        return value

    def _env(self, name: str, value: str) -> dict[str, str]:
        self.desk.environment[f"OWN_{name}"] = self._keep(value)
        return {"env": f"OWN_{name}"}

    def _literal(self, name: str, value: str) -> str:
        """A value that comes through a variable."""
        return _ENVIRONMENT.format(self._env(name, value)["env"])

    def _literals(self, name: str, values: dict[str, str]) -> dict[str, str]:
        return {option: self._literal(f"{name}_{option}", value) for option, value in values.items()}


def another(secret: str) -> str:
    """One that nobody has issued. An App's key must be one, or it would not come to the provider at all."""
    if "PRIVATE KEY" not in secret:
        return f"{secrets.token_hex(16)}/+="
    return _pem(rsa.generate_private_key(65537, 2048))


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
