# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SendGrid: API keys of an account.

Sources: tsg_api_keys_v3.json and tsg_scopes_v3.json in twilio/sendgrid-oai, where a revoked key is refused after a
small delay. Not verified: how long that delay is; whether the list, which has no pages, has all of 100 keys.
"""

from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options, Provider, Schema
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.key_api import (
    ApiConnection,
    Call,
    Facts,
    KeyApi,
    Listing,
    Verify,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.key_issuers import KeyIssuer

_KEYS = "/v3/api_keys"
_SCOPES = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "minLength": 1},
    "description": "What the key may do, such as mail.send.",
}


class SendGridConnection(ApiConnection):
    system = "SendGrid"
    base_url = "https://api.sendgrid.com"
    whoami = Call("GET", _KEYS, params={"limit": 1})


class SendGridApiKeys(KeyIssuer):
    schema = Schema({"scopes": _SCOPES}, required=("scopes",))
    api = KeyApi(
        create=Call("POST", _KEYS, {"name": "<name>", "scopes": "<scopes>"}),
        value={"token": "api_key"},
        made=Facts("api_key_id"),
        listing=Listing(Call("GET", _KEYS), items="result", facts=Facts("api_key_id")),
        revoke=Call("DELETE", f"{_KEYS}/<id>"),
        verify=Verify(Call("GET", "/v3/scopes")),
        quota=100,
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"sendgrid_api_key with {', '.join(options['scopes'])}"


PROVIDER = Provider(
    "SendGrid", connections={"sendgrid": SendGridConnection}, issuers={"sendgrid_api_key": SendGridApiKeys}
)
