# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings an older ledger to the schema of this version: one step after the other, all in the caller's transaction."""

from __future__ import annotations

from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.deps import library
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.migrations import v1, v2

STEPS = (v1, v2)
"""The step at index n leads from schema n to n + 1."""
NEWEST = len(STEPS)


def upgrade(tx: Any, schema: int) -> None:
    """From ``schema`` to the newest. The transaction holds all of it or nothing, on SQLite and PostgreSQL alike."""
    context = library("alembic.migration").MigrationContext.configure(tx)
    op, sa = library("alembic.operations").Operations(context), library("sqlalchemy")
    for step in STEPS[schema:]:
        step.upgrade(op, sa)
