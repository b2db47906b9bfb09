# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systems whose keys can be had by API, each behind its published description."""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..provider import RefusedError
from ..specs import Found, read_form
from .anthropic import Anthropic
from .keycloak import Keycloak
from .neon import Neon
from .r2 import R2
from .rolled import Clerk, Trigger
from .service import ADMIN, DESCRIBED, UNKNOWN, DescribedApi, Key

__all__ = ["ADMIN", "DESCRIBED", "R2", "DescribedApi", "Key"]


class Grafana(DescribedApi):
    name, prefix, error_schema = "grafana", "/grafana", "ErrorResponseBody"


class Fal(DescribedApi):
    """A key is its id and its secret; a DELETE never says that there was none."""

    name, prefix = "fal", "/fal"

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"error": {"type": "error", "message": message}}, status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        shown = headers.get("authorization", "").removeprefix("Key ")
        return super().caller({"authorization": shown})

    def named(self, body: Mapping[str, Any]) -> str:
        return str(body["alias"])

    def created(self, found: Found, key: Key) -> Any:
        return {"key_id": self._id(key), "key_secret": key.value, "key": key.value}

    def listed(self, found: Found, keys: Sequence[Key], more: bool | None) -> Any:
        facts = [
            {"key_id": self._id(key), "alias": key.name, "scope": "API", "created_at": key.created.isoformat()}
            for key in keys
        ]
        return {"keys": facts, "next_cursor": facts[-1]["key_id"] if more else None, "has_more": more}

    def _revoke(self, found: Found) -> Response:
        if self.keys.pop(found.path.rpartition("/")[2], None):
            self.world.touch()
        return Response(status_code=204)


class Langfuse(DescribedApi):
    """A key has two parts, which come together."""

    name, prefix = "langfuse", "/langfuse"

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"message": message}, status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        given = base64.b64decode(headers.get("authorization", "").removeprefix("Basic ")).decode()
        public, secret = given.partition(":")[::2]
        if (public, secret) == ("pk-lf-admin", self.world.credentials[ADMIN]):
            return "admin"
        known = self.identify(secret)
        return known if known and public == f"pk-lf-{known}" else None

    def named(self, body: Mapping[str, Any]) -> str:
        return str(body["note"])

    def created(self, found: Found, key: Key) -> Any:
        return self.examples.make(found.answer, {**self._facts(key), "secretKey": key.value})

    def _facts(self, key: Key) -> dict[str, Any]:
        times = {"createdAt": key.created, "lastUsedAt": key.used}
        return {"id": self._id(key), "note": key.name, "publicKey": f"pk-lf-{self._id(key)}", **times, "success": True}


class OpenAi(DescribedApi):
    """A project lists the keys of all its service accounts; what a person makes is of the one named as the project."""

    name, prefix, error_schema = "openai", "/openai", "ErrorResponse"

    def problem(self, status: int, message: str) -> Response:
        code = "invalid_api_key" if message == UNKNOWN else None
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return JSONResponse({"error": error}, status)

    def created(self, found: Found, key: Key) -> Any:
        key.body["account"] = found.params.get("service_account_id")
        return super().created(found, key)

    def _facts(self, key: Key) -> dict[str, Any]:
        project = re.search(r"/projects/proj_([^/]+)/", key.home)
        if project is None:
            return super()._facts(key)
        schema = {"$ref": "#/components/schemas/ProjectApiKeyOwnerServiceAccount"}
        account = self.examples.make(schema, {"id": key.body.get("account") or f"svc_{project[1]}"})
        return {**super()._facts(key), "owner": {"type": "service_account", "service_account": account}}

    def _id(self, key: Key) -> str:
        return f"key_{key.number}"


class Cloudflare(DescribedApi):
    """Tokens of a user and of accounts, in an envelope. What is in a token's result stands in another schema."""

    name, prefix, error_schema = "cloudflare", "/cloudflare", "iam_api-response-common-failure"

    def problem(self, status: int, message: str) -> Response:
        errors = [{"code": 1000 if message == UNKNOWN else 1001, "message": message}]
        return JSONResponse({"success": False, "errors": errors, "messages": [], "result": None}, status)

    def _token(self, key: Key) -> dict[str, Any]:
        facts = {"issued_on": key.created, "last_used_on": key.used, "expires_on": key.body.get("expires_on")}
        token = self.examples.make({"$ref": "#/components/schemas/iam_token"}, {**self._facts(key), **facts})
        return {**token, "status": key.body.get("status", "active"), "policies": key.body.get("policies", [])}

    @staticmethod
    def _wrapped(result: Any) -> dict[str, Any]:
        return {"success": True, "errors": [], "messages": [], "result": result}

    def shown(self, found: Found, caller: str) -> Any:
        if not found.template.endswith("/verify"):
            return self._wrapped(self._token(self.own(found)))
        known = self._token(self.keys[caller]) if caller in self.keys else {"id": "admin", "status": "active"}
        return self._wrapped({name: known[name] for name in ("id", "status")})

    def created(self, found: Found, key: Key) -> Any:
        return self._wrapped({**self._token(key), "value": key.value})

    def listed(self, found: Found, keys: Sequence[Key], more: bool | None) -> Any:
        return self._wrapped([self._token(key) for key in keys])

    def ended(self, found: Found, key: Key) -> Any:
        return self._wrapped({"id": self._id(key)})

    def _id(self, key: Key) -> str:
        return f"{key.number:032x}"


