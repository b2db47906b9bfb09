# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the connections that may still be opened with a credential that is to end: theirs, or the ledger's own."""

from __future__ import annotations

from collections.abc import Set

from ....module_utils._core.credential import SecretValue
from ....module_utils._core.errors import ConfigurationError
from ..decide import clocks, rule
from ..decide.case import Case
from ..decide.state import CredentialRow
from ..secret_map.model import LEDGER
from .context import EffectContext


def late_connections(ctx: EffectContext, case: Case, row: CredentialRow) -> list[str]:
    """List the connections that may use ``row``, by their names; their references are read anew.

    The ledger is not opened anew: its session goes on, and counts as what it was opened with.
    """
    if rule.never_handed_out(case, row):
        return []
    old, new = (_values(ctx, one) for one in (row, case.replacement))
    names = [*ctx.secret_map.connections, LEDGER] if old else case.secret.connections
    late = [name for name in names if rule.connection_is_late(case, name, _own(ctx, name), old, new)]
    about, issuer = case.secret.issuer.connection, ctx.systems.issuer(case.secret)
    if about and about not in late and row.provider_id and issuer.is_own(row.provider_id):
        late.append(about)
    return late


def demand_reconnected(ctx: EffectContext, case: Case, row: CredentialRow) -> None:
    """NotYetError as long as a connection may use the credential that is to end."""
    if late := late_connections(ctx, case, row):
        where = "; ".join(f"{copy.label}: {', '.join(copy.keys)}" for copy in case.secret.copies)
        raise clocks.NotYetError(
            f"give the job the new credential (it is at {where}): "
            f"{row.name} is not revoked by a connection that may still use it ({', '.join(late)})",
            None,
            hint="A run whose connection is opened with the new one revokes it",
        )


def _values(ctx: EffectContext, row: CredentialRow | None) -> set[SecretValue]:
    return set(ctx.ledger.unseal(row).fields.values()) if row and row.has_value else set()


def _own(ctx: EffectContext, name: str) -> Set[SecretValue]:
    """Return the credentials that a connection is opened with; none where it cannot be opened."""
    if name == LEDGER:
        return ctx.access.opened_with
    try:
        return ctx.systems.reopen(name)
    except ConfigurationError:
        return set()
