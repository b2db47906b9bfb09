# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From schema 0 to 1: which keys of a copy were written, and what a copy was like before its first write."""

from __future__ import annotations

from typing import Any


def upgrade(op: Any, sa: Any) -> None:
    """``op``: Alembic's operations, inside a transaction that is not theirs to end."""
    op.add_column("holdings", sa.Column("keys", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("credentials", sa.Column("baseline", sa.JSON, nullable=False, server_default="{}"))
