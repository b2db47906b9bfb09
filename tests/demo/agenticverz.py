# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""agenticverz on this machine: OpenBao, PostgreSQL behind PgBouncer, and stand-ins for what nobody can run here."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet
from dotenv import dotenv_values
from psycopg import sql

from tests.sandbox.apis import ADMIN
from tests.servers import openbao
from tests.servers import postgres as pg
from tests.servers.openbao import OpenBao
from tests.servers.postgres import Postgres

from .nova import CUT_OVER, DOCUMENTS, Nova
from .played import Finding, Played, names, play, report
from .stand_ins import StandIns

EXAMPLE = "examples/agenticverz"
ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
NEIGHBOUR = {"SOMEBODY_ELSES": "as it was"}
"""A key in each document and file that nobody rotates."""
KEYS = {
    "OPENAI_API_KEY": ("openai", "/organization/projects/proj_nova/api_keys"),
    "ANTHROPIC_API_KEY": ("anthropic", "/v1/organizations/api_keys"),
    "RESEND_API_KEY": ("resend", "/api-keys"),
    "R2": ("cloudflare", f"/accounts/{ACCOUNT}/tokens"),
    "GRAFANA_API_KEY": ("grafana", "/serviceaccounts/7/tokens"),
}
"""Of providers with several keys: the stand-in, and the path of its list."""


