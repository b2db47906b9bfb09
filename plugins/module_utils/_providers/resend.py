# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue Resend API keys; check that a domain may send.

Sources: the OpenAPI document in resend/resend-openapi (resend.json), and resend.com's page of errors, whose editions
differ in the status of an invalid key: 403 ``invalid_api_key``, or 400 and 401 with a message. Each is known here.

More than a description: the check of a domain, whose id is looked for by its name.
"""

from __future__ import annotations

from typing import Any

from .._core.contracts import Check, Checkpoint, Evidence, Options, Provider, Schema
from .._core.credential import Credential
from .._core.errors import CheckFailedError, NotFoundError
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, Listing, Sign, Verify, send
from .._core.http.key_issuers import KeyIssuer
from .._core.http.limits import Cursors
from .._core.outside_text import printable

_INVALID = "API key is invalid"
_VERIFIED = "verified"


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


class ResendDomain(Check):
    """Check that a domain is verified, or say which of its records is not. The description has none for DMARC."""

    schema = Schema({"domain": {"type": "string", "minLength": 1, "description": "Name of the domain."}}, ("domain",))
    connection: ResendConnection

    @classmethod
    def label(cls, options: Options) -> str:
        return f"resend domain {options['domain']}"

    def preflight(self) -> list[str]:
        status, unverified = self._look()
        if status == _VERIFIED:
            return []
        records = f": {', '.join(unverified)}" if unverified else ""
        return [f"{self.label(self.options)} is {printable(status)}, not verified{records}"]

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if problems := self.preflight():
            hint = "Set its records at its DNS provider. Resend does not tell of DMARC"
            raise CheckFailedError("; ".join(problems), hint=hint)
        return {"status": _VERIFIED}

    def _look(self) -> tuple[str, list[str]]:
        """Return the status of the domain, and of its records that are not verified."""
        where = self.label(self.options)
        call = Call("GET", "/domains/<id>")
        answer = send(self.connection.http, call, f"looking at {where}", {"id": self._id(where)}, reads=True)
        domain = answer.shaped({"status": str, "records": [{"record": str, "type": str, "status": str}]})
        missing = [one for one in domain["records"] if one["status"] != _VERIFIED]
        found = [printable(f"{one['record']} ({one['type']}) {one['status']}") for one in missing]
        return domain["status"], list(dict.fromkeys(found))

    def _id(self, where: str) -> str:
        cursors, after = Cursors(f"looking for {where}"), None
        while True:
            params = {"limit": 100, **({"after": after} if after else {})}
            call = Call("GET", "/domains", params=params)
            answer = send(self.connection.http, call, f"looking for {where}", {}, reads=True)
            page = answer.shaped({"data": [{"id": str, "name": str}]})
            for one in page["data"]:
                if one["name"].lower() == self.options["domain"].lower():
                    return str(one["id"])
            if not (page["data"] and page.get("has_more") is True):
                raise NotFoundError(f"there is no {where}, or the connection's key may not see it")
            after = page["data"][-1]["id"]
            cursors.next(after)


PROVIDER = Provider(
    "Resend",
    connections={"resend": ResendConnection},
    issuers={"resend_api_key": ResendApiKeys},
    checks={"resend_domain": ResendDomain},
    contact="resend.com/dashboard, Help",
)
