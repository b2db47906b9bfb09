# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anthropic: API keys that a person makes, and that the API lists, switches off and archives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from ..specs import Found
from .service import DescribedApi, Key

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}


class Anthropic(DescribedApi):
    """An admin key comes as ``x-api-key``, as the description says, or as a bearer, as the vendor's client sends it."""

    name, prefix, error_schema = "anthropic", "/anthropic", "Error"
    begins = "sk-ant-api03-"

    def problem(self, status: int, message: str) -> Response:
        error = {"type": _TYPES.get(status, "invalid_request_error"), "message": message}
        return JSONResponse({"type": "error", "error": error}, status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        shown = headers.get("x-api-key")
        return super().caller({"authorization": shown} if shown else headers)

    def identify(self, value: str) -> str | None:
        known = super().identify(value)
        return known if known and self._status(self.keys[known]) == "active" else None

    def shown(self, found: Found, caller: str) -> Any:
        return self._facts(self.own(found)) if "api_keys" in found.template else {"data": [], "has_more": False}

    def is_wanted(self, key: Key, query: Mapping[str, str]) -> bool:
        return query.get("status") in (None, self._status(key))

    def _facts(self, key: Key) -> dict[str, Any]:
        facts = {"id": self._id(key), "type": "api_key", "name": key.name, "status": self._status(key)}
        hint = f"{key.value[:12]}...{key.value[-4:]}"
        times = {"created_at": key.created.isoformat(), "expires_at": None}
        return {**facts, **times, "partial_key_hint": hint, "scope": {"type": "organization"}}

    @staticmethod
    def _status(key: Key) -> str:
        return str(key.body.get("status", "active"))

    def _id(self, key: Key) -> str:
        return f"apikey_{key.number}"