class Parts:
    """Everything that the example's inventory names, before its first rotation."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.folder = home / "nova"
        self.folder.mkdir()
        self.stand_ins = StandIns(home, stack, "quiet-sky-12345678", "nova", "nova_aos")
        self.world, url = self.stand_ins.world, self.stand_ins.url
        self.bao, self.postgres = OpenBao(), Postgres()
        stack.callback(self.bao.stop)
        stack.callback(self.postgres.stop)
        self.pooler = self.postgres.pooler("session", server_idle_timeout=1)
        self.addresses = {
            **{f"{name}_URL": url + path for name, path in _PATHS.items()},
            "DATABASE_PORT": str(self.postgres.port),
            "POOLER_PORT": str(self.pooler.port),
            "POOLER_USERS": str(self.pooler.users),
            "REDIS_ADDRESS": self.stand_ins.redis_address,
            "NOVA_CA": self.stand_ins.ca_cert,
            "NOVA_DIR": str(self.folder),
            "NOVA_CONNECTION": "local",
        }
        self.ids: dict[str, str] = {}
        self.old = self._old_values()
        self._fill()
        self.nova = Nova(self.folder, self.addresses, lambda path: self.bao.values("secret", path) or {})
        self.nova.of_people = {self.old["GITHUB_TOKEN"]: True}
        self.url = stack.enter_context(self.nova.running())

    # -- as it is before --------------------------------------------------------------------------------------------

    def _old_values(self) -> dict[str, str]:
        places = KEYS.items()
        made = {name: self.world.act(f"make_{api}_key", path=path, name="by hand") for name, (api, path) in places}
        self.ids = {name: key["id"] for name, key in made.items()}
        old = {name: key["value"] for name, key in made.items() if name != "R2"}
        random = ("AOS_API_KEY", "MACHINE_SECRET_TOKEN", "WEBHOOK_KEY", "KEYCLOAK_ADMIN_PASSWORD")
        old |= {name: secrets.token_hex(32) for name in random}
        old["GITHUB_TOKEN"] = f"ghp_{secrets.token_hex(18)}"
        shown = self.stand_ins.get("/clerk/v1/platform/applications/app_nova", params={"include_secret_keys": "true"})
        ours = (one for one in shown["instances"] if one["environment_type"] == "production")
        old["OIDC_CLIENT_SECRET"] = next(ours)["secret_key"]
        old["R2_ACCESS_KEY_ID"], old["R2_SECRET_ACCESS_KEY"] = _r2_pair(made["R2"])
        for user, database in (("nova", "nova_aos"), ("keycloak", "keycloak")):
            old[user] = secrets.token_urlsafe(16)
            self._make_roles(user, database, old[user])
        with self.pooler.users.open("a", encoding="utf-8") as file:
            file.write(f'"nova_old" "{old["nova"]}"\n')
        self.pooler.console("RELOAD")
        old["DATABASE_URL"] = f"postgresql://nova_old:{old['nova']}@localhost:{self.addresses['POOLER_PORT']}/nova_aos"
        old["NEON"] = self.stand_ins.neon_uri()
        old["REDIS_URL"] = self.stand_ins.redis_url()
        return old

    def _make_roles(self, user: str, database: str, password: str) -> None:
        """As docs/providers/postgres.md has it: one owns, two take turns."""
        roles = {"owner": f"{user}_owner", "a": f"{user}_old", "b": f"{user}_new", "database": database}
        names = {key: sql.Identifier(name) for key, name in roles.items()}
        statements = (
            "CREATE ROLE {owner} NOLOGIN",
            "CREATE ROLE {a} LOGIN NOINHERIT IN ROLE {owner} PASSWORD {password}",
            "CREATE ROLE {b} NOLOGIN NOINHERIT IN ROLE {owner}",
            "ALTER ROLE {a} SET role = {owner}",
            "ALTER ROLE {b} SET role = {owner}",
            "CREATE DATABASE {database} OWNER {owner}",
        )
        with self.postgres.connect() as connection:
            for statement in statements:
                connection.execute(sql.SQL(statement).format(password=sql.Literal(password), **names))

    def _fill(self) -> None:
        """Write Vault's documents, the files on the hosts and the team's scripts."""
        old = self.old
        documents: dict[str, dict[str, str]] = {
            "agenticverz/app-prod": _of(
                old, "AOS_API_KEY", "MACHINE_SECRET_TOKEN", "WEBHOOK_KEY", "OIDC_CLIENT_SECRET"
            ),
            "agenticverz/database": {
                "POSTGRES_USER": "nova_old",
                "POSTGRES_PASSWORD": old["nova"],
                "KEYCLOAK_DB_USER": "keycloak_old",
                "KEYCLOAK_DB_PASSWORD": old["keycloak"],
                **_of(old, "DATABASE_URL", "REDIS_URL"),
            },
            "agenticverz/external-apis": _of(
                old, "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GITHUB_TOKEN", "RESEND_API_KEY"
            ),
            "agenticverz/keycloak-admin": {"KEYCLOAK_ADMIN": "admin", **_of(old, "KEYCLOAK_ADMIN_PASSWORD")},
            "aos/openai": {"api_key": old["OPENAI_API_KEY"]},
            "user/r2": _of(old, "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"),
            "user/neon": {"DATABASE_URL": old["NEON"]},
            "user/upstash": _of(old, "REDIS_URL"),
        }
        for path, values in documents.items():
            self.bao.put("secret", path, values | NEIGHBOUR)
        lines = f"MY_OPENAI_API_KEY={NEIGHBOUR['SOMEBODY_ELSES']}\nOPENAI_API_KEY={old['OPENAI_API_KEY']}\n"
        (self.folder / ".env").write_text(lines, encoding="utf-8")
        (self.folder / "webhook.keys").write_text(f"0 {old['WEBHOOK_KEY']}\n", encoding="utf-8")
        deploy = self.folder / "scripts" / "ops" / "m9_monitoring_deploy.sh"
        deploy.parent.mkdir(parents=True)
        deploy.write_text(_DEPLOY.format(url=self.addresses["GRAFANA_URL"]), encoding="utf-8")
        deploy.chmod(0o755)

    # -- for a person -----------------------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """What a user exports: addresses, credentials, and a key of a ledger of its own."""
        one = self.world.credentials[ADMIN]
        admin = ("OPENAI_ADMIN_KEY", "ANTHROPIC_ADMIN_KEY", "GRAFANA_ADMIN_TOKEN", "CLERK_PLATFORM_TOKEN",
                 "RESEND_ADMIN_KEY", "KEYCLOAK_ROTOR_SECRET", "CLOUDFLARE_ADMIN_TOKEN", "NEON_ADMIN_KEY",
                 "UPSTASH_API_KEY")  # fmt: skip
        return {
            **self.addresses,
            **dict.fromkeys(admin, one),
            "NOVA_URL": self.url,
            "RECEIVER_URL": f"{self.url}/webhooks",
            "PROMETHEUS_URL": self.url,
            "GITHUB_API_URL": self.url,
            "VAULT_ADDR": self.bao.url,
            "VAULT_TOKEN": openbao.ROOT,
            "ROTOR_PG_PASSWORD": pg.PASSWORD,
            "ROTOR_LEDGER": str(self.folder.parent / "ledger.db"),
            "ROTOR_LEDGER_KEY": Fernet.generate_key().decode(),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }

    def values_of_people(self) -> dict[str, Path]:
        """What somebody has made in two consoles, each in a file of their own."""
        token = f"ghp_{secrets.token_hex(18)}"
        self.nova.of_people[token] = True
        key = self.world.act("make_anthropic_key", path=KEYS["ANTHROPIC_API_KEY"][1], name="by a person")["value"]
        files = {}
        for name, value in {"ANTHROPIC_API_KEY": key, "GITHUB_TOKEN": token}.items():
            files[name] = self.folder.parent / name.lower()
            files[name].touch(mode=0o600)
            files[name].write_text(value, encoding="utf-8")
        return files


_PATHS = {
    "OPENAI": "/openai/v1",
    "ANTHROPIC": "/anthropic",
    "GRAFANA": "/grafana",
    "CLERK": "/clerk/v1",
    "RESEND": "/resend",
    "KEYCLOAK": "/keycloak",
    "CLOUDFLARE": "/cloudflare/client/v4",
    "NEON": "/neon/api/v2",
    "UPSTASH": "/upstash/v2",
    "R2": "/r2",
}
_DEPLOY = """\
#!/usr/bin/env python3
import os, urllib.request
headers = {{"Authorization": "Bearer " + os.environ["GRAFANA_API_KEY"]}}
urllib.request.urlopen(urllib.request.Request("{url}/api/org", headers=headers)).read()
"""


def _of(values: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: values[name] for name in names}


def _r2_pair(token: Mapping[str, str]) -> tuple[str, str]:
    """As Cloudflare derives S3's pair from a token."""
    return token["id"], hashlib.sha256(token["value"].encode()).hexdigest()


