# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systems whose keys can be had by API, each behind its published description."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..provider import RefusedError
from .service import ADMIN, DESCRIBED, UNKNOWN, DescribedApi, Key

__all__ = ["ADMIN", "DESCRIBED"]


class Neon(DescribedApi):
    name, prefix, error_schema = "neon", "/neon", "GeneralError"


class Grafana(DescribedApi):
    name, prefix, error_schema = "grafana", "/grafana", "ErrorResponseBody"


class OpenAi(DescribedApi):
    name, prefix, error_schema = "openai", "/openai", "ErrorResponse"

    def _id(self, key: Key) -> str:
        return f"key_{key.number}"


class Resend(DescribedApi):
    """Its errors are not in the description: resend.com, page of errors."""

    name, prefix = "resend", "/resend"
    statuses: ClassVar[Mapping[str, int]] = {"unknown": 403}

    def problem(self, status: int, message: str) -> Response:
        known = {403: "validation_error", 404: "not_found", 429: "rate_limit_exceeded"}
        name = "invalid_api_key" if message == UNKNOWN else known.get(status, "application_error")
        return JSONResponse({"statusCode": status, "name": name, "message": message}, status)

    def _id(self, key: Key) -> str:
        return f"49a3999c-0ce1-4ea6-ab68-{key.number:012}"


class Upstash(DescribedApi):
    """One password a database. It is in the answer of a GET, though the schema does not say so."""

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
        shown = {} if request.query_params.get("credentials") == "hide" else {"password": key.value}
        return JSONResponse({**self.examples.make(found.answer, facts), **shown})


ALL: tuple[type[DescribedApi], ...] = (Neon, Resend, Grafana, OpenAi, Upstash)
