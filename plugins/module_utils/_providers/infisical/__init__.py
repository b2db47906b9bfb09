# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical: secrets of projects, by environment and folder; client secrets of machine identities."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="Infisical",
    connections={"infisical": "client:InfisicalConnection"},
    stores={"infisical": "store:InfisicalSecrets"},
    issuers={"infisical_client_secret": "client_secrets:InfisicalClientSecrets"},
)