class Resend(DescribedApi):
    """Its errors are not in the description: resend.com, page of errors. Nor is what shows one domain."""

    name, prefix = "resend", "/resend"
    takes_empty_object = True
    undescribed = ("/domains/.*",)
    domain = "moleculesai.app"
    """The one that is there, and verified."""
    statuses: ClassVar[Mapping[str, int]] = {"unknown": 403}

    def problem(self, status: int, message: str) -> Response:
        known = {403: "validation_error", 404: "not_found", 429: "rate_limit_exceeded"}
        name = "invalid_api_key" if message == UNKNOWN else known.get(status, "application_error")
        return JSONResponse({"statusCode": status, "name": name, "message": message}, status)

    async def _answer(self, request: Request) -> Response:
        if not request.path_params["path"].startswith("domains/"):
            return await super()._answer(request)
        self._admit(request)
        records = [{"record": name, "type": "TXT", "status": "verified"} for name in ("SPF", "DKIM")]
        return JSONResponse({**self._domain(), "object": "domain", "records": records})

    def shown(self, found: Found, caller: str) -> Any:
        return self.examples.make_list(found.answer, [self._domain()], has_more=False)

    def _domain(self) -> dict[str, Any]:
        return {"id": f"id-of-{self.domain}", "name": self.domain, "status": "verified"}

    def _id(self, key: Key) -> str:
        return f"49a3999c-0ce1-4ea6-ab68-{key.number:012}"


class Stripe(DescribedApi):
    """Webhook endpoints, one of which is there. What is sent is a form."""

    name, prefix, error_schema = "stripe", "/stripe", "error"

    def seed(self) -> None:
        super().seed()
        first = self.put(f"{self.description.base}/v1/webhook_endpoints", "")
        first.body = {"url": "https://shop.example.com/stripe", "enabled_events": ["*"], "metadata": {"team": "shop"}}

    async def read(self, request: Request) -> dict[str, Any]:
        return read_form(await request.body())

    def named(self, body: Mapping[str, Any]) -> str:
        return str(body["metadata"].get("rotor", ""))

    def _endpoint(self, key: Key) -> dict[str, Any]:
        status = "disabled" if key.body.get("disabled") else "enabled"
        return {**self._facts(key), **key.body, "status": status}

    def shown(self, found: Found, caller: str) -> Any:
        return self.examples.make(found.answer, self._endpoint(self.own(found)))

    def created(self, found: Found, key: Key) -> Any:
        return self.examples.make(found.answer, {**self._endpoint(key), "secret": key.value})

    def listed(self, found: Found, keys: Sequence[Key], more: bool | None) -> Any:
        return self.examples.make_list(
            found.answer, [self._endpoint(key) for key in keys], has_more=more, url=found.path
        )

    def _id(self, key: Key) -> str:
        return f"we_{key.number}"

    def acts(self) -> dict[str, Any]:
        return {**super().acts(), "send_stripe_event": self._send}

    def _send(self) -> dict[str, Any]:
        """An event happens; the secret of each enabled endpoint has signed it. All come in one header, for brevity."""
        now = int(self.world.now().timestamp())
        event = json.dumps({"id": "evt_1", "object": "event", "type": "ping", "data": {"object": {}}})
        alive = [key for key in self.keys.values() if not key.body.get("disabled")]
        signed = [hmac.digest(key.value.encode(), f"{now}.{event}".encode(), "sha256").hex() for key in alive]
        return {"event": event, "signature": ",".join([f"t={now}", *(f"v1={one}" for one in signed)])}


