# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical: secrets of folders and environments by API version 4, for machine identities."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..provider import Provider, RefusedError, read_json
from . import state
from .state import DESCRIBE, PROJECT, READ, WRITE, Folder, Identity, Secret, Token

_NAMES = {
    400: "BadRequest",
    401: "UnauthorizedError",
    403: "PermissionDenied",
    404: "NotFound",
    422: "ValidationFailure",
}
_FAILURES = 3
"""Refused logins until an identity is locked out for a while."""
_LATENCY = 0.002
"""Seconds that a request takes, so that several can be under way."""


class Infisical(Provider):
    name = "infisical"
    prefix = "/infisical"
    spec = "infisical.json"
    error_schema = "Error"

    def seed(self) -> None:
        credentials = self.world.credentials
        operator = Identity("operator", credentials["INFISICAL_CLIENT_ID"], credentials["INFISICAL_CLIENT_SECRET"])
        self.identities = {operator.client_id: operator}
        self.tokens: dict[str, Token] = {}
        self.requests: list[state.Request] = []
        self.most_at_once = 0
        self._at_once = 0
        self.folders = {
            (environment, path): Folder(environment, path)
            for environment in ("dev", "staging", "prod")
            for path in ("/", "/backend")
        }
        for folder in self.folders.values():
            self._put(folder, "SENTRY_DSN", f"https://{secrets.token_hex(8)}@sentry.molecule.example/1")

    def routes(self) -> list[BaseRoute]:
        table: list[tuple[str, str, Callable[..., Any]]] = [
            ("POST", "/auth/universal-auth/login", self._login),
            ("GET", "/secrets", self._list),
            ("PATCH", "/secrets/batch", self._patch),
            ("POST", "/secrets/batch", self._create),
            ("DELETE", "/secrets/batch", self._delete),
        ]
        version = {True: "/api/v4", False: "/api/v1"}
        return [
            Route(version["secrets" in path] + path, self._limited(answer), methods=[method])
            for method, path, answer in table
        ]

    def problem(self, status: int, message: str) -> Response:
        said: Any = [{"message": message}] if status == 422 else message
        body = {"reqId": f"req-{secrets.token_hex(6)}", "statusCode": status, "error": _NAMES.get(status, "Error")}
        if message == "expired":
            body["error"] = "TokenError"
        return JSONResponse({**body, "message": said}, status, headers={"x-request-id": body["reqId"]})

    def caller(self, headers: Mapping[str, str]) -> str | None:
        token = self.tokens.get(headers.get("authorization", "").removeprefix("Bearer "))
        return token.identity.name if token else None

    def _limited(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """A real server's pool of connections to its database is small: more requests at once end with 500."""

        async def run(request: Request) -> Response:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                await asyncio.sleep(_LATENCY)
                if self._at_once > self.world.switches.infisical_at_once:
                    return self.problem(500, "Something went wrong")
                return JSONResponse(await answer(request))
            finally:
                self._at_once -= 1

        return run

    # Who calls

    async def _login(self, request: Request) -> Any:
        body = await read_json(request)
        identity = self.identities.get(str(body.get("clientId")))
        if identity is None:
            raise RefusedError(401, "Invalid credentials")
        if identity.failures >= _FAILURES:
            raise RefusedError(401, "This identity is temporarily locked out")
        if body.get("clientSecret") != identity.client_secret:
            identity.failures += 1
            raise RefusedError(401, "Invalid credentials")
        identity.failures = 0
        seconds = self.world.switches.infisical_token_seconds
        token = self._issue(identity, seconds)
        return {
            "accessToken": token.value,
            "expiresIn": int(seconds),
            "accessTokenMaxTTL": 2592000,
            "tokenType": "Bearer",
        }

    def _issue(self, identity: Identity, seconds: float | None) -> Token:
        ends = None if seconds is None else self.world.now().timestamp() + seconds
        token = state.new_token(identity, ends)
        self.tokens[token.value] = token
        self.world.remember(token.value)
        return token

    def _admit(self, request: Request, right: str) -> Identity:
        token = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if token is None or token.too_old:
            raise RefusedError(401, "Token missing or not accepted")
        if token.expires_at is not None and token.expires_at <= self.world.now().timestamp():
            raise RefusedError(403, "expired")
        if right not in token.identity.rights:
            raise RefusedError(403, f"You are not allowed to {right} secrets")
        return token.identity

    # Secrets

    def _folder(self, given: Mapping[str, Any]) -> Folder:
        for option in ("projectId", "environment"):
            if not given.get(option):
                raise RefusedError(422, f"{option} is required")
        if given["projectId"] != PROJECT:
            raise RefusedError(404, f"Project {given['projectId']} not found")
        path = given.get("secretPath") or "/"
        folder = self.folders.get((given["environment"], path.rstrip("/") or "/"))
        if folder is None:
            raise RefusedError(404, f"Folder with path '{path}' in environment '{given['environment']}' not found")
        return folder

    async def _list(self, request: Request) -> Any:
        identity = self._admit(request, DESCRIBE)
        query = dict(request.query_params)
        folder = self._folder(query)
        view = query.get("viewSecretValue", "true") == "true"
        if view and READ not in identity.rights:
            raise RefusedError(403, "You are not allowed to read the values of secrets")
        return {"secrets": self._shown(folder, sorted(folder.secrets), value=view), "imports": []}

    async def _patch(self, request: Request) -> Any:
        folder, body = await self._change(request)
        mode = body.get("mode", "failOnNotFound")
        items = {item["secretKey"]: item for item in body["secrets"]}
        missing = [key for key in items if key not in folder.secrets]
        if missing and mode == "failOnNotFound":
            raise RefusedError(404, f"Secret with name '{missing[0]}' not found")
        wanted = [key for key in items if mode == "upsert" or key in folder.secrets]
        return self._changed(request, folder, {key: items[key].get("secretValue", "") for key in wanted})

    async def _create(self, request: Request) -> Any:
        folder, body = await self._change(request)
        items = {item["secretKey"]: item.get("secretValue", "") for item in body["secrets"]}
        if there := [key for key in items if key in folder.secrets]:
            raise RefusedError(400, f"Secret already exists: {there[0]}")
        return self._changed(request, folder, items)

    async def _delete(self, request: Request) -> Any:
        folder, body = await self._change(request)
        keys = [item["secretKey"] for item in body["secrets"]]
        if missing := [key for key in keys if key not in folder.secrets]:
            raise RefusedError(404, f"Secret with name '{missing[0]}' not found")
        return self._changed(request, folder, dict.fromkeys(keys))

    async def _change(self, request: Request) -> tuple[Folder, dict[str, Any]]:
        self._admit(request, WRITE)
        body = await read_json(request)
        folder = self._folder(body)
        items = body.get("secrets")
        if not isinstance(items, list) or not items or not all(item.get("secretKey") for item in items):
            raise RefusedError(422, "secrets must be a list of at least one item with a secretKey")
        return folder, body

    def _changed(self, request: Request, folder: Folder, values: dict[str, str | None]) -> dict[str, Any]:
        self.world.remember(*filter(None, values.values()))
        if folder.guarded:
            waiting = state.Request(folder, values)
            self.requests.append(waiting)
            self.world.touch()
            return {"approval": {"id": waiting.id, "slug": f"change-{len(self.requests)}", "status": "open"}}
        view = READ in self._admit(request, WRITE).rights
        gone = [folder.secrets[key] for key, value in values.items() if value is None]
        self._apply(folder, values)
        self.world.touch()
        kept = [key for key, value in values.items() if value is not None]
        deleted = [state.shown(folder, secret, value=view) for secret in gone]
        return {"secrets": [*self._shown(folder, kept, value=view), *deleted]}

    def _apply(self, folder: Folder, values: Mapping[str, str | None]) -> None:
        for key, value in values.items():
            if value is None:
                folder.secrets.pop(key, None)
            else:
                self._put(folder, key, state.kept(value))

    def _put(self, folder: Folder, key: str, value: str) -> None:
        now, known = self.world.now(), folder.secrets.get(key)
        self.world.remember(value)
        if known is None:
            folder.secrets[key] = Secret(key, value, now, now)
        else:
            known.value, known.updated_at, known.version = value, now, known.version + 1

    @staticmethod
    def _shown(folder: Folder, keys: list[str], *, value: bool) -> list[dict[str, Any]]:
        return [state.shown(folder, folder.secrets[key], value=value) for key in keys]

    # For the oracle

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
            "requests": len(self.requests),
            "most_at_once": self.most_at_once,
            "tokens": len(self.tokens),
        }

    def acts(self) -> dict[str, Any]:
        return {
            "set_infisical_secret": self._set_by_hand,
            "mint_infisical_token": self._mint,
            "guard_infisical_folder": self._guard,
            "approve_infisical_requests": self._approve,
            "remove_infisical_folder": self._remove,
            "expire_infisical_tokens": self._expire,
        }

    def _at(self, environment: str, path: str) -> Folder:
        return self.folders[environment, path]

    def _set_by_hand(self, name: str, value: str, environment: str = "prod", path: str = "/backend") -> dict[str, Any]:
        self._put(self._at(environment, path), name, value)
        return {}

    def _mint(self, rights: list[str] | None = None) -> dict[str, Any]:
        """A token that somebody was given, without an end; and an identity of its own to log in with."""
        rights = [] if rights is None else rights
        name = f"identity-{len(self.identities)}"
        identity = Identity(name, f"{name}-client", secrets.token_urlsafe(24), frozenset(rights))
        self.identities[identity.client_id] = identity
        self.world.remember(identity.client_secret)
        given = {"client_id": identity.client_id, "client_secret": identity.client_secret}
        return {"token": self._issue(identity, None).value, **given}

    def _guard(self, environment: str = "prod", path: str = "/backend", guarded: bool = True) -> dict[str, Any]:
        self._at(environment, path).guarded = guarded
        return {}

    def _approve(self) -> dict[str, Any]:
        for waiting in self.requests:
            self._apply(waiting.folder, waiting.values)
        approved, self.requests = len(self.requests), []
        return {"approved": approved}

    def _remove(self, environment: str = "prod", path: str = "/backend") -> dict[str, Any]:
        del self.folders[environment, path]
        return {}

    def _expire(self, too_old: bool = False) -> dict[str, Any]:
        for token in self.tokens.values():
            token.expires_at, token.too_old = (token.expires_at, True) if too_old else (0.0, False)
        return {}
