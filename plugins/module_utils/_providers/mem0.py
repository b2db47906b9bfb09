# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mem0: API keys, which a person makes and ends.

Source: docs/openapi.json in mem0ai/mem0, which has no route for keys. Not verified: which status a dead key gets; 401
is taken for its end.
"""

from __future__ import annotations

from .._core.contracts import Handwork, Options, Provider
from .._core.http.key_api import Call, PersonApi, Verify
from .._core.http.key_issuers import PersonIssuer


class Mem0ApiKeys(PersonIssuer):
    system, base_url = "Mem0", "https://api.mem0.ai"
    blast_radius = "recall from memory"
    api = PersonApi(
        Handwork("app.mem0.ai, API Keys", "create a key in the old one's project", "delete the old key"),
        Verify(Call("GET", "/v1/ping/"), headers={"Authorization": "Token ${token}"}),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return "mem0_api_key"


PROVIDER = Provider("Mem0", issuers={"mem0_api_key": Mem0ApiKeys})
