# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key service as many are: an account has one key, and a new one is the end of the old; or two roles with one each.

Nothing is there until a person opens an account, which puts its key into a tenant's settings and into a repository.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..github import GitHub
from ..provider import Provider, RefusedError, Use, read_json
from ..tenants import Tenants

REPOSITORY = "Molecule-AI/molecule-monorepo"


@dataclass
class Key:
    id: str
    name: str
    value: str
    alive: bool = True


@dataclass
class Account:
    """``roles`` are ids that take turns; without any, each key is the end of all before it."""

    secret: str
    roles: tuple[str, ...] = ()
    keys: list[Key] = field(default_factory=list)

    @property
    def alive(self) -> list[Key]:
        return [key for key in self.keys if key.alive]


class Keys(Provider):
    name = "keys"
    prefix = "/keys"

    def seed(self) -> None:
        self.accounts: dict[str, Account] = {}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/{account}", self._list, methods=["GET"]),
            Route("/{account}/key", self._read, methods=["GET"]),
            Route("/{account}/key", self._roll, methods=["POST"]),
            Route("/{account}/key", self._set, methods=["PUT"]),
            Route("/{account}/whoami", self._whoami, methods=["GET"]),
            Route("/{account}/keys/{id}", self._end, methods=["DELETE"]),
        ]

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"error": message}, status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        return "admin" if token == self.world.credentials["KEYS_ADMIN_TOKEN"] else self.identify(token)

    # The API

    def _admitted(self, request: Request) -> Account:
        if self.caller(request.headers) != "admin":
            raise RefusedError(401, "not the administrator")
        account = self.accounts.get(request.path_params["account"])
        if account is None:
            raise RefusedError(404, "no such account")
        return account

    async def _list(self, request: Request) -> Response:
        account = self._admitted(request)
        return JSONResponse([{"id": key.id, "name": key.name, "alive": key.alive} for key in account.keys])

    async def _read(self, request: Request) -> Response:
        key = self._admitted(request).alive[-1]
        return JSONResponse({"id": key.id, "name": key.name, "value": key.value})

    async def _roll(self, request: Request) -> Response:
        account, body = self._admitted(request), await read_json(request)
        key = self._put(account, str(body.get("name", "")), secrets.token_urlsafe(24))
        return JSONResponse({"id": key.id, "name": key.name, "value": key.value}, 201)

    async def _set(self, request: Request) -> Response:
        account, body = self._admitted(request), await read_json(request)
        value, role = str(body.get("value", "")), body.get("role")
        if len(value) < 16 or (role not in account.roles if account.roles else role is not None):
            raise RefusedError(422, "a value of 16 characters, and a role where there are any")
        key = self._put(account, str(body.get("name", "")), value, role)
        return JSONResponse({"id": key.id, "name": key.name})

    async def _whoami(self, request: Request) -> Response:
        value = request.headers.get("authorization", "").removeprefix("Bearer ")
        account = self.accounts.get(request.path_params["account"])
        if account is None or value not in {key.value for key in account.alive}:
            raise RefusedError(401, "unknown key")
        return JSONResponse({"status": "ok"})

    async def _end(self, request: Request) -> Response:
        account = self._admitted(request)
        for key in account.keys:
            if key.id == request.path_params["id"] and key.alive:
                key.alive = False
                self.world.touch()
        return JSONResponse({"status": "ended"})

    def _put(self, account: Account, name: str, value: str, role: str | None = None) -> Key:
        """The same value again changes nothing."""
        for key in account.alive:
            if key.value == value:
                return key
        for key in account.alive:
            key.alive = key.id != role if role else False
        key = Key(role or f"key-{len(account.keys) + 1}", name, value)
        account.keys.append(key)
        self.world.remember(value)
        self.world.touch()
        return key

    # For the oracle

    def identify(self, value: str) -> str | None:
        keys = (key for account in self.accounts.values() for key in account.keys)
        return next((f"{key.id} {key.name}" for key in keys if key.value == value), None)

    def living(self) -> Iterable[str]:
        return [f"{key.id} {key.name}" for account in self.accounts.values() for key in account.alive]

    def uses(self) -> Iterable[Use]:
        for account in self.accounts.values():
            valid = {key.value for key in account.alive}
            for place, value in self._copies(account.secret):
                yield Use(place, self.identify(value) or "a stranger", 200 if value in valid else 401, latent=True)

    def _copies(self, secret: str) -> Iterator[tuple[str, str]]:
        tenants = cast(Tenants, self.world.providers["tenants"])
        if secret in tenants.secrets:
            yield f"the tenant's {secret}", tenants.secrets[secret].value
        repositories = cast(GitHub, self.world.providers["github"]).repositories.values()
        (repository,) = (one for one in repositories if one.full_name == REPOSITORY)
        if secret in repository.secrets:
            yield f"{secret} of {REPOSITORY}", repository.secrets[secret].value

    def picture(self) -> dict[str, Any]:
        return {
            name: {
                "keys": [{"id": key.id, "name": key.name, "alive": key.alive} for key in account.keys],
                "copies": {place: self.identify(value) for place, value in self._copies(account.secret)},
            }
            for name, account in self.accounts.items()
        }

    def acts(self) -> dict[str, Any]:
        return {"open_account": self._open}

    def _open(self, name: str, secret: str, roles: list[str] | None = None) -> dict[str, Any]:
        account = self.accounts[name] = Account(secret, tuple(roles or ()))
        key = self._put(account, "made by hand", secrets.token_urlsafe(24), account.roles[0] if roles else None)
        providers = self.world.providers
        providers["tenants"].acts()["set_tenant_secret"](name=secret, value=key.value)
        providers["github"].acts()["set_repo_secret"](repository=REPOSITORY, name=secret, value=key.value)
        return {"id": key.id}
