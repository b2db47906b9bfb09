# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at secrets: lists, single ones, and older versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from ..provider import RefusedError
from . import state
from .changes import Changes
from .logins import Logins
from .state import DESCRIBE, READ, Folder, Identity, Secret

if TYPE_CHECKING:
    from ..world import World

NO_ROUTE = "Route not found"
_LONGEST = 100
"""Characters of a path segment that the web framework takes; it has no route for more."""


class Reading:
    def __init__(self, world: World, folders: Mapping[tuple[str, str], Folder], changes: Changes) -> None:
        self._world = world
        self._folders = folders
        self._changes = changes

    async def all(self, identity: Identity, request: Request) -> Any:
        """What the identity may not describe is left out; whether it may describe anything comes first."""
        query = self._query(request)
        Logins.need(identity, DESCRIBE)
        top = self._changes.folder(query, "Folder was not found: please see the environment slug and the secret path")
        secrets = [
            self._shown(identity, folder, folder.secrets[key], query)
            for folder in (self._below(top) if is_on(query, "recursive") else [top])
            for key in sorted(folder.secrets)
            if identity.may(DESCRIBE, key)
        ]
        return {"secrets": secrets, "imports": self._imports(identity, top, query)}

    async def one(self, identity: Identity, request: Request) -> Any:
        """The right comes before the question whether there is such a secret."""
        query, name = self._query(request), request.path_params["name"]
        if len(name) > _LONGEST:
            raise RefusedError(404, NO_ROUTE)
        folder = self._changes.folder(query)
        Logins.need(identity, DESCRIBE, name)
        version = query.get("version", "0")
        if not version.isdecimal():
            raise RefusedError(422, "Expected number, received nan")
        holders = [folder, *(reversed(folder.imports) if _includes_imports(query) else ())]
        folder = next((one for one in holders if name in one.secrets), folder)
        secret = folder.secrets.get(name)
        if secret is None or int(version) > secret.version:
            raise RefusedError(404, f"Secret with name '{name}' not found")
        return {"secret": self._shown(identity, folder, secret, query, int(version))}

    def _imports(self, identity: Identity, top: Folder, query: Mapping[str, str]) -> list[dict[str, Any]]:
        return [
            {
                "secretPath": folder.path,
                "environment": folder.environment,
                "secrets": [
                    self._shown(identity, folder, secret, query)
                    for key, secret in sorted(folder.secrets.items())
                    if identity.may(DESCRIBE, key)
                ],
            }
            for folder in (top.imports if _includes_imports(query) else ())
        ]

    def _query(self, request: Request) -> dict[str, str]:
        query = dict(request.query_params)
        if not ("projectId" in query and "environment" in query):
            raise RefusedError(422, "Required")
        self._changes.project(query["projectId"])
        return query

    def _below(self, top: Folder) -> list[Folder]:
        prefix = top.path.rstrip("/") + "/"
        inside = [folder for folder in self._folders.values() if folder.environment == top.environment]
        return [folder for folder in inside if folder is top or folder.path.startswith(prefix)]

    def _shown(
        self, identity: Identity, folder: Folder, secret: Secret, query: Mapping[str, str], version: int = 0
    ) -> dict[str, Any]:
        value = secret.at(version or secret.version)[0] if self._views(identity, secret.key, query) else None
        if value is not None and is_on(query, "expandSecretReferences"):
            value = state.expanded(value, self._changes.referable(folder))
        return state.shown(folder, secret, value=value, version=version)

    def _views(self, identity: Identity, key: str, query: Mapping[str, str]) -> bool:
        """Servers differ in what they do where the right to values is missing: refuse, or hide them."""
        if not is_on(query, "viewSecretValue", "true"):
            return False
        if not self._world.switches.infisical_hides_values:
            Logins.need(identity, READ, key)
        return identity.may(READ, key)


def _includes_imports(query: Mapping[str, str]) -> bool:
    """A real server includes them unless it is told not to; v3's `include_imports` means nothing to v4."""
    return is_on(query, "includeImports", "true")


def is_on(query: Mapping[str, str], name: str, default: str = "false") -> bool:
    if query.get(name, default) not in ("true", "false"):
        raise RefusedError(422, "Invalid enum value: expected 'true' or 'false'")
    return query.get(name, default) == "true"
