# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what a roll-out may wait for with how long a provider lets the old credential live on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ....module_utils._core import durations, registry
from ..decide import clocks
from ..decide.case import Case
from ..secret_map.model import CheckSpec, ConsumerSpec, SecretMap

_MARGIN = 4
"""The part of the old credential's time that is kept for what no option limits: writes, retries, people, hooks."""


def problems(case: Case, secret_map: SecretMap) -> list[str]:
    """Refuse a roll-out that may wait for longer than the old credential lives, less a margin; with the sum."""
    if not clocks.ends_by_itself(case.traits):
        return []
    lives, waits = _ends_after(case), list(_waits(case, secret_map))
    margin, total = lives / _MARGIN, sum((longest for _what, longest in waits), timedelta())
    if total <= lives - margin:
        return []
    parts = " + ".join(f"{durations.show(longest)} ({what})" for what, longest in waits)
    ends = f"its provider ends the old one {durations.show(lives)} after the new one is made"
    kept = f"{durations.show(margin)} of them are kept as a margin"
    return [f"{ends}, and {kept}; the roll-out may wait for {durations.show(total)}: {parts}. Shorten that"]


def copies_by(case: Case) -> datetime | None:
    """Return by when every copy has to have the new credential; None where the old one does not end by itself."""
    if case.order.rollback or case.old_expired or case.is_settled or not clocks.ends_by_itself(case.traits):
        return None
    return case.old_ends_at or case.now + _ends_after(case)


def _ends_after(case: Case) -> timedelta:
    lives: timedelta = registry.find("issuers", case.secret.issuer.type).ends_after(case.secret.issuer.options)
    return lives


def _waits(case: Case, secret_map: SecretMap) -> Iterator[tuple[str, timedelta]]:
    """Yield what the roll-out waits for, one after the other, and for how long at the most."""
    for step in case.secret.steps:
        reloads = {name: (_reload(secret_map.consumers[name]), f"reload of {name}") for name in step.reload}
        turns = dict.fromkeys(map(step.turn_of, step.reload))
        longest_of_each = [max(reloads[name] for name in turn) for turn in turns]
        labels = {check.key: registry.find("checks", check.type).label(check.options) for check in step.verify}
        checks = [(_check(check), f"{step.name}: {labels[check.key]}") for check in step.verify]
        yield from ((what, longest) for longest, what in [*longest_of_each, *checks] if longest)
    if case.secret.revoke.after:
        yield "revoke.after", case.secret.revoke.after


def _reload(consumer: ConsumerSpec) -> timedelta:
    longest: timedelta = registry.find("consumers", consumer.type).longest(consumer.options)
    return sum(map(_check, consumer.healthy), longest)


def _check(check: CheckSpec) -> timedelta:
    longest: timedelta = registry.find("checks", check.type).longest(check.options)
    return longest
