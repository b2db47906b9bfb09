# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control plane does with its other secrets: it makes and deletes tenants, sends mail, takes money.

Each request is served by a machine that is started, with the secrets that this one has started with.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..provider import RefusedError, read_json

if TYPE_CHECKING:
    from ..fly.state import App
    from ..world import World

ADMIN = "MOLECULE_CP_ADMIN_TOKEN"
ISSUED = {
    "NEON_API_KEY": "neon",
    "DATABASE_URL": "neon",
    "TENANT_REDIS_URL": "upstash",
    "RESEND_API_KEY": "resend",
    "STRIPE_WEBHOOK_SECRET": "stripe",
}
"""Secret -> the stand-in that knows whether it works."""


@dataclass
class Tenant:
    slug: str
    wrapped_by: str
    """Digest of the key that its addresses are encrypted with."""
    redis: str
    generation: int = 1


class ControlPlane:
    def __init__(self, world: World) -> None:
        self.world = world

    def seed(self, app: App) -> None:
        self.app = app
        self.tenants: dict[str, Tenant] = {}
        self.people: dict[str, bool] = {}
        """Stripe's secret keys, and whether each lives."""
        self.lost_mails = 0
        self._turn = itertools.count()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/cp/self-test/{name}", self._self_test, methods=["GET"]),
            Route("/cp/orgs", self._list, methods=["GET"]),
            Route("/cp/orgs", self._create, methods=["POST"]),
            Route("/cp/orgs/{slug}", self._show, methods=["GET"]),
            Route("/cp/orgs/{slug}", self._delete, methods=["DELETE"]),
            Route("/cp/orgs/{slug}/provision", self._provision, methods=["POST"]),
            Route("/cp/billing/checkout", self._check_out, methods=["POST"]),
            Route("/webhooks/stripe", self._hook, methods=["POST"]),
            Route("/stripe/v1/balance", self._balance, methods=["GET"]),
        ]

    def acts(self) -> dict[str, Any]:
        return {
            "run_molecule_on": self._run_on,
            "make_stripe_api_key": self._make_key,
            "end_stripe_api_key": self._end_key,
        }

    def picture(self) -> dict[str, Any]:
        wrapped = _digest(self._env().get("SECRETS_ENCRYPTION_KEY", ""))
        tenants = self.tenants.values()
        return {
            "tenants": {one.slug: one.generation for one in tenants},
            "unreadable": [one.slug for one in tenants if one.wrapped_by != wrapped],
            "without_redis": [one.slug for one in tenants if not self._works("TENANT_REDIS_URL", one.redis)],
            "lost_mails": self.lost_mails,
        }

    # -- its secrets ------------------------------------------------------------------------------------------------

    def _run_on(self, values: Mapping[str, str], tenants: list[str]) -> dict[str, Any]:
        """Give it secrets that work, as they were before anything is rotated, and tenants."""
        now = self.world.now()
        self.app.write(dict(values), now, 0)
        for machine in self.app.machines.values():
            machine.load(self.app.newest)
        self.world.remember(*values.values())
        for slug in tenants:
            self.tenants[slug] = self._tenant(slug, self._env())
        return {}

    def _env(self) -> Mapping[str, str]:
        """What the machine whose turn it is runs on."""
        started = [machine for machine in self.app.machines.values() if machine.state == "started"]
        return started[next(self._turn) % len(started)].env if started else {}

    def _envs(self) -> Iterator[Mapping[str, str]]:
        yield from (machine.env for machine in self.app.machines.values() if machine.state == "started")

    def _works(self, name: str, value: str) -> bool:
        if name == "STRIPE_API_KEY":
            return self.people.get(value, False)
        if name not in ISSUED:
            return bool(value)
        return self.world.providers[ISSUED[name]].identify(_secret_in(value)) is not None

    async def _self_test(self, request: Request) -> Response:
        """Whether each machine runs on the value that is shown, and its provider takes that."""
        name, shown = request.path_params["name"], _bearer(request)
        held = [_secret_in(env.get(name, "")) for env in self._envs()]
        same = bool(held) and all(hmac.compare_digest(one.encode(), _secret_in(shown).encode()) for one in held)
        if not same or not self._works(name, shown):
            raise RefusedError(503 if same else 401, "it does not work" if same else "it runs on another one")
        if name == "SECRETS_ENCRYPTION_KEY" and any(one.wrapped_by != _digest(shown) for one in self.tenants.values()):
            raise RefusedError(503, "rows cannot be decrypted")
        return JSONResponse({"status": "ok"})

    # -- tenants ----------------------------------------------------------------------------------------------------

    def _admit(self, request: Request) -> Mapping[str, str]:
        """One that shows nothing may make and delete what it has made, as in the runbook."""
        if _bearer(request) not in ("", self.world.credentials[ADMIN]):
            raise RefusedError(401, "unauthorized")
        return self._env()

    def _tenant(self, slug: str, env: Mapping[str, str]) -> Tenant:
        return Tenant(slug, _digest(env.get("SECRETS_ENCRYPTION_KEY", "")), env.get("TENANT_REDIS_URL", ""))

    def _find(self, request: Request) -> Tenant:
        slug = request.path_params["slug"]
        if slug not in self.tenants:
            raise RefusedError(404, "no such org")
        return self.tenants[slug]

    @staticmethod
    def _shown(one: Tenant) -> dict[str, Any]:
        return {"slug": one.slug, "status": "live", "generation": one.generation}

    async def _list(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse({"orgs": [self._shown(one) for one in self.tenants.values()]})

    async def _show(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse(self._shown(self._find(request)))

    async def _create(self, request: Request) -> Response:
        env = self._admit(request)
        slug = str((await read_json(request))["slug"])
        if slug in self.tenants:
            raise RefusedError(409, "the slug is taken")
        if not self._works("NEON_API_KEY", env.get("NEON_API_KEY", "")):
            raise RefusedError(502, "no branch can be made")
        self.tenants[slug] = self._tenant(slug, env)
        self.world.touch()
        return JSONResponse(self._shown(self.tenants[slug]), 201)

    async def _delete(self, request: Request) -> Response:
        """A mail that cannot be sent is logged, and no more."""
        env = self._admit(request)
        del self.tenants[self._find(request).slug]
        self.lost_mails += not self._works("RESEND_API_KEY", env.get("RESEND_API_KEY", ""))
        self.world.touch()
        return Response(status_code=204)

    async def _provision(self, request: Request) -> Response:
        """Make a tenant anew: addresses of its own, encrypted with the key of now."""
        env, old = self._admit(request), self._find(request)
        new = self.tenants[old.slug] = self._tenant(old.slug, env)
        new.generation = old.generation + 1
        self.world.touch()
        return JSONResponse(self._shown(new), 202)

    # -- money ------------------------------------------------------------------------------------------------------

    async def _check_out(self, request: Request) -> Response:
        if not self._works("STRIPE_API_KEY", self._env().get("STRIPE_API_KEY", "")):
            raise RefusedError(502, "no checkout")
        return JSONResponse({"url": f"https://checkout.stripe.com/c/pay/cs_{secrets.token_hex(8)}"})

    async def _hook(self, request: Request) -> Response:
        secret, body = self._env().get("STRIPE_WEBHOOK_SECRET", ""), await request.body()
        parts = dict(
            part.split("=", 1) for part in request.headers.get("stripe-signature", "").split(",") if "=" in part
        )
        signed = hmac.digest(secret.encode(), f"{parts.get('t')}.".encode() + body, hashlib.sha256).hex()
        if not hmac.compare_digest(signed, parts.get("v1", "")):
            raise RefusedError(400, "invalid signature")
        return JSONResponse({"received": True})

    async def _balance(self, request: Request) -> Response:
        """Stripe's own, which shows whether a secret key lives."""
        if not self.people.get(_bearer(request), False):
            return JSONResponse({"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}, 401)
        return JSONResponse({"object": "balance"})

    def _make_key(self) -> dict[str, Any]:
        value = f"sk_live_{secrets.token_hex(24)}"
        self.people[value] = True
        self.world.remember(value)
        return {"value": value}

    def _end_key(self, value: str) -> dict[str, Any]:
        self.people[value] = False
        return {}


def _bearer(request: Request) -> str:
    return str(request.headers.get("authorization", "")).removeprefix("Bearer ")


def _secret_in(value: str) -> str:
    """Return the password of an address, or the whole value."""
    return unquote(urlsplit(value).password or "") if "://" in value else value


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]
