# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls: machine identities, their logins by universal auth, and their access tokens."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from ..provider import RefusedError, read_json
from . import state
from .state import ClientSecret, Identity, Token

if TYPE_CHECKING:
    from ..world import World

EXPIRED = "Your token has expired. Please re-authenticate."
_FAILURES = 3
"""Refused logins until an identity is locked out for a while."""


class Logins:
    def __init__(self, world: World) -> None:
        self._world = world
        self._identities: dict[str, Identity] = {}
        self._tokens: dict[str, Token] = {}

    def add(self, identity: Identity) -> None:
        self._identities[identity.client_id] = identity
        identity.secrets.append(ClientSecret(identity.client_secret, "made by hand", self._world.now()))
        self._world.remember(identity.client_secret)

    def add_secret(self, identity: Identity, value: str, body: Mapping[str, Any]) -> ClientSecret:
        made = ClientSecret(value, body.get("description", ""), self._world.now(), body.get("ttl", 0))
        made.limit = body.get("numUsesLimit", 0)
        identity.secrets.append(made)
        self._world.remember(value)
        return made

    def secrets(self) -> list[ClientSecret]:
        return [one for identity in self._identities.values() for one in identity.secrets]

    def named(self, name: str) -> Identity:
        """The identity of this id, which in this world is its name."""
        found = next((one for one in self._identities.values() if one.name == name), None)
        if found is None:
            raise RefusedError(404, f"Identity with id {name} not found")
        return found

    async def log_in(self, request: Request) -> Any:
        body = await read_json(request)
        if not all(isinstance(body.get(name), str) for name in ("clientId", "clientSecret")):
            raise RefusedError(422, "Required")
        identity = self._identities.get(body["clientId"])
        if identity is None:
            raise RefusedError(401, "Invalid credentials")
        if identity.failures >= _FAILURES:
            raise RefusedError(401, "This identity auth method is temporarily locked, please try again later")
        shown = next((one for one in identity.secrets if one.value == body["clientSecret"]), None)
        if shown is None or not shown.works(self._world.now()):
            identity.failures += 1
            raise RefusedError(401, "Invalid credentials")
        shown.uses += 1
        identity.failures = 0
        seconds = self._world.switches.infisical_token_seconds
        return {
            "accessToken": self._issue(identity, seconds or None).value,
            "expiresIn": int(seconds),
            "accessTokenMaxTTL": 2592000,
            "tokenType": "Bearer",
        }

    def find(self, headers: Mapping[str, str]) -> Token | None:
        return self._tokens.get(headers.get("authorization", "").removeprefix("Bearer "))

    def admit(self, request: Request) -> Identity:
        token = self.find(request.headers)
        if token is None or token.too_old:
            raise RefusedError(401, "You are not allowed to access this resource")
        if token.expires_at is not None and token.expires_at <= self._world.now().timestamp():
            raise RefusedError(403, EXPIRED)
        return token.identity

    @staticmethod
    def need(identity: Identity, right: str, key: str | None = None) -> None:
        if not identity.may(right, key):
            raise RefusedError(403, f"You are not allowed to {right} on secrets")

    # What people do

    def mint(
        self,
        rights: list[str] | None = None,
        unseen: list[str] | None = None,
        unreadable: list[str] | None = None,
    ) -> dict[str, Any]:
        """A token that somebody was given, without an end; and an identity of its own to log in with."""
        name = f"identity-{len(self._identities)}"
        allowed = state.EVERYTHING if rights is None else frozenset(rights)
        if wrong := allowed - state.EVERYTHING:
            raise ValueError(f"unknown rights {', '.join(wrong)}")
        hidden = frozenset(unseen or ()), frozenset(unreadable or ())
        identity = Identity(name, f"{name}-client", secrets.token_urlsafe(24), allowed, *hidden)
        self.add(identity)
        given = {"client_id": identity.client_id, "client_secret": identity.client_secret}
        return {"token": self._issue(identity, None).value, **given}

    def expire(self, too_old: bool = False) -> dict[str, Any]:
        """All that were given out until now; ``too_old``: refused by age, and not as expired."""
        for token in self._tokens.values():
            token.expires_at, token.too_old = (token.expires_at, True) if too_old else (0.0, False)
        return {}

    def _issue(self, identity: Identity, seconds: float | None) -> Token:
        ends = None if seconds is None else self._world.now().timestamp() + seconds
        token = state.new_token(identity, ends)
        self._tokens[token.value] = token
        self._world.remember(token.value)
        return token
