# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly.io: app secrets, machines, access tokens."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="Fly.io",
    connections={"fly": "client:FlyConnection"},
    stores={"fly": "store:FlySecrets"},
    issuers={"fly_token": "issuer:FlyTokens"},
    consumers={"fly_app": "consumer:FlyApp"},
    contact="fly.io, the billing dashboard, Support",
)
