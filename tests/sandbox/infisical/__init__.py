# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical: secrets of folders and environments by API version 4, for machine identities."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..provider import Provider, RefusedError, read_json
from . import logins
from .changes import Changes
from .logins import Logins
from .reading import NO_ROUTE, Reading
from .state import EVERYTHING, PROJECT, Folder, Identity

_SECRETS = "/v1/auth/universal-auth/identities/{identity}/client-secrets"
_NAMES = {
    400: "BadRequest",
    401: "UnauthorizedError",
    403: "PermissionDenied",
    404: "NotFound",
    422: "ValidationFailure",
    429: "RateLimitExceeded",
}
_NO_MEMBER = "You are not a member of this project"
_ERRORS = {logins.EXPIRED: "TokenError", _NO_MEMBER: "ProjectMembershipNotFound", NO_ROUTE: "Not Found"}
"""Words for an error that are not the usual ones of their status."""
_LATENCY = 0.002
"""Seconds that a request takes, so that several can be under way."""
_LARGEST = 1024 * 1024
"""Bytes of a body; more are answered with 500."""

Answer = Callable[[Request], Awaitable[Any]]
Task = Callable[[Identity, Request], Awaitable[Any]]


class Infisical(Provider):
    name = "infisical"
    prefix = "/infisical"
    spec = "infisical.json"
    error_schema = "Error"
    undescribed = ("/api/v1/auth/token/renew",)
    switches: ClassVar[Mapping[str, Any]] = {
        "infisical_at_once": 4,
        "infisical_hides_values": False,
        "infisical_token_seconds": 7200.0,
    }

    @classmethod
    def credentials(cls) -> tuple[str, ...]:
        return "INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET"

    def seed(self) -> None:
        credentials = self.world.credentials
        self.logins = Logins(self.world)
        self.logins.add(
            Identity("operator", credentials["INFISICAL_CLIENT_ID"], credentials["INFISICAL_CLIENT_SECRET"])
        )
        self.most_at_once = self.overloads = self._at_once = 0
        self.folders = {
            (environment, path): Folder(environment, path)
            for environment in ("dev", "staging", "prod")
            for path in ("/", "/backend")
        }
        self.changes = Changes(self.world, self.folders)
        self.reading = Reading(self.world, self.folders, self.changes)
        for (environment, path), folder in self.folders.items():
            self.changes.put(folder, "SENTRY_DSN", f"https://{secrets.token_hex(8)}@sentry.molecule.example/1")
            if path == "/":
                self.changes.put(folder, "DATABASE_URL", f"postgres://{secrets.token_hex(12)}@db/{environment}")

    def routes(self) -> list[BaseRoute]:
        one, many = "/v4/secrets/{name}", "/v4/secrets/batch"
        table: list[tuple[str, str, Answer]] = [
            ("GET", "/status", self._status),
            ("POST", "/v1/auth/universal-auth/login", self._now("logins", "log_in")),
            ("POST", "/v1/auth/token/renew", self._renew),
            *((method, f"{_SECRETS}{rest}", self._identified(task)) for method, rest, task in self._client_secrets()),
            ("GET", "/v4/secrets", self._admitted(self._now("reading", "all"))),
            *((method, many, self._admitted(task)) for method, task in self._verbs().items()),
            ("GET", one, self._admitted(self._now("reading", "one"))),
            *((method, one, self._admitted(singly(task))) for method, task in self._verbs().items()),
        ]
        return [Route(f"/api{path}", self._limited(answer), methods=[method]) for method, path, answer in table]

    def _client_secrets(self) -> list[tuple[str, str, Callable[[Identity, Request], Awaitable[Any]]]]:
        return [("GET", "", self._list), ("POST", "", self._make), ("POST", "/{secret}/revoke", self._revoke)]

    def _identified(self, task: Callable[[Identity, Request], Awaitable[Any]]) -> Answer:
        """Who may manage identities; an identity with fewer rights than all may not."""

        async def run(request: Request) -> Any:
            if self.logins.admit(request).rights != EVERYTHING:
                raise RefusedError(403, "You are not allowed to edit on identity")
            return await task(self.logins.named(request.path_params["identity"]), request)

        return run

    async def _list(self, identity: Identity, request: Request) -> Any:
        """Those that were revoked are not there any more."""
        return {"clientSecretData": [one.shown() for one in identity.secrets if not one.revoked]}

    async def _make(self, identity: Identity, request: Request) -> Any:
        value = secrets.token_hex(32)
        made = self.logins.add_secret(identity, value, await read_json(request))
        return {"clientSecret": value, "clientSecretData": made.shown()}

    async def _revoke(self, identity: Identity, request: Request) -> Any:
        found = next((one for one in identity.secrets if one.id == request.path_params["secret"]), None)
        if found is None or found.revoked:
            raise RefusedError(404, "Client secret not found")
        found.revoked = True
        return {"clientSecretData": found.shown()}

    def _verbs(self) -> dict[str, Task]:
        tasks = {"POST": "create", "PATCH": "update", "DELETE": "delete"}
        return {method: self._now("changes", task) for method, task in tasks.items()}

    def _now(self, part: str, task: str) -> Callable[..., Awaitable[Any]]:
        """A task of a part that is there when it is asked: they are made anew with the world."""

        async def run(*given: Any) -> Any:
            return await getattr(getattr(self, part), task)(*given)

        return run

    def problem(self, status: int, message: str) -> Response:
        """The request's id stands in the body only."""
        error = _ERRORS.get(message) or _NAMES.get(status, "InternalServerError")
        said: Any = [{"code": "custom", "path": [], "message": message}] if status == 422 else message
        more: dict[str, Any] = {"details": []} if error == "PermissionDenied" else {}
        body = {"reqId": f"req-{secrets.token_hex(7)}", "statusCode": status, "error": error, "message": said}
        return JSONResponse(body | more, status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        token = self.logins.find(headers)
        return token.identity.name if token else None

    def _limited(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """A real server's pool of connections to its database is small: requests beyond it end with 500."""

        async def run(request: Request) -> Response:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            beyond = self._at_once > self.world.switches.infisical_at_once
            self.overloads += beyond
            try:
                await asyncio.sleep(_LATENCY)
                if beyond or len(await request.body()) > _LARGEST:
                    return self.problem(500, "Something went wrong")
                return JSONResponse(await answer(request))
            finally:
                self._at_once -= 1

        return run

    def _admitted(self, task: Task) -> Answer:
        """Who is no member of the project hears nothing of what is in it."""

        async def run(request: Request) -> Any:
            identity = self.logins.admit(request)
            given = dict(request.query_params) if request.method == "GET" else await read_json(request)
            if given.get("projectId") == PROJECT and not identity.member:
                raise RefusedError(403, _NO_MEMBER)
            return await task(identity, request)

        return run

    async def _status(self, request: Request) -> Any:
        return {"message": "Ok"}

    async def _renew(self, request: Request) -> Any:
        """The same token, for as long again."""
        body = await read_json(request)
        headers = {"authorization": f"Bearer {body.get('accessToken')}"}
        self.logins.admit(Request({"type": "http", "headers": [(b"authorization", headers["authorization"].encode())]}))
        token, seconds = self.logins.find(headers), self.world.switches.infisical_token_seconds
        assert token is not None
        if token.expires_at is not None:
            token.expires_at = self.world.now().timestamp() + seconds
        granted = {"accessToken": token.value, "accessTokenMaxTTL": 2592000, "tokenType": "Bearer"}
        return {**granted, "expiresIn": 0 if token.expires_at is None else int(seconds)}

    # For the oracle

    def identify(self, value: str) -> str | None:
        token = self.logins.find({"authorization": f"Bearer {value}"})
        shown = next((one for one in self.logins.secrets() if one.value == value), None)
        return token.id if token else shown.id if shown else None

    def contents(self) -> Iterable[tuple[str, str, str]]:
        for folder in self.folders.values():
            place = folder.label.replace(" secret of ", " ")
            yield from ((place, key, secret.value) for key, secret in folder.secrets.items())

    def possessions(self) -> dict[tuple[str, str], Any]:
        return {
            (folder.label, secret.key): secret.value
            for folder in self.folders.values()
            for secret in folder.secrets.values()
        }

    def picture(self) -> dict[str, Any]:
        return {
            "folders": {
                f"{folder.environment}:{folder.path}": {key: one.version for key, one in folder.secrets.items()}
                for folder in self.folders.values()
            },
            "keys": [
                {"id": one.id, "name": one.description, "alive": not one.revoked} for one in self.logins.secrets()
            ],
            "requests": len(self.changes.requests),
            "most_at_once": self.most_at_once,
            "overloads": self.overloads,
        }

    def acts(self) -> dict[str, Any]:
        return {
            "set_infisical_secret": self._set_by_hand,
            "rotate_infisical_secret": self._rotate,
            "mint_infisical_token": self.logins.mint,
            "expire_infisical_tokens": self.logins.expire,
            "leave_infisical_project": self._leave,
            "guard_infisical_folder": self._guard,
            "import_infisical_folder": self._import,
            "approve_infisical_requests": self.changes.approve,
            "create_infisical_folder": self._create_folder,
            "remove_infisical_folder": self._remove,
        }

    def _set_by_hand(
        self, name: str, value: str | None = None, environment: str = "prod", path: str = "/backend"
    ) -> dict[str, Any]:
        """Without a value, it is deleted."""
        folder = self.folders[environment, path]
        if value is None:
            del folder.secrets[name]
        else:
            self.changes.put(folder, name, value)
        return {}

    def _rotate(
        self, name: str, rotated: bool = True, environment: str = "prod", path: str = "/backend"
    ) -> dict[str, Any]:
        """From now on Infisical itself rotates this secret."""
        self.folders[environment, path].secrets[name].rotated = rotated
        return {}

    def _leave(self, token: str) -> dict[str, Any]:
        found = self.logins.find({"authorization": f"Bearer {token}"})
        if found is None:
            raise ValueError("no such token")
        found.identity.member = False
        return {}

    def _guard(self, environment: str = "prod", path: str = "/backend", guarded: bool = True) -> dict[str, Any]:
        self.folders[environment, path].guarded = guarded
        return {}

    def _import(self, source: str, environment: str = "prod", path: str = "/backend") -> dict[str, Any]:
        """From now on what is in the folder `source` is read through the other one, too."""
        self.folders[environment, path].imports.append(self.folders[environment, source])
        return {}

    def _create_folder(self, environment: str, path: str) -> dict[str, Any]:
        self.folders[environment, path] = Folder(environment, path)
        return {}

    def _remove(self, environment: str = "prod", path: str = "/backend") -> dict[str, Any]:
        del self.folders[environment, path]
        return {}


def singly(task: Task) -> Task:
    """A batch of the one secret that the address names."""

    async def run(identity: Identity, request: Request) -> Any:
        body = await read_json(request)
        place = {name: body.pop(name) for name in ("projectId", "environment", "secretPath") if name in body}
        batch = json.dumps({**place, "secrets": [{**body, "secretKey": request.path_params["name"]}]}).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": batch, "more_body": False}

        said = await task(identity, Request(request.scope, receive))
        return {"secret": said["secrets"][0]} if "secrets" in said else said

    return run
