# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuers for the stand-in world's key service, one for each way in which a lost answer can be made up for."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Connection,
    Issuer,
    Listed,
    Maker,
    Options,
    Overlap,
    Provider,
    Recover,
    Revocation,
    Schema,
    Traits,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import AuthenticationError, ConflictError
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient
from ansible_collections.rotor.secrets.plugins.module_utils._core.references import SCHEMA as CREDENTIAL

_TEXT = {"type": "string", "minLength": 1, "description": "A name."}


class Service(Connection):
    schema = Schema({"url": _TEXT, "token": CREDENTIAL}, ("url", "token"))
    references = ("token",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self._options, self._clock, self._run = options, clock, run
        self.admin = self.client(options["token"])

    def client(self, token: SecretValue) -> HttpClient:
        return HttpClient(
            "the key service",
            self._options["url"],
            lambda: f"Bearer {token.reveal()}",
            clock=self._clock,
            run=self._run,
        )

    def probe(self) -> str:
        return "the administrator"


class _Key(Issuer):
    """What they have in common: an account."""

    schema = Schema({"account": _TEXT}, ("account",))
    fields = ("key",)
    connection: Service

    @classmethod
    def label(cls, options: Options) -> str:
        return f"{cls.__name__.lower()} key of account {options['account']}"

    def _ask(self, method: str, path: str, doing: str, **options: Any) -> Any:
        place = f"/{self.options['account']}{path}"
        return self.connection.admin.request(method, place, doing=doing, ok=(200, 201), **options).json

    def listed(self) -> list[Listed]:
        found = self._ask("GET", "", "listing the keys")
        return [Listed(key["id"], key["name"], revoked=not key["alive"]) for key in found]

    def verify(self, credential: Credential) -> Answer:
        client = self.connection.client(credential.fields["key"])
        try:
            client.request("GET", f"/{self.options['account']}/whoami", doing="showing a key")
        except AuthenticationError:
            return Answer.REFUSED
        return Answer.ACCEPTED


class _Rolled(_Key):
    """The service makes the value, and forgets the one before."""

    def mint(self, name: str) -> Credential:
        return self._credential(self._ask("POST", "/key", "rolling the key", body={"name": name}))

    @staticmethod
    def _credential(made: Any) -> Credential:
        return Credential(made["id"], made["name"], {"key": SecretValue(made["value"])})


class Readable(_Rolled):
    traits = Traits(Maker.PROVIDER, Overlap.NONE, Revocation.AUTO, Recover.READABLE)

    def recover(self, name: str) -> Credential | None:
        return self._credential(self._ask("GET", "/key", "reading the key back"))


class Reconciled(_Rolled):
    traits = Traits(Maker.PROVIDER, Overlap.NONE, Revocation.API, Recover.RECONCILE)

    def revoke(self, credential: Credential) -> None:
        self._ask("DELETE", f"/keys/{credential.id}", f"ending {credential.name}")


class Unseen(_Rolled):
    traits = Traits(Maker.PROVIDER, Overlap.NONE, Revocation.AUTO, Recover.NONE)


class Ours(_Key):
    """We make the value, and it is worth nothing until it is set."""

    traits = Traits(Maker.OURS, Overlap.NONE, Revocation.AUTO, Recover.OURS, activates=True)

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        return Credential(None, name, {"key": SecretValue(secrets.token_urlsafe(24))})

    def activate(self, credential: Credential) -> None:
        body = {"name": credential.name, "value": credential.fields["key"].reveal()}
        body |= {"role": credential.id} if credential.id else {}
        self._ask("PUT", "/key", f"setting {credential.name}", body=body, idempotent=True)


class Roles(Ours):
    """Two take turns; both are valid until one of them is ended."""

    traits = Traits(Maker.OURS, Overlap.OPEN, Revocation.API, Recover.OURS, activates=True, alternating=True)
    revoke = Reconciled.revoke

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        free = next((role for role in ("nova_a", "nova_b") if role not in taken), None)
        if free is None:
            raise ConflictError("both roles are in use")
        return Credential(free, name, {"key": SecretValue(secrets.token_urlsafe(24))})


_HERE = "rotor_provider"
PROVIDER = Provider(
    "a key service",
    connections={"service": f"{_HERE}:Service"},
    issuers={
        "readable": f"{_HERE}:Readable",
        "listed": f"{_HERE}:Reconciled",
        "unseen": f"{_HERE}:Unseen",
        "ours": f"{_HERE}:Ours",
        "roles": f"{_HERE}:Roles",
    },
)
