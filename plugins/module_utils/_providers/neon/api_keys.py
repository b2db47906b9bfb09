# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue API keys of a person, of an organization, or of an organization for one project.

Sources: the OpenAPI document in neondatabase/neon-api-python (v2.json); neon.com/docs/reference/api, pages on api-keys
and get-auth-details. Not verified: how soon a revoked key is refused; that the list says of each key that is limited to
a project to which one.
"""

from __future__ import annotations

from typing import Any

from ..._core.contracts import Options, Schema
from ..._core.http.key_api import Call, Facts, KeyApi, Listing, Verify
from ..._core.http.key_issuers import KeyIssuer
from ..._core.names import NameRule
from .client import ID, NeonConnection


class NeonApiKeys(KeyIssuer):
    where = ("organization", "project")
    schema = Schema(
        {
            "organization": {**ID, "description": "Id of the organization whose key it is; else it is a person's."},
            "project": {**ID, "description": "Id of the one project that the organization's key may reach."},
        }
    )
    connection: NeonConnection
    rights = "a key of the person whose keys they are, or of an administrator of the organization"
    blast_radius = "whatever makes and deletes branches"
    console = "console.neon.tech, Account settings, API keys"

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        alone = "project" in options and "organization" not in options
        return ["project: only an organization's key can be limited to a project"] if alone else []

    @classmethod
    def label(cls, options: Options) -> str:
        if "organization" not in options:
            return "neon_api_key of the account"
        project = f", project {options['project']}" if "project" in options else ""
        return f"neon_api_key of organization {options['organization']}{project}"

    @classmethod
    def describe(cls, options: Options) -> KeyApi:
        root = "/organizations/<organization>/api_keys" if "organization" in options else "/api_keys"
        of_project = Call("GET", "/projects/<project>/branches", params={"limit": 1})
        return KeyApi(
            create=Call("POST", root, {"key_name": "<name>", "project_id": "<project>"}),
            value={"token": "key"},
            listing=Listing(
                Call("GET", root),
                facts=Facts(last_used_at="last_used_at", scope="project_id"),
                only=("project_id", "<project>"),
            ),
            revoke=Call("DELETE", f"{root}/<id>"),
            names=NameRule(64),
            verify=Verify(of_project if "project" in options else NeonConnection.whoami),
        )
