# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a new credential brings the end of the old one with it: from when on there is no way back, and how long it took.

Pure functions of the ledger. In doubt the old value counts as dead: an effect of unknown outcome may have been made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ....module_utils._core.contracts import Overlap, Traits
from .state import CredentialRow, Intent, Origin, SecretState


@dataclass(frozen=True)
class Gap:
    """From the moment at which the old value may have died to the last reload or check of the new one."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return max(self.until - self.since, timedelta())


def in_force(since: datetime, ends_after: timedelta | None) -> dict[str, str]:
    """The columns of a credential that its provider takes: since when, and when the old one ends."""
    ends = {} if ends_after is None else {"old_ends_at": (since + ends_after).isoformat()}
    return {"in_force_since": since.isoformat(), **ends}


def lost(state: SecretState, traits: Traits) -> Intent | None:
    """The oldest effect of unknown outcome that may have ended the old value."""
    return state.intent("mint" if traits.value == "provider" else "activate")


def past_point_of_no_return(state: SecretState, traits: Traits) -> bool:
    """Whether a rotation is under way that the old value does not survive: there is only the way forward."""
    if not traits.ends_the_old:
        return False
    return bool(lost(state, traits) or _orphans(state) or (state.pending and state.pending.in_force_since))


def old_expired(state: SecretState, traits: Traits, now: datetime) -> bool:
    """Whether the old value of a rotation that is under way has ended, or may have: nothing may hold it up any more."""
    if not past_point_of_no_return(state, traits) or traits.overlap is Overlap.NONE:
        return past_point_of_no_return(state, traits)
    ends = state.pending.old_ends_at if state.pending else None
    return ends is not None and ends <= now


def old_has_ended(row: CredentialRow | None) -> datetime | None:
    """When the provider ends what ``row`` replaces, at the latest: only the attempt that was answered may have counted.

    ``row.old_ends_at`` is the earliest: by the first attempt that may have counted.
    """
    if not (row and row.in_force_since and row.in_force_at and row.old_ends_at):
        return None
    return row.in_force_at + (row.old_ends_at - row.in_force_since)


def old_has_ended_elsewhere(row: CredentialRow | None) -> tuple[datetime | None, datetime | None]:
    """The same by the clocks of the issuer and of the ledger's database, where they were read."""
    if not (row and row.in_force_since and row.old_ends_at):
        return None, None
    after = row.old_ends_at - row.in_force_since
    by_issuer, by_database = row.in_force_by_issuer, row.in_force_by_database
    return by_issuer and by_issuer + after, by_database and by_database + after


def begun(state: SecretState, traits: Traits, now: datetime) -> datetime:
    """The first moment at which what is done ``now`` may have had its effect: an earlier attempt may have been it."""
    first = lost(state, traits)
    times = [first.at if first else None, *(row.minted_at for row in _orphans(state))]
    return min((time for time in times if time), default=now)


def gap(state: SecretState, row: CredentialRow | None) -> Gap | None:
    """The measured gap of the cut-over to ``row``, by the ledger's own times."""
    if not (row and row.in_force_since and row.in_force_at):
        return None
    marks = [*state.running.values(), *state.proofs.values(), *state.holdings.values()]
    last = max((mark.at for mark in marks if mark.credential == row.id), default=row.in_force_at)
    return Gap(row.in_force_since, min(last, row.closed_at) if row.closed_at else last)


def _orphans(state: SecretState) -> list[CredentialRow]:
    """What lost mints of the rotation that is under way have left."""
    known = state.pending or state.current
    return [row for row in state.credentials if row.origin is Origin.ORPHAN and row.id > (known.id if known else 0)]
