# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue API keys of a fal.ai workspace.

Source: fal.ai/docs, pages of the Platform APIs for keys. Not verified: that a price is told to every live key and to no
dead one, by which a key is shown here; which scope a key has that the API makes (its list says ``API``).
"""

from __future__ import annotations

from .._core.contracts import Options, Provider
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, Listing, Verify
from .._core.http.key_issuers import KeyIssuer
from .._core.names import NameRule


class FalConnection(ApiConnection):
    system = "fal.ai"
    base_url = "https://api.fal.ai/v1"
    whoami = Call("GET", "/keys", params={"limit": 1})

    @classmethod
    def authorization(cls, options: Options) -> str:
        return f"Key {options['token'].reveal()}"


class FalApiKeys(KeyIssuer):
    rights = "a key with the scope ADMIN, which a person makes in the dashboard"
    blast_radius = "whatever runs models, such as the generation of images"
    console = "fal.ai/dashboard/keys"
    connection: FalConnection
    api = KeyApi(
        create=Call("POST", "/keys", {"alias": "<name>"}),
        value={"token": "key"},
        made=Facts("key_id"),
        listing=Listing(
            Call("GET", "/keys", params={"limit": 50}),
            items="keys",
            facts=Facts("key_id", name="alias", scope="scope"),
            after="cursor",
            cursor="next_cursor",
            more="has_more",
        ),
        revoke=Call("DELETE", "/keys/<id>"),
        names=NameRule(255),
        verify=Verify(
            Call("GET", "/models/pricing", params={"endpoint_id": "fal-ai/flux/dev"}),
            headers={"Authorization": "Key ${token}"},
        ),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return "fal_api_key of the workspace"


PROVIDER = Provider(
    "fal.ai",
    connections={"fal": FalConnection},
    issuers={"fal_api_key": FalApiKeys},
    contact="support@fal.ai",
)
