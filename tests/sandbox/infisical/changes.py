# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of changes: all or nothing, with versions; and requests where a policy wants somebody's approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from ..provider import RefusedError, read_json
from . import state
from .logins import Logins
from .state import CREATE, DELETE, EDIT, PROJECT, READ, Folder, Identity, Secret

if TYPE_CHECKING:
    from ..world import World

_MODES = ("failOnNotFound", "upsert", "ignore")


class Changes:
    def __init__(self, world: World, folders: dict[tuple[str, str], Folder]) -> None:
        self._world = world
        self._folders = folders
        self.requests: list[state.Request] = []
        self._made = 0

    async def create(self, identity: Identity, request: Request) -> Any:
        body = await self._body(request)
        folder, values = self.folder(body), self._values(body)
        if there := [key for key in values if key in folder.secrets]:
            raise RefusedError(400, f"Secret already exists: {', '.join(there)}")
        return self._change(identity, folder, values)

    async def update(self, identity: Identity, request: Request) -> Any:
        body = await self._body(request)
        if (mode := body.get("mode", "failOnNotFound")) not in _MODES:
            raise RefusedError(422, "Invalid enum value for mode")
        self._environment(body)
        folder, values = self.folder(body), self._values(body)
        missing = [key for key in values if key not in folder.secrets]
        if missing and mode == "failOnNotFound":
            raise RefusedError(404, f"Secret does not exist: {', '.join(missing)} in path {folder.path}")
        wanted = {key: value for key, value in values.items() if mode == "upsert" or key in folder.secrets}
        return self._change(identity, folder, wanted)

    async def delete(self, identity: Identity, request: Request) -> Any:
        body = await self._body(request)
        folder, keys = self.folder(body), [item["secretKey"] for item in body["secrets"]]
        if not all(key in folder.secrets for key in keys):
            raise RefusedError(404, "One or more secrets does not exist")
        return self._change(identity, folder, dict.fromkeys(keys))

    def project(self, project: str) -> None:
        if project != PROJECT:
            raise RefusedError(404, f"Project with ID '{project}' not found")

    def folder(self, given: Mapping[str, Any], otherwise: str = "") -> Folder:
        path = state.trimmed(given.get("secretPath") or "/").rstrip("/") or "/"
        environment = state.trimmed(given["environment"])
        if (environment, path) not in self._folders:
            found = otherwise or f"Folder with path '{path}' in environment with slug '{environment}' not found"
            raise RefusedError(404, found)
        return self._folders[environment, path]

    def referable(self, folder: Folder) -> dict[str, str]:
        """The values that a reference can stand for, by what it says: ``KEY``, or ``environment.folder.KEY``."""
        known = {key: secret.value for key, secret in folder.secrets.items()}
        for (environment, path), other in self._folders.items():
            parts = [environment, *filter(None, path.split("/"))]
            known |= {".".join([*parts, key]): secret.value for key, secret in other.secrets.items()}
        return known

    def put(self, folder: Folder, key: str, value: str) -> None:
        now, known = self._world.now(), folder.secrets.get(key)
        self._world.remember(value)
        if known is None:
            folder.secrets[key] = Secret(key, value, now, now)
        else:
            known.change(value, now)

    def approve(self) -> dict[str, Any]:
        """Somebody approves all that waits, and it is done."""
        for waiting in self.requests:
            self._apply(waiting.folder, waiting.values)
        approved, self.requests = len(self.requests), []
        return {"approved": approved}

    # What a request says

    async def _body(self, request: Request) -> dict[str, Any]:
        body = await read_json(request)
        items = body.get("secrets")
        if not all(isinstance(body.get(name), str) for name in ("projectId", "environment")):
            raise RefusedError(422, "Required")
        if not isinstance(items, list) or not items:
            raise RefusedError(422, "Array must contain at least 1 element(s)")
        for item in items:
            name = state.trimmed(item.get("secretKey") or "")
            if not name:
                raise RefusedError(422, "String must contain at least 1 character(s)")
            if ":" in name or "/" in name:
                raise RefusedError(422, "Secret name cannot contain colon or forward slash.")
        self.project(body["projectId"])
        return body

    def _environment(self, body: Mapping[str, Any]) -> None:
        if body["environment"] not in {environment for environment, _path in self._folders}:
            found = f"Environment with slug '{body['environment']}' in project with ID '{PROJECT}' not found"
            raise RefusedError(404, found)

    @staticmethod
    def _values(body: Mapping[str, Any]) -> dict[str, str | None]:
        return {state.trimmed(item["secretKey"]): state.kept(item.get("secretValue", "")) for item in body["secrets"]}

    # What comes of it

    def _change(self, identity: Identity, folder: Folder, values: dict[str, str | None]) -> dict[str, Any]:
        self._world.remember(*filter(None, values.values()))
        known = self.referable(folder)
        for key, value in values.items():
            Logins.need(identity, DELETE if value is None else EDIT if key in folder.secrets else CREATE, key)
            if unknown := [name for name in state.references(value or "") if name not in known]:
                raise RefusedError(400, f"Referenced secret(s) not found: {', '.join(unknown)}")
        self._world.touch()
        if folder.guarded:
            return {"approval": self._ask(folder, values).shown()}
        gone = [folder.secrets[key] for key, value in values.items() if value is None]
        self._apply(folder, values)
        touched = gone or [folder.secrets[key] for key in values]
        return {"secrets": [self._shown(identity, folder, secret) for secret in touched]}

    def _ask(self, folder: Folder, values: dict[str, str | None]) -> state.Request:
        self._made += 1
        waiting = state.Request(folder, values, f"change-{self._made}", self._world.now())
        self.requests.append(waiting)
        return waiting

    def _apply(self, folder: Folder, values: Mapping[str, str | None]) -> None:
        for key, value in values.items():
            known = folder.secrets.get(key)
            if value is None:
                folder.secrets.pop(key, None)
            else:
                self.put(folder, key, known.value if known and known.rotated else value)

    @staticmethod
    def _shown(identity: Identity, folder: Folder, secret: Secret) -> dict[str, Any]:
        return state.shown(folder, secret, value=secret.value if identity.may(READ, secret.key) else None)
