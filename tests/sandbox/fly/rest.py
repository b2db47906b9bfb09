# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Machines API under /v1."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..provider import RefusedError, read_json
from .state import App, Lease, Machine, Secret, Snapshot, rfc3339, ulid

if TYPE_CHECKING:
    from . import Fly

STATES = ("started", "stopped", "suspended", "destroyed", "failed", "settled")
SETTLED = ("started", "stopped", "suspended", "destroyed", "failed")
SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEFAULT_TTL = 30


def routes(fly: Fly) -> list[Route]:
    api = MachinesApi(fly)
    table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("GET", "/v1/tokens/current", api.current_token),
        ("GET", "/v1/apps", api.list_apps),
        ("GET", "/v1/apps/{app}", api.show_app),
        ("GET", "/v1/apps/{app}/secrets", api.list_secrets),
        ("POST", "/v1/apps/{app}/secrets", api.update_secrets),
        ("GET", "/v1/apps/{app}/secrets/{name}", api.show_secret),
        ("POST", "/v1/apps/{app}/secrets/{name}", api.set_secret),
        ("DELETE", "/v1/apps/{app}/secrets/{name}", api.delete_secret),
        ("GET", "/v1/apps/{app}/machines", api.list_machines),
        ("GET", "/v1/apps/{app}/machines/{machine}", api.show_machine),
        ("POST", "/v1/apps/{app}/machines/{machine}", api.update_machine),
        ("POST", "/v1/apps/{app}/machines/{machine}/start", api.start),
        ("POST", "/v1/apps/{app}/machines/{machine}/stop", api.stop),
        ("POST", "/v1/apps/{app}/machines/{machine}/restart", api.restart),
        ("GET", "/v1/apps/{app}/machines/{machine}/wait", api.wait),
        ("GET", "/v1/apps/{app}/machines/{machine}/events", api.events),
        ("GET", "/v1/apps/{app}/machines/{machine}/lease", api.show_lease),
        ("POST", "/v1/apps/{app}/machines/{machine}/lease", api.create_lease),
        ("DELETE", "/v1/apps/{app}/machines/{machine}/lease", api.release_lease),
    ]
    return [Route(path, endpoint, methods=[method]) for method, path, endpoint in table]


def new_lease(owner: str, description: str, ttl: float) -> Lease:
    return Lease(secrets.token_hex(8), owner, description, time.time() + ttl)


