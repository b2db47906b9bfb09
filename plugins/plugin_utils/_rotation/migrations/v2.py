# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From schema 1 to 2: who holds a lock in PostgreSQL, for the others to read."""

from __future__ import annotations

from typing import Any


def upgrade(op: Any, sa: Any) -> None:
    """``op``: Alembic's operations, inside a transaction that is not theirs to end."""
    op.create_table(
        "holders",
        sa.Column("lock", sa.Text, primary_key=True),
        sa.Column("session", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
    )
