# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenAI: API keys of a project's service account, which may have several.

Source: the OpenAPI document in openai/openai-openapi (2026-08-21). Not verified: that document says that deleting a key
of a service account fails; the Python client 3.52.0, made from a later one, says that it works.
"""

from __future__ import annotations

from .._core.contracts import Options, Provider, Schema
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, KeyIssuer, Listing, Verify

_PROJECT = "/organization/projects/<project>"
_ID = {"type": "string", "minLength": 1}


class OpenAiConnection(ApiConnection):
    system = "OpenAI"
    base_url = "https://api.openai.com/v1"
    whoami = Call("GET", "/organization/projects", params={"limit": 1})


class OpenAiApiKeys(KeyIssuer):
    schema = Schema(
        {
            "project": {**_ID, "description": "Id of the project."},
            "service_account": {**_ID, "description": "Id of the service account whose key it is."},
            "scopes": {"type": "array", "items": _ID, "description": "What the key may do; all, unless said."},
        },
        required=("project", "service_account"),
    )
    connection: OpenAiConnection
    api = KeyApi(
        create=Call(
            "POST",
            f"{_PROJECT}/service_accounts/<service_account>/api_keys",
            {"name": "<name>", "scopes": "<scopes>"},
        ),
        value={"token": "value"},
        listing=Listing(
            Call("GET", f"{_PROJECT}/api_keys", params={"limit": 100}),
            items="data",
            facts=Facts(last_used_at="last_used_at", scope="owner.type"),
            after="after",
            more="has_more",
        ),
        revoke=Call("DELETE", f"{_PROJECT}/api_keys/<id>"),
        verify=Verify(Call("GET", "/models")),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"openai_api_key of service account {options['service_account']}, project {options['project']}"


PROVIDER = Provider("OpenAI", connections={"openai": OpenAiConnection}, issuers={"openai_api_key": OpenAiApiKeys})
