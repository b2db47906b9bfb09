# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue Neon's API keys and the passwords of its PostgreSQL roles."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    "Neon",
    connections={"neon": "client:NeonConnection"},
    issuers={
        "neon_api_key": "api_keys:NeonApiKeys",
        "neon_role_password": "role_passwords:NeonRolePasswords",
    },
    contact="https://neon.com/docs/introduction/support",
)
