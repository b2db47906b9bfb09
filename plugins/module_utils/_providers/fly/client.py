# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly's two APIs: Machines (REST) for secrets and machines, GraphQL for organizations and access tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any
from urllib.parse import quote

from ..._core import errors
from ..._core.clock import Clock
from ..._core.contracts import Connection, Evidence, Options, Schema
from ..._core.credential import SecretValue
from ..._core.http import certificates
from ..._core.http.answers import Answer
from ..._core.http.budget import Budget, Pace, Request, shared
from ..._core.http.client import HttpClient, checked_url, origin
from ..._core.http.shapes import Maybe, checked
from ..._core.http.shapes import moment as a_moment
from ..._core.references import SCHEMA as CREDENTIAL
from . import authorization, health
from .recent import TtlCache

MACHINES_URL = "https://api.machines.dev/v1"
GRAPHQL_URL = "https://api.fly.io/graphql"
APP = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "description": "Name of the Fly app."}

_ONE_MACHINE = re.compile(r"/machines/[^/]+$")
_NONCE = "fly-machine-lease-nonce"
_REFUSALS: dict[str, type[errors.RotorError]] = {
    "UNAUTHORIZED": errors.AuthenticationError,
    "UNAUTHENTICATED": errors.AuthenticationError,
    "FORBIDDEN": errors.PermissionDeniedError,
    "NOT_FOUND": errors.NotFoundError,
    "BAD_REQUEST": errors.InvalidRequestError,
    "INVALID": errors.InvalidRequestError,
    "UNPROCESSABLE": errors.InvalidRequestError,
}
_SECRET = {"name": str, "digest": Maybe(str), "updated_at": Maybe(a_moment)}
_CHECK = {"name": Maybe(str), "status": Maybe(str)}
_MACHINE = {
    "id": str,
    "state": str,
    "instance_id": str,
    "updated_at": Maybe(a_moment),
    "config": Maybe(dict),
    "checks": Maybe([_CHECK]),
    "lease": Maybe(dict),
}
_REPLICATION = 60.0  # seconds within which a new version of an app's secrets has reached every host


