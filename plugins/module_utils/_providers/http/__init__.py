# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anything that answers HTTP: checks of it, and the secrets, keys and reloads of a JSON API that the user describes."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    "HTTP",
    connections={"http": "client:HttpConnection"},
    stores={"http": "store:HttpSecrets"},
    issuers={"key_api": "issuer:DescribedKeys"},
    consumers={"http": "consumer:HttpRequests"},
    checks={"http": "check:Http", "prometheus": "prometheus:Growth", "signed_request": "signed:SignedRequest"},
)