# -- the story ------------------------------------------------------------------------------------------------------


class Story:
    """The procedures of the runbook, as a person and a scheduler run them."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.environment = parts, os.environ | parts.environment

    def play(self, playbook: str, **variables: Any) -> Played:
        command = ["ansible-playbook", playbook, "-i", f"{EXAMPLE}/inventory.yml", "-e", json.dumps(variables)]
        return play(command, self.environment)

    def tell(self) -> list[Finding]:
        """Rotate everything, let the grace pass, and look once more; then one key leaks."""
        for name, file in self.parts.values_of_people().items():
            self.play("rotor.secrets.deposit", deposit_secret=name, deposit_file=str(file))
        first = self.play("rotor.secrets.rotate", rotate_only=names(EXAMPLE), rotate_adopt=self.parts.ids, watch="1s")
        due = self.play("rotor.secrets.revoke_due", grace="1s", database_grace="1s", watch="1s")
        again = self.play("rotor.secrets.rotate")
        exported = self.play(f"{EXAMPLE}/vault_env.yml", run=["sh", "-c", _DIGEST])
        leaked = self.parts.bao.values("secret", "agenticverz/external-apis")
        digest = self._digest()
        why = {"compromised": "OPENAI_API_KEY", "rotate_reason": "it was in a screenshot", "watch": "1s"}
        emergency = self.play(f"{EXAMPLE}/emergency_rotation.yml", **why)
        codes = [run.code for run in (first, due, again, exported, emergency)]
        return [
            ("every run ends well", codes == [0] * 5, ", ".join(map(str, codes))),
            ("one with nothing to do changes nothing", again.changed == 0, f"changed={again.changed}"),
            ("a command has three documents in its environment", digest in exported.output, "by a digest of theirs"),
            *self.verdict(str((leaked or {})["OPENAI_API_KEY"])),
        ]

    def verdict(self, leaked: str) -> list[Finding]:
        """Ask the stores, the containers and the providers, and nothing of the collection."""
        parts, nova = self.parts, self.parts.nova
        held = {path: parts.bao.values("secret", path) or {} for path in [*DOCUMENTS, "aos/openai"]}
        values = {key: value for document in held.values() for key, value in document.items()}
        same = [key for key in _MOVED if values[key] == parts.old.get(key)]
        env = nova.containers["backend"].env
        stale = [key for key in _USED if env[key] != values[key] or not nova.uses(key, env)]
        alive = [key for key in (*KEYS, "NEON", "REDIS_URL") if self._lives(key)]
        beside = [path for path, document in held.items() if not NEIGHBOUR.items() <= document.items()]
        file = dotenv_values(parts.folder / ".env")
        refused = sorted({f"{who}: {what}" for _when, who, what in nova.refused if what not in CUT_OVER})
        return [
            ("every copy holds a new value", not same, ", ".join(same) or f"{len(_MOVED)} keys"),
            ("the containers run on them, and they work", not stale, ", ".join(stale) or f"{len(_USED)} providers"),
            ("the old ones are refused", not alive, ", ".join(alive) or "by their providers"),
            ("so is the one that leaked", not self._takes("OPENAI_API_KEY", leaked), "at once, without a grace"),
            ("PostgreSQL has the other role of each pair", self._logins() == _OTHERS, ", ".join(self._logins())),
            ("receivers take both signatures for a day", self._both_taken(values["WEBHOOK_KEY"]), "webhook.keys"),
            ("the dotenv file has OpenAI's key", file["OPENAI_API_KEY"] == values["OPENAI_API_KEY"], ".env"),
            ("what stands beside is as it was", not beside and file["MY_OPENAI_API_KEY"] == "as it was", "6 documents"),
            ("no container was refused for a moment", not refused, ", ".join(refused) or "but in the two cut-overs"),
            ("requests are as published", not parts.world.violations("spec", "leak"), "the stand-ins' descriptions"),
        ]

    def _digest(self) -> str:
        """Make the digest that the exported command makes, of what Vault has."""
        documents = [self.parts.bao.values("secret", path) or {} for path in DOCUMENTS]
        held = {key: value for document in documents for key, value in document.items()}
        return hashlib.sha256("".join(f"{held[key]}\n" for key in _EXPORTED).encode()).hexdigest()

    def _takes(self, name: str, value: str) -> bool:
        return self.parts.nova.uses(name, {**self.parts.nova.containers["backend"].env, name: value})

    def _lives(self, name: str) -> bool:
        """Whether the provider takes the value of before."""
        old = self.parts.old
        if name == "R2":
            pair = _of(old, "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY")
            return self.parts.nova.uses("R2_SECRET_ACCESS_KEY", pair)
        if name == "GRAFANA_API_KEY":
            headers = {"Authorization": f"Bearer {old[name]}"}
            return requests.get(f"{self.parts.addresses['GRAFANA_URL']}/api/org", headers=headers, timeout=10).ok
        return self._takes("NEON_DATABASE_URL", old[name]) if name == "NEON" else self._takes(name, old[name])

    def _logins(self) -> list[str]:
        with self.parts.postgres.connect() as connection:
            found = connection.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname <> 'rotor'")
            return sorted(name for (name,) in found if not name.startswith("pg_"))

    def _both_taken(self, new: str) -> bool:
        return all(map(self.parts.nova.receivers_take, (new, self.parts.old["WEBHOOK_KEY"])))


_OTHERS = ["keycloak_new", "nova_new"]
_EXPORTED = ("AOS_API_KEY", "POSTGRES_PASSWORD", "OPENAI_API_KEY")
_DIGEST = "printf '%s\\n' " + " ".join(f'"${key}"' for key in _EXPORTED) + " | sha256sum"
_USED = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "RESEND_API_KEY", "OIDC_CLIENT_SECRET", "REDIS_URL",
         "R2_SECRET_ACCESS_KEY")  # fmt: skip
_MOVED = (*_USED, "AOS_API_KEY", "MACHINE_SECRET_TOKEN", "WEBHOOK_KEY", "DATABASE_URL", "GITHUB_TOKEN",
          "POSTGRES_PASSWORD", "KEYCLOAK_DB_PASSWORD", "R2_ACCESS_KEY_ID")  # fmt: skip


@contextmanager
def parts() -> Iterator[Parts]:
    """Start everything in a folder of its own, and stop it at the end."""
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="nova-"))
        yield Parts(Path(home), stack)


def main() -> int:
    if missing := pg.is_missing():
        print(f"This example {missing}.")
        return 2
    with parts() as running:
        print(f"OpenBao listens on {running.bao.url}, PgBouncer on port {running.addresses['POOLER_PORT']}, the "
              f"stand-ins on {running.world.url}, and the containers' programs run in {running.folder}.\n")  # fmt: skip
        return report(Story(running).tell())