class FlyConnection(Connection):
    """One Fly account, seen with one token."""

    schema = Schema(
        properties={
            "token": CREDENTIAL,
            "url": {"type": "string", "default": MACHINES_URL, "description": "Base address of the Machines API."},
            "graphql_url": {"type": "string", "default": GRAPHQL_URL, "description": "Address of the GraphQL API."},
            certificates.OPTION: certificates.SCHEMA,
        },
        required=("token",),
    )
    references = in_headers = ("token",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self._token: SecretValue = options["token"]
        self._url = options.get("url") or MACHINES_URL
        self._run = run
        self._reached = {name: options.get(name) for name in ("ca_cert", "via")}
        self._rest = self._client(self._url, self._token, clock, budget=_budget(clock, self._url, self._token))
        self._graphql = self._client(options.get("graphql_url") or GRAPHQL_URL, self._token, clock)
        self._farewell = self._client(self._url, self._token, clock, attempts=1)
        self._lock = Lock()
        self._identity: list[dict[str, Any]] = []
        self.recent = TtlCache(clock)

    def _client(self, url: str, token: SecretValue, clock: Clock, **options: Any) -> HttpClient:
        header = authorization.header(token)
        options = {"run": self._run, **self._reached, "request_id_header": "fly-request-id", **options}
        return HttpClient("Fly", url, lambda: header, clock=clock, **options)

    def server_time(self) -> datetime | None:
        """Return the earlier one of its two APIs' times: a clock can only delay."""
        return min(filter(None, (self._rest.server_time(), self._graphql.server_time())), default=None)

    # Tokens

    def probe(self) -> str:
        """Ask Fly what it says of the token. No field of that is documented, so none of them refuses anything."""
        grants = self.current_token()
        users, apps, organizations = (_told(grants, field) for field in ("user", "apps", "org_slug"))
        scope = f"for {'app' if apps else 'organization'} {', '.join(apps or organizations)}"
        return " ".join([", ".join(users) or "a token", *([scope] if apps or organizations else ())])

    def current_token(self) -> list[dict[str, Any]]:
        """Return what Fly says of this connection's own token; asked once."""
        with self._lock:
            if not self._identity:
                self._identity = _grants(self._ask_current(self._rest))
        return self._identity

    def show(self, token: SecretValue) -> None:
        """Present another token to Fly; AuthenticationError when it is refused, and only then."""
        answer = self._ask_current(self._client(self._url, token, self.clock), ok=(200, 401))
        _dict(answer)  # a page of HTML is not Fly's word, whatever its status
        if answer.status == 401:
            raise errors.AuthenticationError(f"{answer.where} answered 401", status=401)
        if not _grants(answer):
            raise errors.UnexpectedAnswerError(f"{answer.where} answered without any token")

    def _ask_current(self, client: HttpClient, **options: Any) -> Answer:
        return client.request("GET", "/tokens/current", doing="asking Fly what a token may do", **options)

    # Apps and secrets

    def apps(self, organization: str) -> list[str]:
        doing = f"listing the apps of organization {organization}"
        answer = self._call("GET", "/apps", doing=doing, params={"org_slug": organization})
        body = _dict(answer)
        if "apps" not in body:
            raise errors.UnexpectedAnswerError(f"{answer.where} answered without a list of apps")
        checked(body, {"apps": Maybe([{"name": str}])}, answer.where)
        return [app["name"] for app in body["apps"] or ()]  # Go writes an empty list as null

    def secrets(self, app: str) -> Evidence:
        """List secrets as ``{name: {digest, updated_at}}``, never a value; always asked anew."""
        answer = self._call("GET", f"{_app(app)}/secrets", doing=f"listing the secrets of fly app {app}")
        found = _secrets(answer)
        self.recent.put(f"secrets {app}", found)
        return found

    def await_version(self, app: str, version: int) -> None:
        """Wait until Fly knows a version of an app's secrets, which a release from then on brings to the machines."""
        doing = f"waiting for version {version} of the secrets of fly app {app}"

        def known() -> bool | None:
            params = {"min_version": str(version)}
            answer = self._call("GET", f"{_app(app)}/secrets", doing=doing, params=params, ok=(200, 412))
            return True if answer.status == 200 else None

        if not self.clock.poll(known, every=2, within=_REPLICATION):
            raise errors.UnavailableError(f"{doing}: not there after {_REPLICATION:.0f} s", hint="Run again later")

    def set_secrets(self, app: str, values: Mapping[str, SecretValue | None]) -> Evidence:
        """Set secrets in one call, which makes one new version; None unsets. Doing so twice does no harm."""
        body = {"values": {name: value.reveal() if value else None for name, value in values.items()}}
        doing = f"setting {', '.join(values)} of fly app {app}"
        answer = self._call("POST", f"{_app(app)}/secrets", doing=doing, body=body, idempotent=True)
        self.recent.forget(f"secrets {app}")
        response = _dict(answer)
        version = response.get("version", response.get("Version"))
        if not isinstance(version, int):
            raise errors.UnexpectedAnswerError(f"{answer.where} answered without the version of the secrets")
        return {"version": version, "keys": _secrets(answer)}

    # Machines

    def machines(self, app: str) -> list[dict[str, Any]]:
        """List the machines that are not destroyed."""
        answer = self._call("GET", f"{_app(app)}/machines", doing=f"listing the machines of fly app {app}")
        body = answer.json
        if not isinstance(body, list):
            raise errors.UnexpectedAnswerError(f"{answer.where} answered without a list of machines")
        machines = [_checked_machine(machine, answer) for machine in body]
        return [machine for machine in machines if not health.is_gone(machine)]

    def machine(self, app: str, machine: str, *, leases: bool = False) -> dict[str, Any]:
        doing = f"reading machine {machine} of fly app {app}"
        params = {"include_leases": "true"} if leases else None
        answer = self._rest.request("GET", _machine(app, machine), doing=doing, params=params)
        return _checked_machine(_dict(answer), answer)

    def update_machine(self, app: str, machine: str, body: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Update a machine; ConflictError if it is not at ``current_version``, so that a repetition does no harm."""

        def attempt() -> Answer | None:
            answer = self._call(
                "POST", _machine(app, machine), doing=f"updating machine {machine} of fly app {app}",
                ok=(200, 412), body=body, headers={_NONCE: nonce}, idempotent=True, timeout=60,
            )  # fmt: skip
            lagging = answer.status == 412 and "min_secrets_version" in answer.text
            return None if lagging else answer

        answer = self.clock.poll(attempt, every=2, within=_REPLICATION)
        if answer is None:
            raise errors.UnavailableError(
                f"machine {machine} of fly app {app}: its host does not know version {body['min_secrets_version']} "
                f"of the app's secrets after {_REPLICATION:.0f} s",
                hint="Nothing was changed on it. Run again later",
            )
        if answer.status == 412:
            raise errors.ConflictError(f"{answer.where} answered 412", status=412)
        return _checked_machine(_dict(answer), answer)

    def wait_started(self, app: str, machine: str, instance: str, seconds: int) -> bool:
        doing = f"waiting for machine {machine} of fly app {app}"
        params = {"state": "started", "version": instance, "timeout": seconds}
        answer = self._call(
            "GET", f"{_machine(app, machine)}/wait", doing=doing, params=params, ok=(200, 408),
            timeout=seconds + 10,
        )  # fmt: skip
        return answer.status == 200

    def lease(self, app: str, machine: str, nonce: str, seconds: int) -> str:
        """Take or, with its nonce, prolong the lease; ConflictError when somebody else holds it."""
        answer = self._call(
            "POST", f"{_machine(app, machine)}/lease", doing=f"leasing machine {machine} of fly app {app}",
            ok=(200, 201), body={"ttl": seconds, "description": "rotor.secrets updates this machine"},
            headers={_NONCE: nonce} if nonce else None,
        )  # fmt: skip
        body = _dict(answer)
        lease = body.get("data") or body  # the specification has it flat, Fly's own client reads it under "data"
        if not isinstance(lease, dict) or not lease.get("nonce"):
            raise errors.UnexpectedAnswerError(f"{answer.where} answered without a nonce")
        return str(lease["nonce"])

    def release(self, app: str, machine: str, nonce: str) -> None:
        """Release a lease, in one attempt: otherwise it expires."""
        doing = f"releasing machine {machine} of fly app {app}"
        path = f"{_machine(app, machine)}/lease"
        self._farewell.request("DELETE", path, doing=doing, headers={_NONCE: nonce}, timeout=5)

    def _call(self, method: str, path: str, *, doing: str, **options: Any) -> Answer:
        try:
            return self._rest.request(method, path, doing=doing, **options)
        except errors.NotFoundError as error:
            error.hint = error.hint or "Is the name right, and does the token's organization own it?"
            raise
        except errors.PermissionDeniedError as error:
            error.hint = error.hint or "The token is alive, but does not cover this"
            raise

    # GraphQL

    def query(self, text: str, *, doing: str, **variables: Any) -> dict[str, Any]:
        return self._execute(text, variables, doing, reads=True)

    def mutate(self, text: str, *, doing: str, idempotent: bool = False, **variables: Any) -> dict[str, Any]:
        try:
            return self._execute(text, variables, doing, idempotent=idempotent)
        except errors.UnexpectedAnswerError as error:  # nobody said that it was refused
            raise errors.OutcomeUnknownError(error.message, status=error.status, request_id=error.request_id) from None

    def _execute(self, text: str, variables: Mapping[str, Any], doing: str, **options: Any) -> dict[str, Any]:
        query = {"query": text, "variables": variables}
        answer = self._graphql.request("POST", "", doing=doing, body=query, **options)
        body = _dict(answer)
        if body.get("errors"):  # 200 all the same; their messages are free text and are not repeated
            raise _refusal(answer, body["errors"])
        data = body.get("data")
        if not isinstance(data, dict):
            raise errors.UnexpectedAnswerError(f"{answer.where} answered without data")
        return data


def _budget(clock: Clock, url: str, token: SecretValue) -> Budget:
    """Return the rate limits: by action and app or machine, with a higher one for reading a machine."""

    def reading(request: Request) -> str | None:
        return request.path if request.method == "GET" and _ONE_MACHINE.search(request.path) else None

    def acting(request: Request) -> str | None:
        return None if reading(request) else f"{request.method} {request.path}"

    def make() -> Budget:
        return Budget(clock, Pace(1, 3, acting), Pace(5, 10, reading))

    return shared(clock, origin(checked_url(url)), token, make)


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _app(app: str) -> str:
    return f"/apps/{quote(app, safe='')}"


def _machine(app: str, machine: str) -> str:
    return f"{_app(app)}/machines/{quote(machine, safe='')}"


def _dict(answer: Answer) -> dict[str, Any]:
    body = answer.json
    if not isinstance(body, dict):
        raise errors.UnexpectedAnswerError(f"{answer.where} answered with something that is no object")
    return body


def _grants(answer: Answer) -> list[dict[str, Any]]:
    checked(_dict(answer), {"tokens": Maybe([dict], there=True)}, f"{answer.where} answered")
    grants: list[dict[str, Any]] = answer.json["tokens"] or []
    return grants


def _told(grants: list[dict[str, Any]], field: str) -> list[str]:
    """Return what the grants say in one field, which may be a text or a list of them."""
    told = [grant[field] for grant in grants if grant.get(field)]
    return sorted({str(one) for item in told for one in (item if isinstance(item, list) else [item])})


def _checked_machine(body: Any, answer: Answer) -> dict[str, Any]:
    if not isinstance(body, dict) or not {"id", "state", "instance_id"} <= body.keys():
        raise errors.UnexpectedAnswerError(f"{answer.where} answered without a machine's id, state and instance")
    checked(body, _MACHINE, f"{answer.where} answered with a machine")
    return body


def _secrets(answer: Answer) -> Evidence:
    """Read the list of secrets from an answer; an error is not taken for an empty list."""
    body = _dict(answer)
    if body and "secrets" not in body:
        raise errors.UnexpectedAnswerError(f"{answer.where} answered without a list of secrets")
    listed = checked(body.get("secrets") or [], [_SECRET], f"{answer.where} answered with secrets")
    return {item["name"]: {"digest": item.get("digest"), "updated_at": item.get("updated_at")} for item in listed}


def _refusal(answer: Answer, problems: Any) -> errors.RotorError:
    listed = problems if isinstance(problems, list) else []
    items = [item.get("extensions") for item in listed if isinstance(item, dict)]
    codes = [str(item.get("code", "")) for item in items if isinstance(item, dict)]
    code = next((code for code in codes if re.fullmatch(r"\w{1,40}", code)), "")
    request_id = answer.headers.get("fly-request-id", "")
    where = answer.where + (f" (request {request_id})" if request_id else "")
    kind = _REFUSALS.get(code.upper(), errors.UnexpectedAnswerError)
    return kind(f"{where}: refused with {code or 'an error that has no code'}", request_id=request_id, code=code)
