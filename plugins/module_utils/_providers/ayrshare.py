# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the secret that signs an Ayrshare profile's webhooks, for 24 hours beside the old one; show a person's API keys.

Sources: www.ayrshare.com/docs/apis/webhooks/rotate-signing-secret; docs/errors/errors-http, where 401 is no valid key.
Nobody can be asked whether a secret is in force: what checks a signature is the proof. Not verified: whether the same
secret, set again after a lost answer, takes the old one away early; whether the API refuses another one within the 24
hours, as the dashboard does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from .._core.contracts import Handwork, Issuer, Options, Overlap, Provider, Schema
from .._core.http.key_api import ApiConnection, Call, PersonApi, SetApi, Verify
from .._core.http.key_issuers import PersonIssuer, SetIssuer
from .._core.references import SCHEMA as CREDENTIAL


class AyrshareConnection(ApiConnection):
    schema = Schema(
        {**ApiConnection.schema.properties, "profile_key": {**CREDENTIAL, "description": "Key of the one profile."}},
        required=("token",),
    )
    references = in_headers = ("token", "profile_key")
    system = "Ayrshare"
    base_url = "https://api.ayrshare.com/api"
    whoami = Call("GET", "/user")

    @classmethod
    def headers(cls, options: Options) -> dict[str, str]:
        return {"Profile-Key": options["profile_key"].reveal()} if "profile_key" in options else {}


class AyrshareWebhookSecrets(SetIssuer):
    traits = replace(SetIssuer.traits, overlap=Overlap.TIMED)
    connection: AyrshareConnection
    api = SetApi(Call("POST", "/hook/webhook/secret", {"secret": "<value>"}), "token")
    unverifiable = "whether the last secret was set less than 24 hours ago, which a new one would cut short"
    rights = "the account's API key"
    blast_radius = "the receiver refuses what webhooks tell: posts, messages, connected accounts"
    console = "the dashboard, Webhooks, Signing Secret"
    verify = Issuer.verify  # a secret that signs is shown to nobody

    @classmethod
    def ends_after(cls, options: Options) -> timedelta:
        return timedelta(hours=24)

    @classmethod
    def label(cls, options: Options) -> str:
        return "ayrshare_webhook_secret of the connection's profile"


class AyrshareApiKeys(PersonIssuer):
    system, base_url = "Ayrshare", AyrshareConnection.base_url
    blast_radius = "social publishing"
    api = PersonApi(
        Handwork(
            "app.ayrshare.com, API Key",
            "make another key; where the account has but one, the old one ends with that",
            "see that the old key is gone",
        ),
        Verify(Call("GET", "/user")),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return "ayrshare_api_key"


PROVIDER = Provider(
    "Ayrshare",
    connections={"ayrshare": AyrshareConnection},
    issuers={"ayrshare_webhook_secret": AyrshareWebhookSecrets, "ayrshare_api_key": AyrshareApiKeys},
    contact="https://www.ayrshare.com/contact",
)
