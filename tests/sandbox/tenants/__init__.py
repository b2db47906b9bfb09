# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant platform: global secrets by ``PUT /settings/secrets``, which restarts every workspace that is not paused.

After the runbook for ANTHROPIC_API_KEY, and the platform's own handler: a workspace gets its secrets when it starts,
and one of its own takes the place of the global one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..provider import Provider, RefusedError, read_json

PLACE = "tenant secret"


@dataclass
class Secret:
    value: str
    created_at: datetime
    updated_at: datetime


@dataclass
class Workspace:
    id: str
    paused: bool = False
    own: dict[str, Secret] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    starts: int = 0


class Tenants(Provider):
    name = "tenants"
    prefix = "/tenant"

    def seed(self) -> None:
        self._tokens = {self.world.credentials["TENANT_ADMIN_TOKEN"]: "admin"}
        self.secrets: dict[str, Secret] = {}
        self.workspaces = {
            one.id: one
            for one in (
                Workspace("hitl", own={"SLACK_TOKEN": Secret("xoxb-own", self.world.now(), self.world.now())}),
                Workspace("dev"),
                Workspace("old", paused=True),
            )
        }
        self._set("ANTHROPIC_API_KEY", f"sk-ant-api03-{secrets.token_urlsafe(32)}")

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/health", self._health, methods=["GET"]),
            Route("/settings/secrets", self._list, methods=["GET"]),
            Route("/settings/secrets", self._put, methods=["PUT"]),
            Route("/settings/secrets/{key}", self._delete, methods=["DELETE"]),
            Route("/workspaces", self._workspaces, methods=["GET"]),
            Route("/workspaces/{id}/secrets", self._own, methods=["GET"]),
            Route("/workspaces/{id}", self._workspace, methods=["GET"]),
            Route("/workspaces/{id}/restart", self._restart, methods=["POST"]),
        ]

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"error": message}, status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        return self._tokens.get(headers.get("authorization", "").removeprefix("Bearer "))

    # The API

    def _admit(self, request: Request, role: str = "admin") -> None:
        caller = self.caller(request.headers)
        if caller is None:
            raise RefusedError(401, "admin auth required")
        if role not in (caller, "anybody"):
            raise RefusedError(403, "this token may not manage settings")

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _list(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse([self._shown(key, secret) for key, secret in sorted(self.secrets.items())])

    async def _put(self, request: Request) -> Response:
        self._admit(request)
        body = await read_json(request)
        key, value = body.get("key"), body.get("value")
        if not (isinstance(key, str) and key and isinstance(value, str) and value):
            raise RefusedError(400, "Key and Value are required")
        self._set(key, value)
        self.world.touch()
        return JSONResponse({"status": "saved", "key": key, "scope": "global"})

    async def _delete(self, request: Request) -> Response:
        self._admit(request)
        key = request.path_params["key"]
        if key not in self.secrets:
            raise RefusedError(404, "secret not found")
        del self.secrets[key]
        self._restart_all()
        self.world.touch()
        return JSONResponse({"status": "deleted", "key": key, "scope": "global"})

    async def _workspaces(self, request: Request) -> Response:
        self._admit(request, "anybody")
        return JSONResponse({"workspaces": [self._told(one) for one in self.workspaces.values()]})

    async def _workspace(self, request: Request) -> Response:
        self._admit(request, "anybody")
        return JSONResponse(self._told(self._find(request)))

    async def _own(self, request: Request) -> Response:
        """What a workspace has of its own."""
        self._admit(request)
        one = self._find(request)
        shown = [self._shown(key, secret) | {"scope": "workspace"} for key, secret in sorted(one.own.items())]
        return JSONResponse(shown)

    async def _restart(self, request: Request) -> Response:
        self._admit(request)
        one = self._find(request)
        self._start(one)
        self.world.touch()
        return JSONResponse({"status": "provisioning", "id": one.id})

    # What it does

    def _set(self, key: str, value: str) -> None:
        """A date that tells any two writes apart, as the database has it."""
        now, known = self.world.now(), self.secrets.get(key)
        if known and now <= known.updated_at:
            now = known.updated_at + timedelta(microseconds=1)
        self.secrets[key] = Secret(value, known.created_at if known else now, now)
        self.world.remember(value)
        self._restart_all()

    def _restart_all(self) -> None:
        for one in self.workspaces.values():
            if not one.paused:
                self._start(one)

    def _start(self, one: Workspace) -> None:
        one.env = {key: secret.value for key, secret in (self.secrets | one.own).items()}
        one.starts += 1

    def _find(self, request: Request) -> Workspace:
        one = self.workspaces.get(request.path_params["id"])
        if one is None:
            raise RefusedError(404, "workspace not found")
        return one

    @staticmethod
    def _told(one: Workspace) -> dict[str, Any]:
        return {"id": one.id, "status": "paused" if one.paused else "online", "starts": one.starts}

    @staticmethod
    def _state_of(one: Workspace) -> dict[str, Any]:
        return {"id": one.id, "status": "paused" if one.paused else "online", "starts": one.starts}

    @staticmethod
    def _shown(key: str, secret: Secret) -> dict[str, Any]:
        dates = {"created_at": secret.created_at.isoformat(), "updated_at": secret.updated_at.isoformat()}
        return {"key": key, "has_value": True, "scope": "global", **dates}

    # For the oracle

    def contents(self) -> Iterable[tuple[str, str, str]]:
        return [("http /settings/secrets", key, secret.value) for key, secret in self.secrets.items()]

    def possessions(self) -> dict[tuple[str, str], Any]:
        held: dict[tuple[str, str], Any] = {(PLACE, key): secret.value for key, secret in self.secrets.items()}
        for one in self.workspaces.values():
            held |= {(f"tenant workspace {one.id}", key): value for key, value in one.env.items()}
        return held

    def picture(self) -> dict[str, Any]:
        dates = {key: secret.updated_at.isoformat() for key, secret in self.secrets.items()}
        return {"secrets": dates, "workspaces": {one.id: one.starts for one in self.workspaces.values()}}

    def acts(self) -> dict[str, Any]:
        return {
            "set_tenant_secret": self._set_by_hand,
            "set_workspace_secret": self._set_own,
            "mint_tenant_token": self._mint,
            "tenant_runs_on": self._runs_on,
        }

    def _runs_on(self, name: str, value: str) -> dict[str, Any]:
        """Which workspaces run on a value."""
        return {"workspaces": [one.id for one in self.workspaces.values() if one.env.get(name) == value]}

    def _set_by_hand(self, name: str, value: str) -> dict[str, Any]:
        self._set(name, value)
        return {}

    def _set_own(self, workspace: str, name: str, value: str) -> dict[str, Any]:
        """Somebody gives a workspace a value of its own; an empty one takes it away. It starts anew with that."""
        one, now = self.workspaces[workspace], self.world.now()
        one.own.pop(name, None)
        if value:
            one.own[name] = Secret(value, now, now)
            self.world.remember(value)
        self._start(one)
        self.world.touch()
        return {}

    def _mint(self, role: str = "viewer") -> dict[str, Any]:
        token = f"tenant-{secrets.token_urlsafe(24)}"
        self._tokens[token] = role
        self.world.remember(token)
        return {"token": token}
