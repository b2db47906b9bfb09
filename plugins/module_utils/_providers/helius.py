# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helius: API keys, which a person makes and ends. A key stands in the URL: ``https://HOST/?api-key=${token|url}``.

Sources: helius-labs/helius-cli, whose routes for keys are not public; helius.dev/docs, page on common error codes: 401
is for a key that has ended, and for one that its access rules keep out; no word that tells one from the other is
published. So nothing proves an end.
"""

from __future__ import annotations

from .._core.contracts import Handwork, Options, Provider
from .._core.http.key_api import Call, PersonApi, Sign, Verify
from .._core.http.key_issuers import PersonIssuer


class HeliusApiKeys(PersonIssuer):
    system, base_url = "Helius", "https://mainnet.helius-rpc.com"
    blast_radius = "RPC calls, or they fall back to a public node"
    api = PersonApi(
        Handwork("dashboard.helius.dev, API Keys", "add a key to the old one's project", "delete the old key"),
        Verify(
            Call("POST", "/", {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}),
            alive=(Sign(200, "result", "ok"),),
            dead=(),
            headers={},
            params={"api-key": "${token}"},
        ),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return "helius_api_key"


PROVIDER = Provider("Helius", issuers={"helius_api_key": HeliusApiKeys})
