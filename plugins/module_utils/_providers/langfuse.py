# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue API keys of a Langfuse project: pairs of a public and a secret key that are sent together.

Sources: openapi.yml and entitlements.ts in langfuse/langfuse. Not verified: how soon a deleted key is refused, since
Langfuse caches keys.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from .._core.contracts import Options, Provider, Schema
from .._core.credential import Credential, SecretValue
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, Listing, Verify
from .._core.http.key_issuers import KeyIssuer
from .._core.references import SCHEMA as CREDENTIAL

_KEYS = "/api/public/projects/<project>/apiKeys"
_ID = {"type": "string", "minLength": 1}


def _basic(public: str, secret: SecretValue) -> str:
    return f"Basic {base64.b64encode(f'{public}:{secret.reveal()}'.encode()).decode()}"


class LangfuseConnection(ApiConnection):
    schema = Schema(
        {
            "public_key": {**_ID, "description": "Public part of a key of the organization."},
            "secret_key": CREDENTIAL,
            **{name: option for name, option in ApiConnection.schema.properties.items() if name != "token"},
        },
        required=("public_key", "secret_key"),
    )
    references = in_headers = ("secret_key",)
    system = "Langfuse"
    base_url = "https://cloud.langfuse.com"
    whoami = Call("GET", "/api/public/organizations/projects")
    per_second = 1  # 30 a minute by the smallest plan, whose 429 says how long to wait

    @classmethod
    def authorization(cls, options: Options) -> str:
        return _basic(options["public_key"], options["secret_key"])


class LangfuseApiKeys(KeyIssuer):
    where = ("project",)
    schema = Schema({"project": {**_ID, "description": "Id of the project."}}, required=("project",))
    fields = ("public_key", "secret_key")
    rights = "a key of the organization, which on Langfuse's cloud a person makes; the plan's entitlement admin-api"
    blast_radius = "telemetry; applications go on"
    console = "Settings, API Keys of the project; of the organization for the connection's key"
    connection: LangfuseConnection
    api = KeyApi(
        create=Call("POST", _KEYS, {"note": "<name>"}),
        value={"public_key": "publicKey", "secret_key": "secretKey"},
        made=Facts(created_at="createdAt"),
        listing=Listing(
            Call("GET", _KEYS),
            items="apiKeys",
            facts=Facts(name="note", created_at="createdAt", expires_at="expiresAt", last_used_at="lastUsedAt"),
        ),
        revoke=Call("DELETE", f"{_KEYS}/<id>", says=("success", True)),
        verify=Verify(Call("GET", "/api/public/projects"), headers={}),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"langfuse_api_key of project {options['project']}"

    def _headers(self, how: Verify, credential: Credential) -> Mapping[str, str]:
        return {"Authorization": _basic(credential.fields["public_key"].reveal(), credential.fields["secret_key"])}


PROVIDER = Provider(
    "Langfuse",
    connections={"langfuse": LangfuseConnection},
    issuers={"langfuse_api_key": LangfuseApiKeys},
    contact="https://langfuse.com/support",
)
