# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A play with a task for every thin module, with every credential and value looked up in the environment."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests import systems as systems_of_tests
from tests.conformance.benches.vault import POSTED_BUT_READING
from tests.conformance.proxy import Proxy
from tests.sandbox.visitor import Visitor
from tests.servers.moto import Moto, alone
from tests.servers.openbao import OpenBao
from tests.systems import Case

from .conftest import ROOT, Desk

RESULT_IS_SECRET = ("fly_token",)
"""Modules that return a value, and whose documentation asks for ``no_log``."""
ON_CONTROLLER = ("api_key", "api_key_info")
"""Modules that send nothing to a host, so that nothing can stay there."""
ENGINE = ("rotation_", "ledger_", "export")
LOGINS = ("/universal-auth/login", "/access_tokens")
"""Of an Infisical client, and of a GitHub App."""


def names() -> set[str]:
    """The modules that work without the engine, found and not listed: a new one needs a task in ``tests/systems``."""
    return {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if not path.stem.startswith(ENGINE)}


class Systems:
    """The stand-in world, OpenBao and moto; the latter two behind proxies that count what changes something."""

    def __init__(self, world: Visitor, bao: OpenBao, moto: Moto, stack: ExitStack) -> None:
        self.world, self.bao, self.moto = world, bao, moto
        self.vault = stack.enter_context(Proxy(bao.url, reads=POSTED_BUT_READING))
        self.aws = stack.enter_context(Proxy(moto.url))
        self.mount = bao.mount(2)
        self.value = secrets.token_hex(16) + '/+"=é'
        self.logins = self._vault_logins()

    @property
    def mutating(self) -> int:
        """How many requests have come that change something; a login makes a token, and changes nothing else."""
        asked = self.world.ask("requests")["requests"]
        here = sum(one["mutating"] and not one["path"].endswith(LOGINS) for one in asked)
        return here + self.vault.mutating + self.aws.mutating

    def presented(self) -> set[str]:
        """What the servers were given and gave out in turn: tokens that a login returns, signatures, signed tokens."""
        known = set(self.world.ask("credentials")["values"]) - {self.world.credentials["INFISICAL_CLIENT_ID"]}
        return known | self.vault.credentials | self.aws.credentials

    def cases(self, file: Path) -> list[Case]:
        return systems_of_tests.cases(self, file)

    def _vault_logins(self) -> list[tuple[dict[str, str], dict[str, str]]]:
        """The ways in, each with what is secret of it."""
        ask = self.bao.ask
        policy = self.bao.policy({f"{self.mount}/*": ["create", "read", "update", "list", "patch"]})
        approle, userpass, password = self.bao.auth("approle"), self.bao.auth("userpass"), secrets.token_hex(16)
        ask("POST", f"auth/{approle}/role/canary", {"token_policies": [policy]})
        ask("POST", f"auth/{userpass}/users/canary", {"password": password, "token_policies": [policy]})
        role_id = ask("GET", f"auth/{approle}/role/canary/role-id")["data"]["role_id"]
        secret_id = ask("POST", f"auth/{approle}/role/canary/secret-id", {})["data"]["secret_id"]
        return [
            ({}, {"token": self.bao.token(policy)}),
            ({"auth_method": "approle", "auth_mount": approle, "role_id": role_id}, {"secret_id": secret_id}),
            ({"auth_method": "userpass", "auth_mount": userpass, "username": "canary"}, {"password": password}),
        ]


@contextmanager
def systems(world: Visitor) -> Iterator[Systems]:
    with ExitStack() as stack:
        stack.enter_context(alone())
        bao, moto = OpenBao(), Moto()
        stack.callback(moto.stop)
        stack.callback(bao.stop)
        yield Systems(world, bao, moto, stack)


def wrong(cases: list[Case]) -> list[Case]:
    """The same with credentials that nobody has issued."""
    return [
        Case(case.module, case.options, {option: _another(secret) for option, secret in case.secret.items()})
        for case in cases
    ]


def _another(secret: str) -> str:
    """An App's key must be one, or it would not come to the provider at all."""
    if "PRIVATE KEY" not in secret:
        return f"{secrets.token_hex(16)}/+="
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def write_play(desk: Desk, cases: list[Case]) -> tuple[Path, list[str]]:
    """Each task in a block that shows its result, and what a rescue may show; also all the secrets in it.

    Core puts the templated arguments into ``ansible_failed_task``: the documentation asks for no more than its name.
    """
    tasks: list[dict[str, Any]] = []
    values: list[str] = []
    for number, case in enumerate(cases):
        options = dict(case.options)
        for option, value in case.secret.items():
            name = f"CANARY_{number}_{option}"
            desk.environment[name] = value
            values.append(value)
            options[option] = f"{{{{ lookup('env', '{name}') }}}}"
        task = {f"rotor.secrets.{case.module}": options, "register": "shown"}
        hidden = {"no_log": True} if case.module in RESULT_IS_SECRET else {}
        tell = {"ansible.builtin.debug": {"msg": [f"{case.module} came back", "{{ shown }}"]}, **hidden}
        rescued = ["{{ ansible_failed_result }}", "{{ ansible_failed_task.name }}"]
        rescue = {"ansible.builtin.debug": {"msg": [f"{case.module} was refused", *rescued]}}
        tasks.append({"block": [{**task, **hidden}, tell], "rescue": [rescue]})
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    file = desk.home / "modules.json"
    file.write_text(json.dumps([play]))
    return file, values
