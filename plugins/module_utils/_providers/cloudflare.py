# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue Cloudflare API tokens of a user or of an account, and the R2 access keys that are derived from a token.

Sources: openapi.json in cloudflare/api-schemas (August 2024; a user's tokens), cloudflare-python (an account's tokens).
Not verified: how soon a deleted token is refused; that a token may only grant what its maker holds; that a PUT takes a
token as a GET has given it; that an account refuses to verify a user's token.

More than a description: there are two issuers, and a token is disabled before it is revoked, which can be taken back.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace

from .._core.clock import Clock
from .._core.contracts import Options, Provider, Schema
from .._core.credential import Credential, PublicValue, SecretValue
from .._core.errors import AuthenticationError, NotFoundError
from .._core.http import paths
from .._core.http.key_api import LIFETIME, ApiConnection, Call, Facts, KeyApi, Listing, Sign, Verify
from .._core.http.key_issuers import KeyIssuer
from .._core.names import NameRule

_DONE = ("success", True)
_STATUS = "result.status"


class CloudflareConnection(ApiConnection):
    where = ("url", "account")
    schema = Schema(
        {
            "account": {
                "type": "string",
                "pattern": "^[0-9a-f]{32}$",
                "description": "Id of the account whose tokens are managed; without it, those of the token's user.",
            },
            **ApiConnection.schema.properties,
        },
        required=("token",),
    )
    system = "Cloudflare"
    base_url = "https://api.cloudflare.com/client/v4"
    whoami = Call("GET", "/user/tokens", params={"per_page": 5}, says=_DONE)
    per_second = 4  # 1200 in five minutes, and then none for five minutes

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        super().__init__(options, clock=clock, run=run)
        self.tokens = f"/accounts/{options['account']}/tokens" if "account" in options else "/user/tokens"
        self.whoami = replace(self.whoami, path=self.tokens)  # type: ignore[misc]


def _api(tokens: str) -> KeyApi:
    token = {"name": "<name>", "policies": "<policies>", "expires_on": "<expires_at>"}
    return KeyApi(
        create=Call("POST", tokens, token, says=_DONE),
        value={"token": "result.value"},
        made=Facts("result.id", created_at="result.issued_on", expires_at="result.expires_on"),
        listing=Listing(
            Call("GET", tokens, params={"per_page": 50}, says=_DONE),
            items="result",
            facts=Facts(created_at="issued_on", expires_at="expires_on", last_used_at="last_used_on"),
            page="page",
        ),
        revoke=Call("DELETE", f"{tokens}/<id>", {}, says=_DONE),
        names=NameRule(120),
        quota=500 if tokens.startswith("/accounts/") else None,
        verify=Verify(
            Call("GET", f"{tokens}/verify"),
            alive=(Sign(200, _STATUS, "active"),),
            dead=(Sign(401, "errors[0].code", 1000), *(Sign(200, _STATUS, end) for end in ("disabled", "expired"))),
        ),
    )


class CloudflareTokens(KeyIssuer):
    schema = Schema(
        {
            "policies": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "required": ["effect", "permission_groups", "resources"]},
                "description": "What the token may do, in the words of Cloudflare's API.",
            },
            "lifetime": LIFETIME,
        },
        required=("policies",),
    )
    rights = "Account API Tokens Write, or for a user's API Tokens Write (the template Create additional tokens)"
    console = "dash.cloudflare.com/profile/api-tokens, or Manage account, Account API tokens"
    connection: CloudflareConnection

    @classmethod
    def label(cls, options: Options) -> str:
        reached = {resource for policy in options["policies"] for resource in policy["resources"]}
        return f"cloudflare_api_token for {', '.join(sorted(reached))}"

    @classmethod
    def describe(cls, options: Options) -> KeyApi:
        return _api("/user/tokens")

    @property
    def _api(self) -> KeyApi:
        return _api(self.connection.tokens)

    def is_own(self, credential_id: str) -> bool:
        """Ask which token asks; one of a user is refused where an account's are meant, and so is none of them."""
        verify = Call("GET", f"{self.connection.tokens}/verify", says=_DONE)
        try:
            answer = self._send(verify, "asking which token the connection uses", reads=True)
        except AuthenticationError:
            return False
        return bool(paths.at(answer.json, "result.id") == credential_id)

    def disable(self, credential: Credential) -> None:
        with suppress(NotFoundError):
            self._put(credential, "disabled")

    def enable(self, credential: Credential) -> None:
        self._put(credential, "active")

    def _put(self, credential: Credential, status: str) -> None:
        """Write a token as it is, with another status."""
        place, doing = f"{self.connection.tokens}/<id>", f"making token {credential.name} {status}"
        answer = self._send(Call("GET", place, says=_DONE), doing, {"id": credential.id})
        token = {**answer.shaped({"result": dict})["result"], "status": status}
        whole = {"id": credential.id, "token": token}
        self._send(Call("PUT", place, "<token>", says=_DONE), doing, whole, idempotent=True)


class R2AccessKeys(CloudflareTokens):
    """Issue R2 access keys: the secret is the SHA-256 of a token's value, the id is the token's id."""

    fields = ("access_key_id", "secret_access_key", "token")
    blast_radius = "whatever reads and writes objects in R2"

    @classmethod
    def label(cls, options: Options) -> str:
        return super().label(options).replace("cloudflare_api_token", "cloudflare_r2_key")

    def mint(self, name: str) -> Credential:
        made = super().mint(name)
        digest = hashlib.sha256(made.fields["token"].reveal().encode()).hexdigest()
        pair = {"access_key_id": PublicValue(str(made.id)), "secret_access_key": SecretValue(digest)}
        return replace(made, fields={**made.fields, **pair})


PROVIDER = Provider(
    "Cloudflare",
    connections={"cloudflare": CloudflareConnection},
    issuers={"cloudflare_api_token": CloudflareTokens, "cloudflare_r2_key": R2AccessKeys},
    contact="https://support.cloudflare.com",
)
