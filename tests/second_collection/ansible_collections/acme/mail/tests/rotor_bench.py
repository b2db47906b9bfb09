# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SendGrid's stand-in, made from its published description, and what the conformance suite asks of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from starlette.responses import JSONResponse, Response

from tests.conformance.issuers.benches.described import DescribedBench, calls_of, open_bench, stop_all
from tests.sandbox.apis import DescribedApi, Key

__all__ = ["BENCHES", "open_bench", "stop_all"]


class SendGrid(DescribedApi):
    name, prefix = "sendgrid", "/sendgrid"
    spec = str(Path(__file__).with_name("sendgrid.json"))

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"errors": [{"field": None, "message": message}]}, status)

    def _facts(self, key: Key) -> dict[str, Any]:
        return {"api_key": key.value, "api_key_id": self._id(key), "name": key.name, "scopes": key.body.get("scopes")}


class SendGridApiKey(DescribedBench):
    title, issuer_type, provider = "sendgrid_api_key", "acme.mail.sendgrid_api_key", "sendgrid"
    server = "a stand-in made from SendGrid's published description"
    base = "/sendgrid"
    options: ClassVar[dict[str, Any]] = {"scopes": ["mail.send"]}
    calls = calls_of("/api_keys", "/scopes")


BENCHES = [SendGridApiKey]
