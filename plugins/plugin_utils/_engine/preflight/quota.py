# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts how many credentials a provider can still make, once the run has revoked what it revokes before the mint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ....module_utils._core import durations
from ....module_utils._core.contracts import Listed
from ....module_utils._core.outside_text import identifier, quoted
from ..decide.case import Case
from ..decide.planner import Action
from ..decide.state import ActionKind

_SHOWN = 20


@dataclass(frozen=True)
class Room:
    """Hold a quota, the credentials that live, and those of them that end before the mint."""

    quota: int
    live: Sequence[Listed]
    ending: Collection[str]
    others: int = 0
    """By how many credentials the plan's other secrets make the list longer."""

    @property
    def left(self) -> int:
        return self.quota - len(self.live) + len(self.ending) - self.others

    def note(self) -> str:
        return f"quota: {self.left} of {self.quota} keys are left before this mint"

    def problem(self, where: str, now: datetime) -> str:
        """Say that there is no room, and which credentials take it, the oldest first: a person chooses."""
        more = f", and this run is to make {self.others} before it" if self.others else ""
        known = sorted(self.live, key=lambda one: (one.created_at is None, one.created_at or now))
        shown = [_aged(one, now) for one in known[:_SHOWN]]
        rest = [f"{len(known) - _SHOWN} more"] if len(known) > _SHOWN else []
        return (
            f"{where} has {len(self.live)} keys, and there can be {self.quota}{more}. None is deleted to make room. "
            f"Delete one that is not used, or rotate fewer at once: {', '.join(shown + rest)}"
        )


def ending(case: Case, actions: Sequence[Action], live: Sequence[Listed], known: Collection[str | None]) -> set[str]:
    """Find what ends before the mint: orphans, and what a mint whose answer was lost has left by its name."""
    ends = {action.credential for action in actions if action.kind is ActionKind.REVOKE_ORPHAN}
    ids = {row.provider_id for row in case.state.credentials if row.id in ends}
    lost = {action.target for action in actions if action.kind is ActionKind.RECOVER}
    return {one.id for one in live if one.id in ids or (one.name in lost and one.id not in known)}


def _aged(one: Listed, now: datetime) -> str:
    age = now - one.created_at if one.created_at else None
    shown = "of unknown age" if age is None else f"{durations.show(timedelta(days=age.days) or age)} old"
    return f"{identifier(one.id)} {quoted(one.name)} ({shown})"
