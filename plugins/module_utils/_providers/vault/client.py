# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Vault or an OpenBao server, or one namespace of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from ..._core.clock import Clock
from ..._core.contracts import Connection, Options, Schema
from ..._core.credential import SecretValue
from ..._core.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    RotorError,
    UnexpectedAnswerError,
)
from ..._core.http import certificates
from ..._core.http.client import origin
from ..._core.http.shapes import Maybe, checked
from ..._core.memo import Memo
from ..._core.references import SCHEMA as REFERENCE
from . import tokens
from .answers import BY_POLICY, BY_TOKEN, AbsentError
from .wire import Adapter, Wire

V1, V2 = 1, 2
_SEAL = {"sealed": bool, "initialized": bool, "type": str, "t": Maybe(int), "progress": Maybe(int)}
_CAPABILITIES = {"GET": "read", "POST": "create and update", "PUT": "create and update"}
Api = TypeVar("Api")


class VaultConnection(Connection):
    where = ("url", "namespace")
    schema = Schema(
        properties={
            "url": {
                "type": "string",
                "minLength": 1,
                "description": "Address of the server, without /v1: https://HOST:8200.",
            },
            "namespace": {"type": "string", "minLength": 1, "description": "The namespace, such as admin/team."},
            certificates.OPTION: certificates.SCHEMA,
            tokens.TOKEN: REFERENCE,
            "auth": tokens.SCHEMA,
        },
        required=("url",),
        one_of=(tokens.TOKEN, "auth"),
    )
    references = (tokens.TOKEN, *(f"auth.{option}" for option in tokens.SECRET))
    in_headers = (tokens.TOKEN, f"auth.{tokens.TOKEN}")

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self.namespace = (options.get("namespace") or "").strip("/")
        reached = {name: options.get(name) for name in ("ca_cert", "via")}
        self._wire = Wire(options["url"], clock=clock, run=run, **reached)
        self.server = origin(options["url"])
        auth = options.get("auth") or {"method": tokens.TOKEN, tokens.TOKEN: options.get(tokens.TOKEN)}
        self.secret_id: SecretValue | None = auth.get("secret_id") if auth["method"] == "approle" else None
        self._tokens = tokens.Tokens(auth, self.namespace, self._wire, clock)
        self._guard = Lock()
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._versions = Memo[int | None]()

    def probe(self) -> str:
        try:
            facts = self._tokens.look(self._tokens.current())
        except PermissionDeniedError as denied:
            raise _expired(denied) from None
        if not facts:
            return "a token that may not look at itself"
        checked(facts, {"policies": Maybe([str]), "display_name": Maybe(str)}, "asking who the token is: the answer is")
        policies = ", ".join(facts.get("policies") or ())
        return f"token {facts.get('display_name') or 'without a name'}, policies {policies}"

    def server_time(self) -> datetime | None:
        return self._wire.server_time()

    def seal(self) -> dict[str, Any]:
        """Ask whether the server is sealed, which it tells without a token: ``sealed``, ``initialized``, ``type``…"""
        doing = "asking whether Vault is sealed"
        seal = self._wire.send("GET", "/v1/sys/seal-status", doing)
        found: dict[str, Any] = checked(seal, _SEAL, f"{doing}: the answer of {self.server} is")
        return found

    def alone(self, document: str) -> AbstractContextManager[object]:
        """Lock a document among the threads of this process."""
        with self._guard:
            return self._locks[document]

    def api(self, kind: Callable[..., Api], doing: str) -> Api:
        """Return an instance of hvac's class that sends through this connection."""
        return kind(adapter=self.adapter(doing))

    def adapter(self, doing: str) -> Adapter:
        return Adapter(self._ask, doing)

    def keys(self, path: str, doing: str) -> list[str]:
        """List the names below a path; none where nothing is there."""
        try:
            answer = self.adapter(doing).get(path, {"list": "true"})
        except AbsentError:
            return []
        found: list[str] = checked(answer.get("data"), {"keys": [str]}, f"{doing}: the answer is")["keys"]
        return found

    def longest(self, mount: str) -> int | None:
        """Return the most seconds that an auth mount lets anything live, which it shortens without a word."""
        doing = f"asking how {mount} is tuned"
        try:
            answer = self.adapter(doing).get(f"/v1/sys/mounts/{quote(mount)}/tune")
        except (PermissionDeniedError, NotFoundError):
            return None
        found: int = checked(answer.get("data"), {"max_lease_ttl": int}, f"{doing}: the answer is")["max_lease_ttl"]
        return found or None

    def is_own(self, accessor: str) -> bool:
        """Return whether the connection's token has this accessor."""
        return self._tokens.look(self._tokens.current()).get("accessor") == accessor

    def show(self, token: SecretValue) -> dict[str, Any]:
        """Look another token up; PermissionDeniedError where it is dead."""
        return self._tokens.look(token)

    def shortfall(self, auth: Options) -> list[str]:
        """Name the policies that the connection's token has, and a token of another login lacks."""
        other = tokens.Tokens(auth, self.namespace, self._wire, self.clock)
        token = other.current()
        lacking = _policies(self._tokens.look(self._tokens.current())) - _policies(other.look(token))
        if auth["method"] != tokens.TOKEN:
            other.end(token)
        return [f"the policy {name}" for name in sorted(lacking)]

    def version(self, mount: str) -> int | None:
        """Return the version of the KV engine at a mount; None where the token may not know. Asked once."""
        return self._versions.get(mount, lambda: self._find_version(mount))

    def _find_version(self, mount: str) -> int | None:
        doing = f"asking what is mounted at {mount}"
        try:
            body = self.adapter(doing).get(f"/v1/sys/internal/ui/mounts/{quote(mount)}")
        except PermissionDeniedError:
            return None
        facts = body.get("data")
        if not isinstance(facts, dict) or not isinstance(facts.get("path"), str):
            raise UnexpectedAnswerError(f"{doing}: the answer of {self.server} does not say")
        checked(facts, {"options": Maybe(dict)}, f"{doing}: the answer of {self.server} is")
        if facts.get("type") not in ("kv", "generic"):
            raise ConfigurationError(f"{mount} is a mount of type {facts.get('type')}, and none of KV")
        there = facts["path"].strip("/")
        if not f"/{mount}".endswith(f"/{there}"):
            raise ConfigurationError(f"{mount} is no mount, but lies in {there}", hint="Put the rest into path")
        return V2 if str((facts.get("options") or {}).get("version")) == str(V2) else V1

    def _ask(self, method: str, path: str, doing: str, *, optional: bool = False, **more: Any) -> dict[str, Any]:
        """Send a request, after a 403 with a new token if the old one is dead; not where it is ``optional``."""
        token = self._tokens.current()
        send = partial(self._wire.send, method, path, doing, namespace=self.namespace, **more)
        try:
            return send(token=token)
        except PermissionDeniedError as denied:
            if optional or denied.code == BY_POLICY or self._lives(token):
                raise self._lacking(denied, method, path) from None
            if not self._tokens.replace(token):
                raise _expired(self._lacking(denied, method, path)) from None
        try:
            return send(token=self._tokens.current())
        except PermissionDeniedError as denied:
            raise self._lacking(denied, method, path) from None

    def _lives(self, token: SecretValue) -> bool:
        try:
            self._tokens.look(token)
        except PermissionDeniedError:
            return False
        return True

    def _lacking(self, denied: PermissionDeniedError, method: str, path: str) -> PermissionDeniedError:
        """Return a 403 that names the missing capability, which follows from the request."""
        capability = _CAPABILITIES.get(method, method.lower())
        within = f" in namespace {self.namespace}" if self.namespace else ""
        hint = f"The token needs {capability} on {unquote(path).removeprefix('/v1/')}{within}"
        return PermissionDeniedError(denied.message, hint=hint, status=403, code=denied.code)


def _expired(denied: PermissionDeniedError) -> RotorError:
    """Return the error for a token that may not even look itself up."""
    if denied.code == BY_TOKEN:
        message = f"{denied.message}: the token has expired, was revoked, or is bound to other addresses"
        return AuthenticationError(message, hint="Give the connection a new one", status=403)
    hint = "; or it has expired" if denied.hint else "The token has expired, or something before the server refuses it"
    return PermissionDeniedError(denied.message, hint=denied.hint + hint, status=403)


def _policies(facts: dict[str, Any]) -> set[str]:
    shape = dict.fromkeys(("policies", "identity_policies"), Maybe([str]))
    checked(facts, shape, "asking which policies a token has: the answer is")
    return {*(facts.get("policies") or ()), *(facts.get("identity_policies") or ())}
