# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token of a connection: a given one, or those of a login, renewed or replaced before they expire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import quote

from ..._core import references
from ..._core.clock import Clock
from ..._core.contracts import Options
from ..._core.credential import SecretValue
from ..._core.deps import library
from ..._core.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RotorError,
    StoppedError,
    UnexpectedAnswerError,
)
from ..._core.http.shapes import checked
from .answers import BY_POLICY
from .wire import Adapter, Wire

TOKEN = "token"  # noqa: S105 - the name of a method
_POD_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


@dataclass(frozen=True)
class Method:
    """How hvac logs in: a class, its call, the name of the call's argument for the mount, and its other arguments."""

    api: str
    given: tuple[str, ...]
    needed: tuple[str, ...]
    call: str = "login"
    mount: str = "mount_point"


METHODS: Mapping[str, Method] = {
    "approle": Method("AppRole", ("role_id", "secret_id"), ("role_id",)),
    "userpass": Method("Userpass", ("username", "password"), ("username", "password")),
    "jwt": Method("JWT", ("role", "jwt"), ("jwt",), call="jwt_login", mount="path"),
    "kubernetes": Method("Kubernetes", ("role", "jwt"), ("role",)),
}
_WHOSE = "The method's own name, unless said."
SCHEMA = {
    "type": "object",
    "properties": {
        "method": {"enum": [TOKEN, *METHODS], "description": "How to log in."},
        "mount": {"type": "string", "minLength": 1, "description": f"Where the method is mounted. {_WHOSE}"},
        "namespace": {
            "type": "string",
            "minLength": 1,
            "description": "The namespace that it is mounted in, where that is not the connection's.",
        },
        TOKEN: references.SCHEMA,
        "role_id": {"type": "string", "minLength": 1, "description": "For approle."},
        "secret_id": references.SCHEMA,
        "username": {"type": "string", "minLength": 1, "description": "For userpass."},
        "password": references.SCHEMA,
        "role": {"type": "string", "minLength": 1, "description": "For jwt and kubernetes."},
        "jwt": references.SCHEMA,
    },
    "required": ["method"],
    "additionalProperties": False,
    "description": "How to get a token, instead of being given one.",
}
SECRET = (TOKEN, "secret_id", "password", "jwt")


class Tokens:
    """The token of all threads."""

    def __init__(self, auth: Options, namespace: str, wire: Wire, clock: Clock) -> None:
        name = auth["method"]
        self._name = name
        self._method = METHODS.get(name)
        self._auth = auth
        self._send = partial(wire.send, namespace=(auth.get("namespace") or namespace).strip("/"))
        self._clock = clock
        self._lock = Lock()
        self._token: SecretValue | None = None if self._method else auth.get(TOKEN)
        self._lifetime = 0.0
        self._renew_at: float | None = None
        needed = self._method.needed if self._method else (TOKEN,)
        if missing := [option for option in needed if not auth.get(option)]:
            raise ConfigurationError(f"auth method {name} needs {', '.join(missing)}")

    def current(self) -> SecretValue:
        with self._lock:
            if self._token is None:
                return self._log_in()
            if self._renew_at is not None and self._clock.monotonic() >= self._renew_at:
                self._prolong()
            return self._token

    def replace(self, refused: SecretValue) -> bool:
        """Log in anew after a refusal; return whether there is another token to try."""
        with self._lock:
            if self._token == refused and self._method:
                self._log_in()
            return self._token != refused

    def look(self, token: SecretValue) -> dict[str, Any]:
        """Look a token up; empty where it lives and may not do that, PermissionDeniedError where it is dead."""
        doing = "asking who the token is"
        try:
            facts = _object(self._api("Token", doing, token).lookup_self(), "data", doing)
        except PermissionDeniedError as denied:
            if denied.code == BY_POLICY:
                return {}
            raise
        with self._lock:
            if self._token == token and self._renew_at is None and facts.get("renewable"):
                self._mind(facts.get("ttl"), doing)
        return facts

    def end(self, token: SecretValue) -> None:
        """Revoke a token of ours that is of no more use; that it lives on for its lease does no harm."""
        try:
            self._api("Token", "ending a token of our own", token).revoke_self()
        except StoppedError:
            raise
        except RotorError:
            return

    def _api(self, name: str, doing: str, token: SecretValue | None = None) -> Any:
        ask = partial(self._send, token=token, reads=True)  # a login makes a token, and changes nothing else
        return getattr(library("hvac.api.auth_methods"), name)(adapter=Adapter(ask, doing))

    def _log_in(self) -> SecretValue:
        method, mount = METHODS[self._name], (self._auth.get("mount") or self._name).strip("/")
        doing = f"logging in to Vault by {self._name}"
        try:
            body = getattr(self._api(method.api, doing), method.call)(**{method.mount: mount}, **self._credentials())
        except NotFoundError as error:
            raise NotFoundError(error.message, hint=f"There is no auth method at auth/{mount}", status=404) from None
        except (InvalidRequestError, PermissionDeniedError) as error:
            message = f"{error.message}: the login is refused"
            hint = f"Check {', '.join(method.given)}, none of which may have expired, and the mount auth/{mount}"
            raise AuthenticationError(message, hint=hint, status=error.status) from None
        return self._take(_object(body, "auth", doing), doing)

    def _credentials(self) -> dict[str, Any]:
        """Return the login's arguments as hvac takes them, which does not escape a name in the path."""
        given = {name: self._auth.get(name) for name in METHODS[self._name].given}
        if self._name == "kubernetes" and not given["jwt"]:
            given["jwt"] = references.resolve({"file": _POD_TOKEN}, "auth.jwt")  # the pod's is replaced every hour
        if "username" in given:
            given["username"] = quote(self._auth["username"], safe="")
        return {name: value.reveal() if isinstance(value, SecretValue) else value for name, value in given.items()}

    def _take(self, auth: Mapping[str, Any], doing: str) -> SecretValue:
        token = auth.get("client_token")
        if not isinstance(token, str) or not token:
            hint = "It asks for a second factor" if auth.get("mfa_requirement") else ""
            raise UnexpectedAnswerError(f"{doing}: the answer has no token", hint=hint)
        self._token = SecretValue(token)
        self._mind(auth.get("lease_duration"), doing)
        return self._token

    def _mind(self, lease: Any, doing: str) -> None:
        """Note when to renew a token: after two thirds of its lease; never without one."""
        self._lifetime = float(checked(lease or 0, _seconds, f"{doing}: the answer is"))
        self._renew_at = self._clock.monotonic() + self._lifetime * 2 / 3 if self._lifetime else None

    def _prolong(self) -> None:
        """Renew the token, or log in where that brings too little; if both fail, it lives for a while yet."""
        self._renew_at = None
        before, doing = self._lifetime, "renewing the token"
        try:
            body = self._api("Token", doing, self._token).renew_self()
            self._mind(_object(body, "auth", doing).get("lease_duration"), doing)
        except StoppedError:
            raise
        except RotorError:
            self._lifetime = 0.0
        if self._method and self._lifetime < before / 2:
            try:
                self._log_in()
            except StoppedError:
                raise
            except RotorError:
                self._renew_at = None


def _seconds(found: Any) -> bool:
    return isinstance(found, (int, float)) and 0 <= found < 10**12


def _object(body: Mapping[str, Any], key: str, doing: str) -> dict[str, Any]:
    found = body.get(key)
    if not isinstance(found, dict):
        raise UnexpectedAnswerError(f"{doing}: the answer has no {key}")
    return found
