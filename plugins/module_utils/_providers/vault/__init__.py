# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HashiCorp Vault and OpenBao: documents of the KV engine, versions 1 and 2."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="Vault and OpenBao",
    connections={"vault": "client:VaultConnection"},
    stores={"vault": "store:VaultSecrets"},
    checks={"vault": "check:Unsealed"},
    issuers={"vault_approle_secret_id": "secret_ids:VaultSecretIds", "vault_token": "own_tokens:VaultTokens"},
)
