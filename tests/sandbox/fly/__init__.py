# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly.io: the Machines API, the GraphQL API for tokens, and the machines themselves."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from ..answer import Answer
from ..provider import Provider, RefusedError
from ..ratelimit import Buckets
from ..world import Entry
from . import graphql, rest
from .state import (
    ADMIN,
    App,
    Machine,
    Organization,
    Snapshot,
    Token,
    digest,
    go_duration,
    new_token,
    node_id,
    ulid,
    without_release,
    without_scheme,
)

FOREVER = timedelta(days=365 * 20)
PROFILES = ("deploy", "deploy_organization", "litefs_cloud")


class Fly(Provider):
    name = "fly"
    prefix = "/fly"
    doors = ("http://api.machines.dev", "http://api.fly.io")
    spec = "fly-machines.json"
    error_schema = "ErrorResponse"
    switches: ClassVar[Mapping[str, Any]] = {
        "sick_apps": [],
        "bad_updates": 0,
        "lease_shape": "flat",
        "lease_second": 1.0,
        "replication_lag": 0.0,
        "page_size": 100,
        "machine_seconds": 0.05,
        "session_apps": [],
    }

    def seed(self) -> None:
        now = self.world.now()
        admin = Token(
            "user-session", ADMIN, self.world.credentials["FLY_ADMIN_TOKEN"], "user", None, now, now + FOREVER
        )
        self.organizations: dict[str, Organization] = {}
        self.apps: dict[str, App] = {}
        self.tokens: list[Token] = []
        self._numbers = itertools.count(81)
        self._keys = {without_scheme(admin.value): admin}
        self.world.remember(without_scheme(admin.value))
        self._buckets = Buckets(self.world.monotonic)

    def routes(self) -> list[BaseRoute]:
        return [*rest.routes(self), *graphql.routes(self)]

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"error": message, "status": "unknown", "details": {}}, status)

    # Tokens

    def find(self, header: str) -> Token | None:
        return self._keys.get(without_scheme(header))

    def authenticate(self, headers: Mapping[str, str]) -> Token:
        token = self.find(headers.get("authorization", ""))
        if token is None or not token.alive:
            raise RefusedError(401, "unauthorized: the token is missing, unknown, expired or revoked")
        return token

    def status_of(self, value: str, organization: str | None = None, app: str | None = None) -> int:
        """What Fly says to a credential that is used for an app, or for a whole organization."""
        token = self.find(value)
        if token is None or not token.alive:
            return 401
        if app is not None:
            return 200 if token.covers(self.apps[app].organization, self.apps[app]) else 403
        if organization is not None:
            return 200 if token.covers(self.organizations[organization]) else 403
        return 200

    def mint(self, name: str, profile: str, organization: Organization, **more: Any) -> Token:
        expiry: str | None = more.pop("expiry", None)
        created: datetime = more.pop("created_at", None) or self.world.now()
        expires = created + (go_duration(expiry) if expiry else FOREVER)
        identity = node_id("LimitedAccessToken", next(self._numbers))
        token = Token(identity, name, new_token(), profile, organization, created, expires, **more)
        self.tokens.append(token)
        self._keys[without_scheme(token.value)] = token
        self.world.remember(token.value, without_scheme(token.value), *without_scheme(token.value).split(","))
        self.world.touch()
        return token

    def revoke(self, token_id: str) -> Token:
        token = next((item for item in self.tokens if item.id == token_id), None)
        if token is None:
            raise RefusedError(404, "no such token")
        if token.revoked_at is None:
            token.revoked_at = self.world.now()
            self.world.touch()
        return token

    def label(self, value: str | None) -> str:
        """How a value may be called in public."""
        token = self.find(value) if value else None
        return f"{token.name} ({token.id})" if token else "no known token"

    # Apps and machines

    def create_app(self, name: str, organization: Organization) -> App:
        number = next(self._numbers)
        self.apps[name] = App(secrets.token_hex(8), number, name, organization)
        return self.apps[name]

    def write_secrets(self, app: App, values: dict[str, str | None]) -> Snapshot:
        self.world.remember(*[value for value in values.values() if value])
        self.world.touch()
        return app.write(values, self.world.now(), self.world.switches.replication_lag / self.world.speed)

    def launch(self, machine: Machine, kind: str) -> None:
        """Boot with what it holds: `starting`, then `started` with its checks still open, then these decide."""
        seconds, instance = self.world.switches.machine_seconds, machine.instance_id
        machine.state = "starting"
        machine.checks_begin = self.world.monotonic() + 2 * seconds / self.world.speed
        machine.happened(kind, "starting")
        self.world.touch()

        def started() -> None:
            if (machine.state, machine.instance_id) == ("starting", instance):
                machine.state = "started"
                machine.happened("start", "started")

        self.world.later(seconds, started, f"start of machine {machine.id}")

    def passing(self, machine: Machine) -> bool:
        sick = machine.broken or machine.app.name in self.world.switches.sick_apps
        settled = machine.state == "started" and self.world.monotonic() >= machine.checks_begin
        return settled and not sick and machine.app.boots(machine.env)

    # Boundary and oracle

    def caller(self, headers: Mapping[str, str]) -> str | None:
        token = self.find(headers.get("authorization", ""))
        return token.name if token else None

    def throttle(self, entry: Entry, headers: Mapping[str, str]) -> Response | None:
        parts = entry.path.strip("/").split("/")
        if parts[0] != "v1":
            return None
        is_machine = parts[3:4] == ["machines"] and len(parts) > 4
        subject = parts[4] if is_machine else parts[2] if parts[1:2] == ["apps"] and len(parts) > 2 else entry.token
        action = (entry.method, *parts[5:]) if is_machine else (entry.method, parts[1], *parts[3:4])
        reads_machine = is_machine and action == ("GET",)
        rate, burst = (5.0, 10) if reads_machine else (1.0, 3)
        return None if self._buckets.take((subject, action), rate, burst) else self.problem(429, "rate limit exceeded")

    def decorate(self, entry: Entry, answer: Answer) -> None:
        answer.add_headers(fly_request_id=f"{entry.n:026d}-sandbox")

    def identify(self, value: str) -> str | None:
        token = self.find(value)
        return token.id if token else None

    def probe(self, credential_id: str) -> int | None:
        return next((self.status_of(token.value) for token in self.tokens if token.id == credential_id), None)

    def living(self) -> Iterable[str]:
        return [token.id for token in self.tokens if token.alive]

    def contents(self) -> Iterable[tuple[str, str, str]]:
        for app in self.apps.values():
            yield from ((f"fly app {app.name}", secret.name, secret.value) for secret in app.newest.secrets.values())
            live = [machine for machine in app.machines.values() if machine.live]
            yield from ((f"{app.name} {one.id}", key, value) for one in live for key, value in one.env.items())

    def possessions(self) -> dict[tuple[str, str], Any]:
        named = self.world.switches.named
        held: dict[tuple[str, str], Any] = {("fly token", token.id): token.revoked_at for token in self.tokens}
        for app in self.apps.values():
            for secret in app.newest.secrets.values():
                held[f"fly app {app.name}, secret", secret.name] = secret.digest
            for machine in app.machines.values():
                version = None if app.name in named else machine.instance_id
                config = without_release(machine.config) if app.name in named else machine.config
                state = (config, machine.state == "stopped", version)
                held[f"fly app {app.name}, machine", machine.id] = state
        return held

    def compare(self, key: tuple[str, str], value: str) -> bool | None:
        """Possessions are known by their digests."""
        return super().compare(key, digest(value))

    def picture(self) -> dict[str, Any]:
        return {
            "tokens": [
                {
                    "id": token.id,
                    "name": token.name,
                    "profile": token.profile,
                    "created_at": token.created_at.isoformat(),
                    "revoked": token.revoked_at is not None,
                    "alive": token.alive,
                }
                for token in self.tokens
            ],
            "apps": {app.name: self._app_picture(app) for app in self.apps.values()},
        }

    def _app_picture(self, app: App) -> dict[str, Any]:
        return {
            "secrets_version": app.newest.version,
            "secrets": {
                secret.name: {
                    "digest": secret.digest,
                    "token_id": self.identify(secret.value),
                    "status": app.status_of(secret),
                }
                for secret in app.newest.secrets.values()
            },
            "machines": {machine.id: self._machine_picture(machine) for machine in app.machines.values()},
            "releases": [{"version": release.version, "status": release.status} for release in app.releases],
        }

    def _machine_picture(self, machine: Machine) -> dict[str, Any]:
        value = machine.env.get("FLY_API_TOKEN", "")
        return {
            "name": machine.name,
            "state": machine.state,
            "instance_id": machine.instance_id,
            "secrets_version": machine.secrets_version,
            "passing": self.passing(machine),
            "leased": machine.holder() is not None,
            "token_id": self.identify(value),
            "token_name": getattr(self.find(value), "name", None),
        }

    # People

    def acts(self) -> dict[str, Any]:
        return {
            "set_fly_secret": self._set_secret,
            "replicate_fly_secrets": self._replicate,
            "mint_fly_token": self._mint,
            "revoke_fly_token": lambda token_id: {"id": self.revoke(token_id).id},
            "expire_fly_token": self._expire,
            "start_machine": lambda machine_id: self._power(machine_id, on=True),
            "stop_machine": lambda machine_id: self._power(machine_id, on=False),
            "lease_machine": self._lease,
            "destroy_machine": self._destroy,
            "launch_machine": self._launch,
            "deploy_machine": self._deploy,
        }

    def _set_secret(self, app: str, name: str, value: str | None) -> dict[str, Any]:
        return {"version": self.write_secrets(self.apps[app], {name: value}).version}

    def _replicate(self, app: str) -> dict[str, Any]:
        """All hosts know the newest version from now on."""
        self.apps[app].replicate()
        return {"version": self.apps[app].visible.version}

    def _mint(
        self, profile: str, app: str | None = None, name: str = "by-hand", organization: str | None = None
    ) -> dict[str, Any]:
        if profile not in PROFILES:
            raise ValueError(f"unknown profile; known: {', '.join(PROFILES)}")
        where = (
            self.apps[app].organization if app else self.organizations[organization or next(iter(self.organizations))]
        )
        token = self.mint(name, profile, where, app_id=self.apps[app].id if app else None)
        return {"id": token.id, "token": token.value}

    def _expire(self, token_id: str) -> dict[str, Any]:
        token = next(item for item in self.tokens if item.id == token_id)
        token.expires_at = self.world.now()
        return {"id": token.id}

    def _power(self, machine_id: str, *, on: bool) -> dict[str, Any]:
        machine = next(app.machines[machine_id] for app in self.apps.values() if machine_id in app.machines)
        if on:
            machine.load(machine.app.visible)
            self.launch(machine, "start")
        else:
            machine.state = "stopped"
        return {"state": machine.state}

    def _destroy(self, machine_id: str) -> dict[str, Any]:
        app = next(app for app in self.apps.values() if machine_id in app.machines)
        del app.machines[machine_id]
        self.world.touch()
        return {}

    def _launch(self, app: str, like: str, identity: str) -> dict[str, Any]:
        """Launch one more machine, as an autoscaler does, which reads the secrets of this moment."""
        model, now = self.apps[app].machines[like], self.world.now()
        machine = Machine(identity, identity, model.region, model.app, dict(model.config), now, now)
        machine.load(model.app.visible)
        self.apps[app].machines[identity] = machine
        self.launch(machine, "launch")
        return {"state": machine.state}

    def _deploy(self, machine_id: str) -> dict[str, Any]:
        """Update a machine, as somebody's deploy does."""
        machine = next(app.machines[machine_id] for app in self.apps.values() if machine_id in app.machines)
        machine.instance_id, machine.updated_at = ulid(), self.world.now()
        machine.load(machine.app.visible)
        self.launch(machine, "launch")
        return {"instance_id": machine.instance_id}

    def _lease(self, machine_id: str, seconds: float = 60.0) -> dict[str, Any]:
        machine = next(app.machines[machine_id] for app in self.apps.values() if machine_id in app.machines)
        machine.lease = rest.new_lease("somebody@molecule.example", "a deploy by hand", seconds)
        return {"expires_at": machine.lease.expires_at}
