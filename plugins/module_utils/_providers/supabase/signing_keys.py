# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys with which a project signs its users' tokens: standby, in use, previously used, revoked.

Sources: the OpenAPI document of the Management API in supabase/cli; supabase.com, *JWT Signing Keys*: one standby key
at a time, five minutes between two changes, what the edge and the clients cache. Not verified: that an imported key has
its ``kid`` as its id; how the five minutes are refused; that a key on standby is in the key set within ten minutes.

More than a description: a key has states, is put in use after every cache can know it, and comes in two kinds.
"""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from ..._core import durations
from ..._core.contracts import Issuer, Listed, Maker, Options, Overlap, Recover, Revocation, Schema, Traits
from ..._core.credential import Credential, SecretValue
from ..._core.errors import ConfigurationError, ConflictError, NotFoundError, RotorError, UnexpectedAnswerError
from ..._core.http import paths
from ..._core.http.key_api import Call
from ..._core.http.key_issuers import ApiIssuer, moment_at, unknown_if_unreadable
from ..._core.http.shapes import checked
from .client import PROJECT, SupabaseConnection, address

_KEYS = "/projects/<project>/config/auth/signing-keys"
_KEY = {"id": str, "status": str, "created_at": str, "updated_at": str}
_SET = Call("GET", "/auth/v1/.well-known/jwks.json")
_PUBLISHED, _PAUSE = timedelta(minutes=10), timedelta(minutes=5)
"""How long until a new key is in the key set, and between two changes of a key's state."""
_MARGIN = timedelta(minutes=15)
LEGACY = (
    "the project signs with its legacy JWT secret, with which anon and service_role end. A person moves it:",
    "1. rotate SUPABASE_SERVICE_ROLE_KEY to a secret key (supabase_secret_key), and anon to a publishable key",
    "2. have whatever verifies tokens with JWT_SECRET take the keys of the project's key set, or ask Auth",
    "3. JWT Keys in the Dashboard: migrate the JWT secret; it becomes a signing key beside a new one on standby",
    "4. when every cache has the new one, after 30 minutes: rotate keys",
    "5. when old tokens have expired: API Keys, see that nobody uses anon and service_role any more, and disable them",
    "6. revoke the legacy secret; take JWT_SECRET and the service-role key out of every store",
    "7. name the key in use as current_id, and run again",
)


class _SigningKeys(ApiIssuer[Any]):
    """What both kinds share. A key has no name at Supabase; no value can be shown to it."""

    verify = Issuer.verify
    connection: SupabaseConnection
    rights = "a personal access token that reads and writes signing keys; of an OAuth application, secrets:write"
    blast_radius = "sessions: users are signed out"
    console = "supabase.com/dashboard, the project, JWT Keys"
    where = ("project",)
    schema = Schema(
        {
            **PROJECT,
            "token_life": {
                "type": "string",
                "pattern": durations.PATTERN,
                "default": "1h",
                "description": "How long an access token is valid in this project.",
            },
        },
        required=("project",),
    )
    unverifiable = (
        "whether the connection's token may change signing keys; that no other key is put on standby meanwhile"
    )

    @classmethod
    def grace(cls, options: Options) -> timedelta:
        return durations.parse(options.get("token_life", "1h")) + _MARGIN

    def preflight(self, current: str | None) -> list[str]:
        used = next((key["id"] for key in self._keys() if key["status"] == "in_use"), None)
        if used is None or used == self._legacy():
            return [f"{self._where}: {LEGACY[0]}", *LEGACY[1:]]
        problem = f"the current key {current} is not the one in use, which is {used}. Correct current_id"
        return [problem] if current not in (None, used) else []

    def preview(self) -> list[str]:
        standby = self._standby()
        what = (
            f"key {standby['id']} is on standby, and there can be one: put it in use, or revoke it" if standby else ""
        )
        return [what] if standby else []

    def listed(self) -> list[Listed]:
        where = f"listing the keys of {self._where}"
        return [
            Listed(
                id=key["id"],
                name=key["id"],
                created_at=moment_at(key, "created_at", where),
                scope=key["status"],
                revoked=key["status"] == "revoked",
            )
            for key in self._keys()
        ]

    def put_in_use(self, credential: Credential) -> None:
        key = self._key(credential)
        if key is None or key["status"] not in ("standby", "in_use"):
            raise ConflictError(f"key {credential.id} of {self._where} is no longer on standby")
        if key["status"] == "standby":
            self._make_sure(credential)
            self.clock.sleep(max(self._since(key, "updated_at") + _PAUSE - self._now(), timedelta()).total_seconds())
            self._change(credential, "in_use")

    def revoke(self, credential: Credential) -> None:
        key = self._key(credential)
        status = key["status"] if key else "revoked"
        if status == "in_use":
            raise ConflictError(
                f"key {credential.id} of {self._where} is in use, and is not revoked",
                hint="Go on without rotate_resume=rollback, or put another key in use",
            )
        if status == "standby":
            self._change(credential, "previously_used")
        if status != "revoked":
            self._change(credential, "revoked")

    def _make_sure(self, credential: Credential) -> None:
        """RotorError where a key cannot be known yet to whoever verifies tokens."""

    def _change(self, credential: Credential, status: str) -> None:
        doing = f"changing key {credential.id} of {self._where} to {status.replace('_', ' ')}"
        self._send(Call("PATCH", f"{_KEYS}/<id>", {"status": status}), doing, {"id": credential.id}, idempotent=True)

    def _keys(self) -> list[dict[str, Any]]:
        answer = self._send(Call("GET", _KEYS), f"listing the keys of {self._where}", reads=True)
        found: list[dict[str, Any]] = checked(answer.json, {"keys": [_KEY]}, answer.where)["keys"]
        return found

    def _key(self, credential: Credential) -> dict[str, Any] | None:
        return next((key for key in self._keys() if key["id"] == credential.id), None)

    def _standby(self) -> dict[str, Any] | None:
        return next((key for key in self._keys() if key["status"] == "standby"), None)

    def _legacy(self) -> str | None:
        try:
            answer = self._send(Call("GET", f"{_KEYS}/legacy"), f"looking for the legacy secret of {self._where}")
        except NotFoundError:
            return None
        return str(checked(answer.json, _KEY, answer.where)["id"])

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        doing = f"making a key of {self._where}"
        if standby := self._standby():
            what = f"key {standby['id']} is on standby, and there can be one"
            raise ConfigurationError(f"{doing}: {what}", hint="Put it in use or revoke it in the Dashboard, JWT Keys")
        call = Call("POST", _KEYS, {**body, "status": "standby"})
        with unknown_if_unreadable():
            answer = self._send(call, doing, idempotent=False)
            made: dict[str, Any] = checked(answer.json, _KEY, answer.where)
            return made

    def _since(self, key: dict[str, Any], fact: str) -> datetime:
        where = f"listing the keys of {self._where}"
        found = moment_at(key, fact, where)
        if found is None:
            raise UnexpectedAnswerError(f"{where}: a key has no {fact}")
        return found

    def _now(self) -> datetime:
        """Return the earlier of our time and Supabase's: a clock can only delay."""
        theirs = self.connection.server_time()
        return min(self.clock.now(), theirs) if theirs else self.clock.now()


