# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue tokens of a Grafana service account.

Source: grafana/grafana-openapi-client-go (client/service_accounts, models). Not verified: that every token may ask
``/api/org``, by which it is shown here; whether a service account's own token may manage tokens.
"""

from __future__ import annotations

from .._core.contracts import Options, Provider, Schema
from .._core.http.key_api import LIFETIME, ApiConnection, Call, Facts, KeyApi, Listing, Verify
from .._core.http.key_issuers import KeyIssuer

_TOKENS = "/api/serviceaccounts/<service_account>/tokens"


class GrafanaConnection(ApiConnection):
    schema = Schema(ApiConnection.schema.properties, required=("token", "url"))
    system = "Grafana"
    whoami = Call("GET", "/api/org")


class GrafanaTokens(KeyIssuer):
    where = ("service_account",)
    schema = Schema(
        {
            "service_account": {"type": "integer", "minimum": 1, "description": "Number of the service account."},
            "lifetime": LIFETIME,
        },
        required=("service_account",),
    )
    connection: GrafanaConnection
    rights = "a token that may manage the tokens of service accounts"
    blast_radius = "whatever manages dashboards"
    api = KeyApi(
        create=Call("POST", _TOKENS, {"name": "<name>", "secondsToLive": "<seconds>"}),
        value={"token": "key"},
        listing=Listing(
            Call("GET", _TOKENS),
            facts=Facts(created_at="created", expires_at="expiration", last_used_at="lastUsedAt", revoked="isRevoked"),
        ),
        revoke=Call("DELETE", f"{_TOKENS}/<id>"),
        verify=Verify(Call("GET", "/api/org")),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"grafana_token of service account {options['service_account']}"


PROVIDER = Provider("Grafana", connections={"grafana": GrafanaConnection}, issuers={"grafana_token": GrafanaTokens})
