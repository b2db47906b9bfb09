# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Supabase: secret API keys, and the keys with which a project signs its users' tokens."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    "Supabase",
    connections={"supabase": "client:SupabaseConnection"},
    issuers={
        "supabase_secret_key": "secret_keys:SupabaseSecretKeys",
        "supabase_jwt_key": "signing_keys:SupabaseJwtKeys",
        "supabase_jwt_secret": "signing_keys:SupabaseJwtSecrets",
    },
    contact="https://supabase.com/dashboard/support/new",
)
