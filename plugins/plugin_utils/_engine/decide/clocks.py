# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times at which an old credential ends, and the clocks that have to agree: ours, the issuer's and the database's.

Pure functions. A revoke that waits for a time waits until every clock says that it has come: a clock can only delay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ....module_utils._core import durations
from ....module_utils._core.contracts import Overlap, Traits
from ....module_utils._core.errors import RotorError
from ..secret_map.model import Secret
from .state import CredentialRow, SecretState

MOST_APART = timedelta(minutes=5)
ADVICE = "Set this controller's clock right (NTP), or see why the other one is wrong, and run again"


class NotYetError(RotorError):
    """A later run revokes: another clock than ours says that a grace is not over, or a connection has yet to change."""

    def __init__(self, message: str, until: datetime | None, hint: str = "A run after that time goes on") -> None:
        super().__init__(message, hint=hint)
        self.until = until
        """By our clock; None where nobody knows."""


@dataclass(frozen=True)
class Reading:
    """Hold what a clock that is not ours says."""

    whose: str
    now: datetime
    ends: datetime | None = None
    """When the grace is over by this clock; None where its beginning was not read off it."""


@dataclass(frozen=True)
class Gap:
    """Span from the moment at which the old value may have died to the last reload or check of the new one."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return max(self.until - self.since, timedelta())


def waits(secret: Secret, traits: Traits) -> bool:
    """Whether an old credential is revoked after a grace that is to be measured; after a compromise it is not."""
    compromised = secret.guard is not None and secret.guard.allow == "compromised"
    return bool(secret.revoke.after) and not traits.ends_the_old and not compromised


def ends_by_itself(traits: Traits) -> bool:
    """Whether the provider ends an old credential after a time that is to be measured."""
    return traits.ends_the_old and traits.overlap is Overlap.TIMED


def in_force(since: datetime, ends_after: timedelta | None) -> dict[str, str]:
    """Build the columns of a credential that its provider takes: since when, and when the old one ends."""
    ends = {} if ends_after is None else {"old_ends_at": (since + ends_after).isoformat()}
    return {"in_force_since": since.isoformat(), **ends}


def old_ends(row: CredentialRow | None) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Return when the provider ends what ``row`` replaces, at the latest: by our clock, the issuer's, the database's.

    Only the attempt that was answered may have counted; ``row.old_ends_at`` is the earliest, by the first attempt.
    """
    if not (row and row.in_force_since and row.old_ends_at):
        return None, None, None
    after = row.old_ends_at - row.in_force_since
    ours, issuer, database = row.in_force_at, row.in_force_by_issuer, row.in_force_by_database
    return ours and ours + after, issuer and issuer + after, database and database + after


def gap(state: SecretState, row: CredentialRow | None) -> Gap | None:
    """Measure the gap of the cut-over to ``row``, by the ledger's own times."""
    if not (row and row.in_force_since and row.in_force_at):
        return None
    marks = [*state.running.values(), *state.proofs.values(), *state.holdings.values()]
    last = max((mark.at for mark in marks if mark.credential == row.id), default=row.in_force_at)
    return Gap(row.in_force_since, min(last, row.closed_at) if row.closed_at else last)


def apart(ours: datetime, readings: Iterable[Reading]) -> list[str]:
    """Say of each clock that differs from ours by more than :data:`MOST_APART` by how much."""
    found = []
    for reading in readings:
        ahead = ours - reading.now
        if abs(ahead) > MOST_APART:
            length = durations.show(timedelta(seconds=round(abs(ahead).total_seconds())))
            found.append(f"this controller's clock is {length} {'ahead of' if ahead > timedelta() else 'behind'} "
                         f"that of {reading.whose}")  # fmt: skip
    return found


def demand_over(name: str, ours: datetime, readings: Iterable[Reading]) -> None:
    """RotorError unless every clock says that the grace of the credential ``name`` is over, and they agree."""
    readings = list(readings)
    if problems := apart(ours, readings):
        raise RotorError(
            f"{name} is not ended, since nobody can tell whether its time is over: {'; '.join(problems)}", hint=ADVICE
        )
    left = [(reading.ends - reading.now, reading.whose) for reading in readings if reading.ends]
    longest, whose = max(left, default=(timedelta(), ""))
    if longest > timedelta():
        until = ours + longest
        raise NotYetError(f"{name} lives on until {until:%Y-%m-%d %H:%M:%S}Z, by the clock of {whose}", until)
