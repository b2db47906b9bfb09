# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue Resend API keys.

Sources: the OpenAPI document in resend/resend-openapi (resend.json), and resend.com's page of errors, whose editions
differ in the status of an invalid key: 403 ``invalid_api_key``, or 400 and 401 with a message. Each is known here.
"""

from __future__ import annotations

from typing import Any

from .._core.contracts import Options, Provider, Schema
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, Listing, Sign, Verify
from .._core.http.key_issuers import KeyIssuer

_INVALID = "API key is invalid"


class ResendConnection(ApiConnection):
    system = "Resend"
    base_url = "https://api.resend.com"
    whoami = Call("GET", "/api-keys", params={"limit": 1})
    per_second = 2  # for a team, unless Resend has raised it


class ResendApiKeys(KeyIssuer):
    schema = Schema(
        {
            "permission": {"enum": ["full_access", "sending_access"], "description": "What the key may do."},
            "domain_id": {"type": "string", "minLength": 1, "description": "Id of the one domain it may send from."},
        },
        required=("permission",),
    )
    connection: ResendConnection
    rights = "a key with full access"
    blast_radius = "mail that is sent with it, and nothing else: its sender has to notice"
    console = "the dashboard, API Keys"
    api = KeyApi(
        create=Call("POST", "/api-keys", {"name": "<name>", "permission": "<permission>", "domain_id": "<domain_id>"}),
        value={"token": "token"},
        listing=Listing(
            Call("GET", "/api-keys", params={"limit": 100}),
            items="data",
            facts=Facts(last_used_at="last_used_at"),
            after="after",
            more="has_more",
        ),
        revoke=Call("DELETE", "/api-keys/<id>"),
        verify=Verify(
            Call("GET", "/domains", params={"limit": 1}),
            alive=(Sign(200), Sign(401, "name", "restricted_api_key")),
            dead=(
                Sign(403, "name", "invalid_api_key"),
                *(Sign(status, "message", said) for status in (400, 401) for said in (_INVALID, f"{_INVALID}.")),
            ),
        ),
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        wide = "domain_id" in options and options["permission"] != "sending_access"
        return ["domain_id: it is for keys with sending_access only"] if wide else []

    @classmethod
    def label(cls, options: Options) -> str:
        domain = f", domain {options['domain_id']}" if "domain_id" in options else ""
        return f"resend_api_key with {options['permission']}{domain}"


PROVIDER = Provider(
    "Resend",
    connections={"resend": ResendConnection},
    issuers={"resend_api_key": ResendApiKeys},
    contact="resend.com/dashboard, Help",
)
