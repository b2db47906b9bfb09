# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: passwords of roles, and what sessions run on them."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    "PostgreSQL",
    connections={"postgres": "client:PostgresConnection"},
    issuers={"postgres_role": "roles:RolePasswords", "postgres_roles": "roles:RolesInTurns"},
    consumers={"pgbouncer": "pooler:Pooler"},
    checks={"postgres": "checks:SignIn", "postgres_sessions": "checks:Sessions"},
)
