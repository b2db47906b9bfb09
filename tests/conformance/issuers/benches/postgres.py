# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's roles: no HTTP that could be counted or spoilt; their own tests ask a real server."""

from __future__ import annotations

from tests.conformance.issuers.absent import column, open_bench

__all__ = ["open_bench"]

WHY = "It speaks SQL: `tests/unit/providers/postgres` shows its roles to a real server."
BENCHES = [column(name, WHY) for name in ("postgres_role", "postgres_roles")]


def stop_all() -> None:
    """Nothing was started."""
