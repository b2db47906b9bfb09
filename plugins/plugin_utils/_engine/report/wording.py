# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's phrases for overlaps, gaps, ends, numbers and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ....module_utils._core import durations, registry
from ....module_utils._core.contracts import Maker, Overlap, Recover, Revocation
from ....module_utils._core.outside_text import extra_option
from ..decide import clocks
from ..decide.case import Case
from ..decide.state import ActionKind
from ..effects.life import tells_life
from ..preflight import waits
from ..preflight.preflight import Planned
from .claims import when

_REVOKES = (ActionKind.REVOKE, ActionKind.REVOKE_ORPHAN)
_NO_TRACE = {
    Overlap.OPEN: "should the answer to the mint be lost, it cannot be found: it may stay valid at its provider",
    Overlap.TIMED: "should the answer to the mint be lost, it cannot be read back: the next run mints again",
    Overlap.NONE: "should the answer to the mint be lost, it cannot be read back: the next run mints again, and closes "
    "the gap",
}


SOON = timedelta(days=14)
"""Before its end by this much, the credential of a connection is told to be about to expire."""


def expiring(ends: Mapping[str, datetime], now: datetime) -> list[str]:
    """Say which connections are opened with a credential that is about to expire."""
    soon = {name: end for name, end in ends.items() if end - now < SOON}
    return [
        f"  expires:  the credential of connection {name}, {when(end)}: give it another one before"
        for name, end in soon.items()
    ]


def overlap(item: Planned) -> str:
    traits = item.case.traits
    if traits.cuts_over:
        how = "mint" if traits.value is Maker.PROVIDER else "activation"
        return f"no overlap: the {how} of the new one is the old one's end"
    if traits.overlap is Overlap.TIMED:
        after = registry.find("issuers", item.case.secret.issuer.type).ends_after(item.case.secret.issuer.options)
        return f"the provider ends the old one by itself, {durations.show(after)} after the new one is made"
    if traits.overlap is Overlap.OPEN:
        return "old and new both valid until we revoke"
    return "no overlap: copies disagree until the last one is written and reloaded"


def deadline(item: Planned) -> list[str]:
    """Say by when the roll-out has to be over, where the provider ends the old credential by itself."""
    until = waits.copies_by(item.case)
    after = "when its provider ends the old one; what is left then is done as in a cut-over"
    return [f"  in every copy by {when(until)}, {after}"] if until else []


def expected_gap(item: Planned) -> list[str]:
    """Count what has to be done between the cut and the moment from which everything runs on the new value."""
    if item.case.order.rollback or (not any(action.cut for action in item.actions) and not item.case.old_expired):
        return []
    cut = next((index for index, action in enumerate(item.actions) if action.cut), 0)
    kinds = [action.kind for action in item.actions[cut:]]
    parts = {ActionKind.WRITE: "write", ActionKind.RELOAD: "reload", ActionKind.VERIFY: "check"}
    left = [count(kinds.count(kind), noun) for kind, noun in parts.items() if kind in kinds]
    before = clocks.gap(item.case.state, item.case.state.current)
    last = f"; the last one took {how_long(before)}" if before else ""
    since = "the old value is dead, or may be" if item.case.old_expired else "the old value dies with the cut"
    return [f"  gap: {since}; {', '.join(left) or 'nothing more'} until everything works again{last}"]


def untraceable(item: Planned) -> list[str]:
    mints = any(action.kind is ActionKind.MINT for action in item.actions)
    return [_NO_TRACE[item.case.traits.overlap]] if mints and item.case.traits.recover is Recover.NONE else []


def unasked(item: Planned) -> list[str]:
    """Say that a revoke rests on the ledger alone, where no provider can be asked."""
    ends = item.case.traits.revoke is Revocation.API and any(action.kind in _REVOKES for action in item.actions)
    if not ends or tells_life(registry.find("issuers", item.case.secret.issuer.type)):
        return []
    return ["its provider cannot be asked whether a new credential lives: the old one is revoked without that"]


def beyond_reach(case: Case) -> list[str]:
    """Warn of mints whose answer was lost, where nobody can tell what became of them, or what becomes of them yet."""
    sought = [(one.target, one.sought_until) for one in case.state.sought]
    return [
        f"  lost {name}   was not listed by its provider; every run until {when(until)} looks for it, and revokes it"
        for name, until in sought
        if until and until > case.now
    ] + [
        f"  lost {row.name}   may be valid at its provider, and its value is known to nobody; when it is ended there: "
        + extra_option("rotate_forget", [row.name])
        for row in case.state.credentials
        if row.alive and not row.locatable
    ]


def how_long(gap: clocks.Gap) -> str:
    return durations.show(timedelta(seconds=round(gap.length.total_seconds())))


def listing(names: Sequence[str], most: int = 3) -> str:
    return f"{', '.join(names[:most])}{f' and {len(names) - most} more' if len(names) > most else ''}"


def count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
