# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue OpenAI's API keys of a project's service account, and admin keys of the organization.

Sources: the OpenAPI document in openai/openai-openapi (2026-08-21); developers.openai.com, page on the IP allowlist.
Not verified: that document says that deleting a key of a service account fails; the Python client 3.52.0, made from a
later one, says that it works. Nor whose an admin key is that another one has made: the description says a user's. Nor
that the list says of each key which account owns it. Nor the code of a dead key, which is as users report it.

A service account may have several keys.

More than a description: there are two issuers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .._core import durations
from .._core.contracts import Options, Provider, Schema
from .._core.http.key_api import LIFETIME, ApiConnection, Call, Facts, KeyApi, Listing, Sign, Verify
from .._core.http.key_issuers import KeyIssuer

_ADMIN = "/organization/admin_api_keys"
_PROJECT = "/organization/projects/<project>"
_ID = {"type": "string", "minLength": 1}
_DEAD = (Sign(401, "error.code", "invalid_api_key"),)  # a living one that comes from a foreign address gets 401, too


class OpenAiConnection(ApiConnection):
    system = "OpenAI"
    base_url = "https://api.openai.com/v1"
    whoami = Call("GET", "/organization/projects", params={"limit": 1})


class OpenAiApiKeys(KeyIssuer):
    where = ("project", "service_account")
    schema = Schema(
        {
            "project": {**_ID, "description": "Id of the project."},
            "service_account": {**_ID, "description": "Id of the service account whose key it is."},
            "scopes": {"type": "array", "items": _ID, "description": "What the key may do; all, unless said."},
        },
        required=("project", "service_account"),
    )
    rights = "an admin key, which owners of the organization make"
    blast_radius = "whatever asks a model"
    console = "platform.openai.com/api-keys"
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
            only=("owner.service_account.id", "<service_account>"),
        ),
        revoke=Call("DELETE", f"{_PROJECT}/api_keys/<id>"),
        verify=Verify(Call("GET", "/models"), dead=_DEAD),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"openai_api_key of service account {options['service_account']}, project {options['project']}"


class OpenAiAdminKeys(KeyIssuer):
    schema = Schema({"lifetime": LIFETIME})
    rights = OpenAiApiKeys.rights
    blast_radius = "whatever manages users, projects and keys of the organization"
    console = "platform.openai.com/settings/organization/admin-keys"
    connection: OpenAiConnection
    api = KeyApi(
        create=Call("POST", _ADMIN, {"name": "<name>", "expires_in_seconds": "<seconds>"}),
        value={"token": "value"},
        made=Facts(expires_at="expires_at"),
        listing=Listing(
            Call("GET", _ADMIN, params={"limit": 100}),
            items="data",
            facts=Facts(expires_at="expires_at", last_used_at="last_used_at", scope="owner.type"),
            after="after",
            more="has_more",
        ),
        revoke=Call("DELETE", f"{_ADMIN}/<id>", says=("deleted", True)),
        verify=Verify(Call("GET", _ADMIN, params={"limit": 1}), dead=_DEAD),
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        problems = super().validate(options, max_age)
        long = not problems and "lifetime" in options and durations.parse(options["lifetime"]) > timedelta(days=365)
        return [f"lifetime: {options['lifetime']} is longer than the 365d that OpenAI allows"] if long else problems

    @classmethod
    def label(cls, options: Options) -> str:
        return "openai_admin_key of the organization"


PROVIDER = Provider(
    "OpenAI",
    connections={"openai": OpenAiConnection},
    issuers={"openai_api_key": OpenAiApiKeys, "openai_admin_key": OpenAiAdminKeys},
    contact="https://help.openai.com",
)