class MachinesApi:
    def __init__(self, fly: Fly) -> None:
        self.fly, self.world = fly, fly.world

    # Tokens and apps

    async def current_token(self, request: Request) -> Response:
        token = self.fly.authenticate(request.headers)
        if token.is_user:
            owned = list(self.fly.organizations.values())
            apps = {"apps": self.world.switches.session_apps} if self.world.switches.session_apps else {}
            info = [
                {"org_slug": item.slug, "organization": item.id, "token_id": token.id, "user": token.name, **apps}
                for item in owned
            ]
        else:
            assert token.organization is not None
            scope = [app.name for app in self.fly.apps.values() if app.id == token.app_id]
            info = [{"org_slug": token.organization.slug, "organization": token.organization.id, "token_id": token.id}]
            info[0] |= {"apps": scope} if scope else {}
        return JSONResponse({"tokens": info})

    async def list_apps(self, request: Request) -> Response:
        token = self.fly.authenticate(request.headers)
        slug = request.query_params.get("org_slug")
        if not slug:
            raise RefusedError(400, "org_slug is required")
        organization = self.fly.organizations.get(slug)
        if organization is None:
            raise RefusedError(404, "organization not found")
        if not token.covers(organization):
            raise RefusedError(403, "the token does not cover this organization")
        apps = [app for app in self.fly.apps.values() if app.organization is organization]
        return JSONResponse({"total_apps": len(apps), "apps": [app_json(app) for app in apps]})

    async def show_app(self, request: Request) -> Response:
        return JSONResponse(app_json(self._app(request)))

    def _app(self, request: Request) -> App:
        """The app of the path: a name that is free is 404, somebody else's 403."""
        token = self.fly.authenticate(request.headers)
        app = self.fly.apps.get(request.path_params["app"])
        if app is None:
            raise RefusedError(404, "app not found")
        if not token.covers(app.organization, app):
            raise RefusedError(403, "the token does not cover this app")
        return app

    # Secrets

    async def list_secrets(self, request: Request) -> Response:
        snapshot = self._snapshot(request, self._app(request))
        return JSONResponse({"secrets": [secret_json(secret) for secret in snapshot.secrets.values()]})

    async def show_secret(self, request: Request) -> Response:
        snapshot = self._snapshot(request, self._app(request))
        secret = snapshot.secrets.get(request.path_params["name"])
        if secret is None:
            raise RefusedError(404, "secret not found")
        return JSONResponse(secret_json(secret))

    def _snapshot(self, request: Request, app: App) -> Snapshot:
        if request.query_params.get("show_secrets", "false").lower() not in ("false", "0"):
            self.world.violate("leak", "show_secrets was asked for")
        wanted = request.query_params.get("min_version", "0")
        if not wanted.isdigit():
            raise RefusedError(400, "min_version must be a number")
        return self._at_least(app, int(wanted), "min_version")

    @staticmethod
    def _at_least(app: App, version: int, option: str) -> Snapshot:
        snapshot = app.visible
        if snapshot.version < version:
            raise RefusedError(412, f"{option} {version} is not yet available on this app")
        return snapshot

    async def update_secrets(self, request: Request) -> Response:
        app = self._app(request)
        values = (await read_json(request)).get("values")
        if not isinstance(values, dict) or not values:
            raise RefusedError(400, "values is required")
        for name, value in values.items():
            self._check_secret(name, value, nullable=True)
        snapshot = self.fly.write_secrets(app, values)
        written = [secret_json(snapshot.secrets[name]) for name in values if name in snapshot.secrets]
        return JSONResponse({"secrets": written, "version": snapshot.version, "Version": snapshot.version})

    async def set_secret(self, request: Request) -> Response:
        app, name = self._app(request), request.path_params["name"]
        value = (await read_json(request)).get("value")
        self._check_secret(name, value)
        snapshot = self.fly.write_secrets(app, {name: value})
        answer = secret_json(snapshot.secrets[name])
        return JSONResponse(answer | {"version": snapshot.version, "Version": snapshot.version}, 201)

    async def delete_secret(self, request: Request) -> Response:
        app, name = self._app(request), request.path_params["name"]
        if name not in app.newest.secrets:
            raise RefusedError(404, "secret not found")
        version = self.fly.write_secrets(app, {name: None}).version
        return JSONResponse({"version": version, "Version": version})

    @staticmethod
    def _check_secret(name: str, value: Any, *, nullable: bool = False) -> None:
        if not SECRET_NAME.fullmatch(name):
            raise RefusedError(400, "a secret's name consists of letters, digits and underscores")
        if not (isinstance(value, str) or (nullable and value is None)):
            raise RefusedError(400, "a secret's value is a string")

    # Machines

    def _machine(self, request: Request, *, writing: bool = False) -> Machine:
        machine = self._app(request).machines.get(request.path_params["machine"])
        if machine is None:
            raise RefusedError(404, "machine not found")
        lease = machine.holder() if writing else None
        if lease and request.headers.get("fly-machine-lease-nonce") != lease.nonce:
            raise RefusedError(409, f"machine ID {machine.id} lease currently held by {lease.owner}")
        return machine

    async def list_machines(self, request: Request) -> Response:
        machines = list(self._app(request).machines.values())
        if region := request.query_params.get("region"):
            machines = [machine for machine in machines if machine.region == region]
        if states := request.query_params.get("state"):
            machines = [machine for machine in machines if machine.state in states.split(",")]
        summary = request.query_params.get("summary") == "true"
        leases = request.query_params.get("include_leases") == "true"
        return JSONResponse([self._machine_json(machine, summary=summary, leases=leases) for machine in machines])

    async def show_machine(self, request: Request) -> Response:
        leases = request.query_params.get("include_leases") == "true"
        return JSONResponse(self._machine_json(self._machine(request), leases=leases))

    async def update_machine(self, request: Request) -> Response:
        machine = self._machine(request, writing=True)
        wish = await read_json(request)
        config = wish.get("config")
        if not isinstance(config, dict) or not config.get("image"):
            raise RefusedError(400, "config with an image is required: partial updates are not supported")
        if wish.get("name", machine.name) != machine.name or wish.get("region", machine.region) != machine.region:
            raise RefusedError(400, "name and region are immutable")
        if wish.get("current_version") not in (None, "", machine.instance_id):
            # Fly does not publish this status; a client has to take any 4xx here for "somebody was faster".
            raise RefusedError(409, "current_version does not match the machine's version")
        wanted = wish.get("min_secrets_version", 0)
        if not isinstance(wanted, int) or isinstance(wanted, bool):
            raise RefusedError(400, "min_secrets_version is a number")
        snapshot = self._at_least(machine.app, wanted, "min_secrets_version")
        self._replace(machine, config, snapshot, wish)
        return JSONResponse(self._machine_json(machine))

    def _replace(self, machine: Machine, config: dict[str, Any], snapshot: Snapshot, wish: dict[str, Any]) -> None:
        machine.config, machine.instance_id, machine.updated_at = config, ulid(), self.world.now()
        machine.broken = self.world.switches.bad_updates > 0
        self.world.switches.bad_updates -= machine.broken
        machine.happened("update", "updated")
        self.world.touch()
        machine.load(snapshot)
        if wish.get("skip_secrets"):
            machine.env = {}
        if wish.get("skip_launch"):
            machine.state = "stopped"
        else:
            self.fly.launch(machine, "launch")

    async def start(self, request: Request) -> Response:
        machine = self._machine(request, writing=True)
        before = machine.state
        if not machine.live:
            machine.load(machine.app.visible)
            self.fly.launch(machine, "start")
        return JSONResponse({"previous_state": before})

    async def stop(self, request: Request) -> Response:
        machine = self._machine(request, writing=True)
        await read_json(request, optional=True)
        machine.state = "stopped"
        machine.happened("stop", "stopped")
        self.world.touch()
        return JSONResponse({"ok": True})

    async def restart(self, request: Request) -> Response:
        """Boots again with what the machine holds: only an update reads the secrets anew."""
        machine = self._machine(request, writing=True)
        if not machine.live:
            raise RefusedError(400, "the machine is not running")
        self.fly.launch(machine, "restart")
        return JSONResponse({"ok": True})

    async def wait(self, request: Request) -> Response:
        machine = self._machine(request)
        query = request.query_params
        states = [state for item in query.getlist("state") or ["started"] for state in item.split(",")]
        version = query.get("version") or query.get("instance_id")
        timeout = query.get("timeout", "60")
        if not set(states) <= set(STATES) or not timeout.isdigit() or not 1 <= int(timeout) <= 60:
            raise RefusedError(400, "state or timeout is invalid")
        if "stopped" in states and not version:
            raise RefusedError(400, "a version is required to wait for stopped")

        def reached() -> bool:
            here = version in (None, machine.instance_id)
            return here and (machine.state in states or ("settled" in states and machine.state in SETTLED))

        if not await self.world.until(reached, int(timeout)):
            raise RefusedError(408, f"machine failed to reach desired state, currently {machine.state}")
        return JSONResponse({"ok": True, "state": machine.state, "version": machine.instance_id})

    async def events(self, request: Request) -> Response:
        limit = request.query_params.get("limit", "20")
        if not limit.isdigit() or int(limit) > 50:
            raise RefusedError(400, "limit is at most 50")
        return JSONResponse(self._machine(request).events[: int(limit)])

    def _machine_json(self, machine: Machine, *, summary: bool = False, leases: bool = False) -> dict[str, Any]:
        brief = {
            "id": machine.id,
            "name": machine.name,
            "state": machine.state,
            "region": machine.region,
            "instance_id": machine.instance_id,
            "private_ip": "fdaa::1",
            "created_at": rfc3339(machine.created_at),
            "updated_at": rfc3339(machine.updated_at),
        }
        if summary:
            return brief
        full = brief | {"config": machine.config, "events": machine.events[:5], "host_status": "ok"}
        full |= {"checks": [self._check_json(machine)] if machine.state != "stopped" else []}
        if leases and (lease := machine.holder()):
            stripped = {"owner": lease.owner, "description": lease.description, "expires_at": int(lease.expires_at)}
            full |= {"lease": stripped}
        return full

    def _check_json(self, machine: Machine) -> dict[str, Any]:
        status = "passing" if self.fly.passing(machine) else "warning" if machine.state == "starting" else "critical"
        return {
            "name": "servicecheck-00-http-8080",
            "status": status,
            "output": "",
            "updated_at": rfc3339(self.world.now()),
        }

    # Leases

    async def show_lease(self, request: Request) -> Response:
        machine = self._machine(request)
        if (lease := machine.holder()) is None:
            raise RefusedError(404, "the machine has no lease")
        return self._lease_answer(machine, lease, 200)

    async def create_lease(self, request: Request) -> Response:
        machine = self._machine(request, writing=True)
        wish = await read_json(request, optional=True)
        ttl = wish.get("ttl", request.query_params.get("ttl", DEFAULT_TTL))
        if not str(ttl).isdigit() or int(ttl) < 1:
            raise RefusedError(400, "ttl is a number of seconds")
        seconds = int(ttl) * self.world.switches.lease_second
        lease = machine.holder()
        if lease:
            lease.expires_at = time.time() + seconds
        else:
            owner = self.fly.authenticate(request.headers).name
            machine.lease = lease = new_lease(owner, str(wish.get("description", "")), seconds)
        self.world.touch()
        return self._lease_answer(machine, lease, 201)

    async def release_lease(self, request: Request) -> Response:
        if not request.headers.get("fly-machine-lease-nonce"):
            raise RefusedError(400, "fly-machine-lease-nonce is required")
        machine = self._machine(request, writing=True)
        if machine.holder() is None:
            raise RefusedError(404, "the machine has no lease")
        machine.lease = None
        self.world.touch()
        return JSONResponse({"ok": True})

    def _lease_answer(self, machine: Machine, lease: Lease, status: int) -> Response:
        flat = {
            "nonce": lease.nonce,
            "owner": lease.owner,
            "description": lease.description,
            "expires_at": int(lease.expires_at),
            "version": machine.instance_id,
        }
        nested = self.world.switches.lease_shape == "nested"
        return JSONResponse({"status": "success", "data": flat} if nested else flat, status)


def app_json(app: App) -> dict[str, Any]:
    organization = {"name": app.organization.name, "slug": app.organization.slug}
    return {
        "id": app.id,
        "internal_numeric_id": app.number,
        "name": app.name,
        "machine_count": len(app.machines),
        "volume_count": 0,
        "network": "default",
        "organization": organization | {"internal_numeric_id": app.organization.number},
        "status": "deployed",
    }


def secret_json(secret: Secret) -> dict[str, Any]:
    return {
        "name": secret.name,
        "digest": secret.digest,
        "created_at": rfc3339(secret.created_at),
        "updated_at": rfc3339(secret.updated_at),
    }
