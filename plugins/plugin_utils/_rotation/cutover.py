# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a new credential brings the end of the old one with it: from when on there is no way back, and how long it took.

Pure functions of the ledger. In doubt the old value counts as dead: an effect of unknown outcome may have been made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Overlap, Traits
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import (
    CredentialRow,
    Intent,
    Mark,
    Origin,
    SecretState,
)

IN_FORCE = ("", "in force at its provider")
"""The key of the mark that a new credential is valid there, since when, and when the old one ends."""
BY_ISSUER, BY_DATABASE = "by_issuer", "by_database"
"""In that mark: when it was made, by other clocks than ours."""


@dataclass(frozen=True)
class Gap:
    """From the moment at which the old value may have died to the last reload or check of the new one."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return max(self.until - self.since, timedelta())


def evidence(since: datetime, ends_after: timedelta | None) -> dict[str, str]:
    """Of an :data:`IN_FORCE` mark."""
    ends = {} if ends_after is None else {"old_ends": (since + ends_after).isoformat()}
    return {"since": since.isoformat(), **ends}


def in_force(state: SecretState, row: CredentialRow | None) -> Mark | None:
    mark = state.proofs.get(IN_FORCE)
    return mark if mark and row and mark.credential == row.id else None


def lost(state: SecretState, traits: Traits) -> Intent | None:
    """The oldest effect of unknown outcome that may have ended the old value."""
    return state.intent("mint" if traits.value == "provider" else "activate")


def is_doomed(state: SecretState, traits: Traits) -> bool:
    """Whether a rotation is under way that the old value does not survive: there is only the way forward."""
    if not traits.ends_the_old:
        return False
    return bool(lost(state, traits) or _orphans(state) or in_force(state, state.pending))


def is_dead(state: SecretState, traits: Traits, now: datetime) -> bool:
    """Whether the old value of a rotation that is under way has ended, or may have: nothing may hold it up any more."""
    if not is_doomed(state, traits) or traits.overlap is Overlap.NONE:
        return is_doomed(state, traits)
    ends = old_ends(state, state.pending)
    return ends is not None and ends <= now


def old_ends(state: SecretState, row: CredentialRow | None) -> datetime | None:
    """When the provider ends what ``row`` replaces, by itself, at the earliest: by the first attempt that may count."""
    mark = in_force(state, row)
    return _time(mark, "old_ends") if mark else None


def old_has_ended(state: SecretState, row: CredentialRow | None) -> datetime | None:
    """The same at the latest: only the attempt that was answered may have counted."""
    mark, earliest = in_force(state, row), old_ends(state, row)
    since = _time(mark, "since") if mark else None
    return mark.at + (earliest - since) if mark and earliest and since else None


def old_has_ended_elsewhere(state: SecretState, row: CredentialRow | None) -> tuple[datetime | None, datetime | None]:
    """The same by the clocks of the issuer and of the ledger's database, where they were read."""
    mark, earliest = in_force(state, row), old_ends(state, row)
    since = _time(mark, "since") if mark else None
    times = [_time(mark, name) if mark else None for name in (BY_ISSUER, BY_DATABASE)]
    by_issuer, by_database = (time + (earliest - since) if time and earliest and since else None for time in times)
    return by_issuer, by_database


def begun(state: SecretState, traits: Traits, now: datetime) -> datetime:
    """The first moment at which what is done ``now`` may have had its effect: an earlier attempt may have been it."""
    first = lost(state, traits)
    times = [first.at if first else None, *(row.minted_at for row in _orphans(state))]
    return min((time for time in times if time), default=now)


def gap(state: SecretState, row: CredentialRow | None) -> Gap | None:
    """The measured gap of the cut-over to ``row``, by the ledger's own times."""
    mark = in_force(state, row)
    since = _time(mark, "since") if mark else None
    if mark is None or since is None:
        return None
    marks = [*state.running.values(), *(proof for key, proof in state.proofs.items() if key != IN_FORCE)]
    marks += state.holdings.values()
    last = max((other.at for other in marks if other.credential == mark.credential), default=mark.at)
    return Gap(since, min(last, row.closed_at) if row and row.closed_at else last)


def _orphans(state: SecretState) -> list[CredentialRow]:
    """What lost mints of the rotation that is under way have left."""
    known = state.pending or state.current
    return [row for row in state.credentials if row.origin is Origin.ORPHAN and row.id > (known.id if known else 0)]


def _time(mark: Mark, name: str) -> datetime | None:
    text = mark.evidence.get(name)
    return datetime.fromisoformat(text) if text else None
