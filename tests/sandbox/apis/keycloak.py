# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keycloak: a user with a password and a client with a secret, and the endpoint that signs in with them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..provider import RefusedError, read_json
from ..specs import read_form
from .service import ADMIN, DescribedApi, Key

_TOKEN = "/realms/{realm}/protocol/openid-connect/token"
_WRONG = {
    "password": {"error": "invalid_grant", "error_description": "Invalid user credentials"},
    "client_credentials": {
        "error": "unauthorized_client",
        "error_description": "Invalid client or Invalid client credentials",
    },
}


class Keycloak(DescribedApi):
    """``rotor`` is the administrator's client; tokens live for a minute, and are as good as none afterwards."""

    name, prefix, error_schema = "keycloak", "/keycloak", "ErrorRepresentation"
    undescribed = ("/realms/.*",)

    def seed(self) -> None:
        super().seed()
        self.token = f"keycloak-{secrets.token_urlsafe(24)}"
        self.world.remember(self.token)

    def routes(self) -> list[BaseRoute]:
        return [
            Route(_TOKEN, self._sign_in, methods=["POST"]),
            Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT"]),
        ]

    def caller(self, headers: Mapping[str, str]) -> str | None:
        value = headers.get("authorization", "").removeprefix("Bearer ")
        return "admin" if value == self.token else self.identify(value)

    async def _sign_in(self, request: Request) -> Response:
        form = read_form(await request.body())
        of_user = form["grant_type"] == "password"
        who, shown = (form["username"], form["password"]) if of_user else (form["client_id"], form["client_secret"])
        known = self.world.credentials[ADMIN] if who == "rotor" else self._kept(who).value
        if shown != known:
            return JSONResponse(_WRONG[form["grant_type"]], 401)
        token = self.token if who == "rotor" else "token-of-somebody"
        return JSONResponse({"access_token": token, "expires_in": 60, "token_type": "Bearer"})

    async def _answer(self, request: Request) -> Response:
        found = self.description.find(request.method, "/" + request.path_params["path"])
        if found is None:
            raise RefusedError(404, "no such operation")
        if self.caller(request.headers) != "admin":
            raise RefusedError(401, "HTTP 401 Unauthorized")
        if not set(found.params) & {"client_uuid", "user_id"}:
            query = request.query_params
            who = query.get("username") or query.get("clientId")
            items = [{"id": f"id-of-{who}", "username": who, "clientId": who}] if who else []
            return JSONResponse(self.examples.make_list(found.answer, items))
        who = (found.params.get("user_id") or found.params["client_uuid"]).removeprefix("id-of-")
        if request.method == "PUT":
            self._set(who, str((await read_json(request))["value"]))
            return Response(status_code=204)
        if request.method == "POST":
            self._set(who, f"keycloak-{secrets.token_urlsafe(24)}")
        return JSONResponse({"type": "secret", "value": self._kept(who).value})

    def _kept(self, who: str) -> Key:
        return next((key for key in self.keys.values() if key.home == who), None) or self.put(who, "first")

    def _set(self, who: str, value: str) -> Any:
        self._kept(who).value = value
        self.world.remember(value)
        self.world.touch()
