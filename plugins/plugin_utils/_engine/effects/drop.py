# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drops an identity that has left the map, such as a login role, at its provider."""

from __future__ import annotations

from ....module_utils._core.contracts import Remains
from ....module_utils._core.errors import ConflictError
from ..decide.departed import demand_departed
from .context import EffectContext


def look(ctx: EffectContext, name: str, identity: str) -> Remains | None:
    """Ask what is left of an identity; None where it is gone. An error where the map or the ledger forbids the drop."""
    secret = ctx.secret_map.secrets[name]
    demand_departed(ctx.secret_map, secret, ctx.ledger.state(name), identity)
    issuer = ctx.systems.issuer(secret)
    return issuer.remains(identity) if issuer.still_there([identity]) else None


def demand_free(ctx: EffectContext, identity: str, remains: Remains) -> None:
    """Raise ConflictError for all that keeps an identity from being dropped."""
    freeze = ctx.ledger.freeze()
    if problems := [*remains.problems, *([f"the ledger is frozen: {freeze}"] if freeze else [])]:
        raise ConflictError(f"{identity} is not dropped: {'; '.join(problems)}")


def drop(ctx: EffectContext, name: str, identity: str) -> None:
    """Drop an identity; killed on the way, the next attempt finds what is left of it."""
    ctx.ledger.dropping(ctx.run, name, identity)
    ctx.systems.issuer(ctx.secret_map.secrets[name]).drop(identity)
    ctx.ledger.dropped(ctx.run, name, identity)