class Supabase(DescribedApi):
    """Its errors are not in the description. Keys are for a project's own API, and no others come in there.

    Signing keys have states: one is in use, one at most on standby.
    """

    name, prefix = "supabase", "/supabase"

    def seed(self) -> None:
        super().seed()
        self.signing: dict[str, dict[str, Any]] = {}
        self._sign("in_use", {"algorithm": "ES256"})

    def routes(self) -> list[BaseRoute]:
        return [Route("/{path:path}", self._answer, methods=["GET", "POST", "PATCH", "DELETE"])]

    def _sign(self, status: str, body: Mapping[str, Any]) -> dict[str, Any]:
        id_ = body.get("private_jwk", {}).get("kid") or str(uuid.uuid4())
        now, paired = self.world.now().isoformat(), body["algorithm"] != "HS256"
        public = {"kty": "EC", "crv": "P-256", "kid": id_, "x": secrets.token_urlsafe(32), "y": "y"} if paired else None
        times = {"created_at": now, "updated_at": now}
        self.signing[id_] = {"id": id_, "algorithm": body["algorithm"], "status": status, "public_jwk": public, **times}
        self.world.touch()
        return self.signing[id_]

    async def _answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        if path.endswith(".well-known/jwks.json"):
            trusted = (key for key in self.signing.values() if key["status"] != "revoked" and key["public_jwk"])
            return JSONResponse({"keys": [key["public_jwk"] for key in trusted]})
        if "signing-keys" not in path:
            return await super()._answer(request)
        self._admit(request)
        if path.endswith("/legacy"):
            raise RefusedError(404, "Not Found")
        if request.method == "GET":
            return JSONResponse({"keys": list(self.signing.values())})
        body = await super().read(request)
        if request.method == "POST":
            if any(key["status"] == "standby" for key in self.signing.values()) or self.quota == 0:
                raise RefusedError(422, "already has a signing key in standby")
            return JSONResponse(self._sign("standby", body), 201)
        return JSONResponse(self._turn(path.rpartition("/")[2], body["status"]))

    def _turn(self, id_: str, status: str) -> dict[str, Any]:
        """Change a state: what goes in use takes the place of what was."""
        if id_ not in self.signing:
            raise RefusedError(404, "no such key")
        key = self.signing[id_]
        steps = {"standby": ("in_use", "previously_used"), "previously_used": ("standby", "revoked"),
                 "revoked": ("standby",), "in_use": ()}  # fmt: skip
        if status != key["status"] and status not in steps[key["status"]]:
            raise RefusedError(422, "no such change")
        for other in self.signing.values():
            if status == "in_use" and other["status"] == "in_use":
                other |= {"status": "previously_used", "updated_at": self.world.now().isoformat()}
        key |= {"status": status, "updated_at": self.world.now().isoformat()}
        self.world.touch()
        return key

    def problem(self, status: int, message: str) -> Response:
        known = {
            401: {"message": "Invalid API key"},
            404: {"code": 404, "error_code": "user_not_found", "msg": message},
        }
        return JSONResponse(known.get(status, {"message": message}), status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        if "apikey" in headers:
            return self.identify(headers["apikey"])
        return "admin" if headers.get("authorization") == f"Bearer {self.world.credentials[ADMIN]}" else None

    async def read(self, request: Request) -> dict[str, Any]:
        return {**await super().read(request), "reveal": request.query_params.get("reveal") == "true"}

    def shown(self, found: Found, caller: str) -> Any:
        if "users" in found.template:
            raise RefusedError(404, "User not found")
        return self.examples.make_list(found.answer, [])

    def created(self, found: Found, key: Key) -> Any:
        shown = key.value if key.body["reveal"] else "sb_secret_..."
        return self.examples.make(found.answer, {**self._facts(key), "api_key": shown})

    def listed(self, found: Found, keys: Sequence[Key], more: bool | None) -> Any:
        legacy = {"name": "anon", "id": None, "type": "legacy"}
        return [legacy, *super().listed(found, keys, more)]

    def _facts(self, key: Key) -> dict[str, Any]:
        return {**super()._facts(key), "type": "secret", "inserted_at": key.created}

    def _id(self, key: Key) -> str:
        return f"49a3999c-0ce1-4ea6-ab68-{key.number:012}"


class Upstash(DescribedApi):
    """One password a database, which a reset replaces, and the REST token with it; that for reading stays.

    They are in the answer of a GET, though the schema does not say so.
    """

    name, prefix = "upstash", "/upstash"

    def seed(self) -> None:
        super().seed()
        self.place: dict[str, Any] = {"endpoint": "cache", "port": 6379}
        self.put("cache", "the first one")

    def acts(self) -> dict[str, Any]:
        return {"place_upstash_database": self._place}

    def _place(self, endpoint: str, port: int) -> dict[str, Any]:
        self.place = {"endpoint": endpoint, "port": port}
        return {}

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse(message, status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        pair = base64.b64encode(f"ops@example.com:{self.world.credentials[ADMIN]}".encode()).decode()
        return "admin" if headers.get("authorization") == f"Basic {pair}" else None

    async def _answer(self, request: Request) -> Response:
        found = self.description.find(request.method, "/" + request.path_params["path"])
        if found is None:
            raise RefusedError(404, "no such operation")
        self._admit(request)
        if not found.params:
            return JSONResponse(self.examples.make_list(found.answer, []))
        database = found.params["id"]
        key = next((key for key in self.keys.values() if key.home == database), None)
        if key is None:
            raise RefusedError(404, "no such database")
        if request.method == "POST":
            del self.keys[self._id(key)]
            self.put(database, "reset")
            return JSONResponse(self.examples.make(found.answer, {"database_id": database}))
        facts = {"database_id": database, **self.place, "tls": True}
        rest = {"rest_token": f"rest-{key.value}", "read_only_rest_token": "upstash-token-for-reading"}
        for value in rest.values():
            self.world.remember(value)
        shown = {} if request.query_params.get("credentials") == "hide" else {"password": key.value, **rest}
        return JSONResponse({**self.examples.make(found.answer, facts), **shown})


ALL: tuple[type[DescribedApi], ...] = (
    Neon,
    Anthropic,
    Clerk,
    Cloudflare,
    Resend,
    Fal,
    Grafana,
    Keycloak,
    Langfuse,
    OpenAi,
    Stripe,
    Supabase,
    Trigger,
    Upstash,
)
