# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API for secrets, the same for every place that has them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..address import base_url
from ..provider import RefusedError, read_json
from .state import Vault, is_base64
from .views import minimal_repository_json, paged, secret_json

if TYPE_CHECKING:
    from . import GitHub

SECRET_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
MAX_SECRET = 48 * 1024
VISIBILITIES = ("all", "private", "selected")
OF_REPOSITORIES = "/repos/{owner}/{repo}/{application}"
OF_ENVIRONMENTS = "/repos/{owner}/{repo}/environments/{environment}"
OF_ORGANIZATIONS = "/orgs/{org}/{application}"

Endpoint = Callable[[Request, Vault], Any]


def routes(github: GitHub) -> list[Route]:
    api = Api(github)
    table: list[tuple[str, str, str, Endpoint]] = [
        ("GET", "/secrets", "read", api.list_secrets),
        ("GET", "/secrets/public-key", "read", api.public_key),
        ("GET", "/secrets/{name}", "read", api.show),
        ("PUT", "/secrets/{name}", "write", api.put),
        ("DELETE", "/secrets/{name}", "write", api.delete),
    ]
    of_organizations = [*table, ("GET", "/secrets/{name}/repositories", "read", api.repositories)]
    places = ((OF_ENVIRONMENTS, table), (OF_REPOSITORIES, table), (OF_ORGANIZATIONS, of_organizations))
    return [
        Route(place + path, api.guarded(level, endpoint), methods=[method])
        for place, rows in places
        for method, path, level, endpoint in rows
    ]


class Api:
    def __init__(self, github: GitHub) -> None:
        self.github, self.world = github, github.world

    def guarded(self, level: str, endpoint: Endpoint) -> Callable[[Request], Any]:
        async def guard(request: Request) -> Response:
            vault = self.github.vault(request, level)
            response: Response = await endpoint(request, vault)
            response.headers["X-Accepted-GitHub-Permissions"] = f"{vault.permission}={level}"
            return response

        return guard

    async def public_key(self, request: Request, vault: Vault) -> Response:
        return JSONResponse({"key_id": vault.key_id, "key": vault.public_key})

    async def list_secrets(self, request: Request, vault: Vault) -> Response:
        secrets = sorted(vault.secrets.values(), key=lambda secret: secret.name)
        return paged(request, "secrets", [secret_json(secret, self._url(request)) for secret in secrets])

    async def show(self, request: Request, vault: Vault) -> Response:
        secret = vault.secrets.get(secret_name(request))
        if secret is None:
            raise RefusedError(404, "Not Found")
        return JSONResponse(secret_json(secret, self._url(request)))

    async def put(self, request: Request, vault: Vault) -> Response:
        name, body = secret_name(request), await read_json(request)
        if not SECRET_NAME.fullmatch(name) or name.startswith("GITHUB_"):
            raise RefusedError(422, "Secret names can only contain alphanumeric characters and underscores")
        selected = self._selected(request, body) if vault.shared else []
        created = name not in vault.secrets
        if "encrypted_value" in body or created or not vault.shared:
            self.github.put_secret(vault, name, self._opened(vault, name, body))
        if vault.shared:
            vault.secrets[name].visibility, vault.secrets[name].selected = body["visibility"], selected
            self.world.touch()
        return JSONResponse({}, 201) if created else Response(status_code=204)

    @staticmethod
    def _opened(vault: Vault, name: str, body: dict[str, Any]) -> str:
        if not is_base64(body.get("encrypted_value")) or not isinstance(body.get("key_id"), str):
            raise RefusedError(422, "encrypted_value in base64 and key_id are required")
        if body["key_id"] != vault.key_id:
            raise RefusedError(422, "Bad request - key_id is not the current key of this place")
        try:
            value = vault.open(base64.b64decode(body["encrypted_value"]))
        except ValueError:
            raise RefusedError(422, "encrypted_value does not decrypt") from None
        if len(value.encode()) > MAX_SECRET:
            raise RefusedError(422, "Secrets are limited to 48 KB")
        if name not in vault.secrets and len(vault.secrets) >= vault.limit:
            raise RefusedError(422, f"At most {vault.limit} secrets are kept here")
        return value

    def _selected(self, request: Request, body: dict[str, Any]) -> list[int]:
        """Whatever a write leaves out is gone."""
        if body.get("visibility") not in VISIBILITIES:
            raise RefusedError(422, "visibility is required")
        ids = body.get("selected_repository_ids", [])
        if ids and body["visibility"] != "selected":
            raise RefusedError(422, "selected_repository_ids are for visibility selected")
        known = {item.id for item in self.github.repositories_of(request.path_params["org"])}
        selected = [int(one) for one in ids]
        if not known.issuperset(selected):
            raise RefusedError(422, "There is no such repository in this organization")
        return selected

    async def delete(self, request: Request, vault: Vault) -> Response:
        if vault.secrets.pop(secret_name(request), None) is None:
            raise RefusedError(404, "Not Found")
        self.world.touch()
        return Response(status_code=204)

    async def repositories(self, request: Request, vault: Vault) -> Response:
        secret = vault.secrets.get(secret_name(request))
        if secret is None:
            raise RefusedError(404, "Not Found")
        found = [item for item in self.github.repositories_of(request.path_params["org"]) if item.id in secret.selected]
        base = base_url(request)
        return paged(request, "repositories", [minimal_repository_json(item, base) for item in found])

    @staticmethod
    def _url(request: Request) -> str:
        """Of an organization's secrets."""
        org, application = (request.path_params.get(key) for key in ("org", "application"))
        return f"{base_url(request)}/orgs/{org}/{application}/secrets"


def secret_name(request: Request) -> str:
    """Names are kept in capitals."""
    return str(request.path_params["name"]).upper()
