# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue secret API keys of a Supabase project.

A key is verified at the project's own API, by asking for a user that does not exist.

Sources: the OpenAPI document of the Management API in supabase/cli; supabase.com, pages on rotating keys and on errors
of admin endpoints. Not verified: the words of the 401, of which two are known; quota and rate limit.
"""

from __future__ import annotations

from ..._core.contracts import Options, Schema
from ..._core.http.key_api import Call, Facts, KeyApi, Listing, Sign, Verify
from ..._core.http.key_issuers import KeyIssuer
from ..._core.names import NameRule
from .client import PROJECT, SupabaseConnection, address

_KEYS = "/projects/<project>/api-keys"
_NOBODY = "/auth/v1/admin/users/00000000-0000-0000-0000-000000000000"


class SupabaseSecretKeys(KeyIssuer):
    where = ("project",)
    schema = Schema(PROJECT, required=("project",))
    connection: SupabaseConnection
    rights = "a personal access token that reads and writes API keys; of an OAuth application, secrets:write"
    blast_radius = "whatever asks the project's API from a server"
    console = "supabase.com/dashboard/project/REFERENCE/settings/api-keys"

    @classmethod
    def label(cls, options: Options) -> str:
        return f"supabase_secret_key of project {options['project']}"

    @classmethod
    def describe(cls, options: Options) -> KeyApi:
        dead = (Sign(401, "message", f"{why} API key") for why in ("Invalid", "Unregistered"))
        return KeyApi(
            create=Call("POST", _KEYS, {"name": "<name>", "type": "secret"}, {"reveal": "true"}),
            value={"token": "api_key"},
            made=Facts(created_at="inserted_at"),
            listing=Listing(Call("GET", _KEYS), facts=Facts(created_at="inserted_at"), only=("type", "secret")),
            revoke=Call("DELETE", f"{_KEYS}/<id>"),
            names=NameRule(64, "a-z0-9_"),
            verify=Verify(
                Call("GET", _NOBODY),
                alive=(Sign(404, "error_code", "user_not_found"),),
                dead=tuple(dead),
                headers={"apikey": "${token}"},
                url=address(options),
            ),
        )