class SupabaseJwtKeys(_SigningKeys):
    """Pairs whose private key never leaves Supabase; there is the public one for whoever keeps it."""

    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.READABLE)
    fields = ("public_jwk",)
    needs_copies = False
    schema = Schema(
        {
            **_SigningKeys.schema.properties,
            "algorithm": {
                "enum": ["ES256", "RS256"],
                "default": "ES256",
                "description": "What tokens are signed with.",
            },
            "jwks_cache": {
                "type": "string",
                "pattern": durations.PATTERN,
                "default": "20m",
                "description": "How long the key set is cached on its way to a verifier, the edge included.",
            },
        },
        required=("project",),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"supabase_jwt_key ({options.get('algorithm', 'ES256')}) of project {options['project']}"

    @classmethod
    def _cache(cls, options: Options) -> timedelta:
        return durations.parse(options.get("jwks_cache", "20m"))

    @classmethod
    def grace(cls, options: Options) -> timedelta:
        return super().grace(options) + cls._cache(options)

    def mint(self, name: str) -> Credential:
        return self._read(self._create({"algorithm": self.options.get("algorithm", "ES256")}), name)

    def recover(self, name: str) -> Credential | None:
        standby = self._standby()
        return self._read(standby, name) if standby else None

    def in_use_from(self, credential: Credential) -> datetime | None:
        key = self._key(credential)
        ready = self._since(key, "created_at") + _PUBLISHED + self._cache(self.options) if key else None
        return ready if key and ready and key["status"] == "standby" and ready > self._now() else None

    def _make_sure(self, credential: Credential) -> None:
        doing = f"reading the key set of {self._where}"
        answer = self.connection.bare(address(self.options)).request("GET", _SET.path, doing=doing)
        published = checked(answer.json, {"keys": [{"kid": str}]}, answer.where)["keys"]
        if not any(key["kid"] == credential.id for key in published):
            raise RotorError(f"{doing}: key {credential.id} is not in it yet", hint="Run again later")

    @staticmethod
    def _read(key: dict[str, Any], name: str) -> Credential:
        public = json.dumps(paths.at(key, "public_jwk"), sort_keys=True)
        return Credential(key["id"], name, {"public_jwk": SecretValue(public)}, {"created_at": key["created_at"]})


class SupabaseJwtSecrets(_SigningKeys):
    """HS256 secrets of our own making, for whoever signs or verifies tokens with a value: imported as ``oct`` keys."""

    traits = Traits(Maker.OURS, Overlap.OPEN, Revocation.API, Recover.OURS, activates=True)
    fields = ("secret",)

    @classmethod
    def label(cls, options: Options) -> str:
        return f"supabase_jwt_secret of project {options['project']}"

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        return Credential(str(uuid.uuid4()), name, {"secret": SecretValue(secrets.token_urlsafe(48))})

    def activate(self, credential: Credential) -> None:
        known = self._key(credential)
        if known and known["status"] == "revoked":
            raise ConflictError(f"key {credential.id} of {self._where} is revoked already")
        if known is None:
            encoded = base64.urlsafe_b64encode(credential.fields["secret"].reveal().encode()).decode().rstrip("=")
            key = {"kty": "oct", "alg": "HS256", "kid": credential.id, "k": encoded}
            made = self._create({"algorithm": "HS256", "private_jwk": key})
            if made["id"] != credential.id:
                raise UnexpectedAnswerError(f"making a key of {self._where}: it has got another id than its kid")
