# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's tables. Built on first use: nothing imports SQLAlchemy at module level."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

from ....module_utils._core.deps import library

SCHEMA = 3
"""The number of this layout. Ledgers of 0.1.0 have 0 to 2."""


@cache
def tables() -> SimpleNamespace:
    """Build ``metadata`` and one attribute per table. Times are RFC 3339 text in UTC.

    A change here raises :data:`SCHEMA`. ``binding`` says which rows the ledger's key binds.
    """
    sa = library("sqlalchemy")
    metadata = sa.MetaData()
    text, json_type = sa.Text, sa.JSON

    def table(name: str, *columns: object, index: tuple[tuple[str, ...], ...] = ()) -> object:
        indexes = [sa.Index(f"{name}_by_{'_'.join(names)}", *names) for names in index]
        return sa.Table(name, metadata, *columns, *indexes)

    def number(name: str) -> object:
        return sa.Column(name, sa.Integer, primary_key=True, autoincrement=True)

    def column(name: str, kind: object = text, *, key: bool = False, null: bool = False) -> object:
        return sa.Column(name, kind, primary_key=key, nullable=null)

    return SimpleNamespace(
        metadata=metadata,
        meta=table("meta", column("name", key=True), column("value")),
        runs=table(
            "runs",
            column("id", key=True),
            column("started_at"),
            column("by"),
            column("reason"),
            column("plan"),
        ),
        credentials=table(
            "credentials",
            number("id"),
            column("secret"),
            column("name"),
            column("provider_id", null=True),
            column("state"),
            column("origin"),
            column("fingerprint", null=True),
            column("sealed", json_type),
            column("facts", json_type),
            column("baseline", json_type),
            column("minted_at", null=True),
            column("in_force_since", null=True),
            column("in_force_at", null=True),
            column("in_force_by_issuer", null=True),
            column("in_force_by_database", null=True),
            column("old_ends_at", null=True),
            column("accepted_at", null=True),
            column("accepted_in", null=True),
            column("closed_at", null=True),
            column("closed_by_issuer", null=True),
            column("closed_by_database", null=True),
            column("revoked_at", null=True),
            column("proof", null=True),
            index=(("secret",),),
        ),
        holdings=table(
            "holdings",
            column("secret", key=True),
            column("copy", key=True),
            column("label"),
            column("keys", json_type),
            column("credential", sa.Integer),
            column("evidence", json_type),
            column("at"),
        ),
        running=table(
            "running",
            column("secret", key=True),
            column("consumer", key=True),
            column("credential", sa.Integer),
            column("evidence", json_type),
            column("at"),
        ),
        proofs=table(
            "proofs",
            column("secret", key=True),
            column("step", key=True),
            column("check", key=True),
            column("credential", sa.Integer),
            column("proves"),
            column("evidence", json_type),
            column("at"),
        ),
        intents=table(
            "intents",
            number("id"),
            column("run"),
            column("secret"),
            column("kind"),
            column("target"),
            column("credential", sa.Integer, null=True),
            column("state"),
            column("progress", json_type),
            column("error", null=True),
            column("superseded", sa.Boolean),
            column("at"),
            column("ended_at", null=True),
            index=(("secret", "kind", "target"), ("run",)),
        ),
        audit=table(
            "audit",
            number("id"),
            column("at"),
            column("run"),
            column("secret"),
            column("event"),
            column("details", json_type),
            column("rows", json_type),
            column("digest"),
            column("mac"),
        ),
        digests=table("digests", column("secret", key=True), column("digest")),
        holders=table(
            "holders",
            column("lock", key=True),
            column("session", sa.Integer),
            column("holder"),
            column("since"),
        ),
    )
