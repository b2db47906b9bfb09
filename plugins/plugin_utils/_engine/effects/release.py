# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consumers that others release: nobody here reloads them, and every run looks whether they have been.

The first look after a write is kept as the reload's intent: what was there then runs without it until its mark changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....module_utils._core.contracts import Consumer, Written
from ....module_utils._core.errors import CheckFailedError
from ..decide.clocks import NotYetError
from ..decide.state import INSTANCES, ActionKind, Intent
from .context import NO_CHECKPOINT, EffectContext, Work

_WRITES = "writes"
_FEW = 5


def look(ctx: EffectContext, work: Work, written: list[Written]) -> str:
    """See that others have released a consumer since its copies were written; NotYetError until they have."""
    name = work.action.target
    part = ctx.secret_map.consumers[name]
    consumer = ctx.systems.consumer(part)
    now = dict(consumer.instances(written))
    first = _first_look(work)
    before: Mapping[str, str] = first.progress[INSTANCES] if first else now
    intent = first.id if first else _begin(ctx, work, now)
    untouched = _from_before(work)
    late = [one for one, mark in now.items() if before.get(one) == mark and untouched.get(one) != mark]
    if late:
        more = f" and {len(late) - _FEW} more" if len(late) > _FEW else ""
        which = f"{len(late)} of {len(now)} are without it: {', '.join(sorted(late)[:_FEW])}{more}"
        raise NotYetError(f"others have yet to release {consumer.label(part.options)} ({name}): {which}", None, hint="")
    with ctx.outcome({work.name: intent}, in_parts=True):
        _demand_health(ctx, work, consumer)
    evidence, credentials = {INSTANCES: now}, {work.name: work.row.id}
    ctx.ledger.reloaded(ctx.run, {work.name: intent}, consumer=name, credentials=credentials, evidence=evidence)
    return f"{name}: released by others, {len(now)} have it"


def _first_look(work: Work) -> Intent | None:
    """Find the look at a consumer that came first after the newest write of what it reads."""
    about = (ActionKind.RELOAD, work.action.target, work.action.credential)
    looks = (i for i in work.case.state.intents if (i.kind, i.target, i.credential) == about and i.unresolved)
    return next((one for one in looks if one.awaited and one.progress[_WRITES] == _newest_write(work)), None)


def _begin(ctx: EffectContext, work: Work, now: Mapping[str, str]) -> int:
    progress = {INSTANCES: dict(now), _WRITES: _newest_write(work)}
    return ctx.ledger.intend(
        ctx.run, work.name, ActionKind.RELOAD, work.action.target, work.action.credential, progress=progress
    )


def _newest_write(work: Work) -> int:
    """Number the newest write of a copy that the consumer reads: a later one asks for another release."""
    steps = (step for step in work.case.secret.steps if work.action.target in step.reload)
    copies = [copy.id for step in steps for copy in step.copies]
    return max((work.case.state.done.get((ActionKind.WRITE, copy), 0) for copy in copies), default=0)


def _from_before(work: Work) -> Mapping[str, str]:
    """Return the instances of before anything newer was made: on the way back, they run on what is gone back to."""
    if not work.case.order.rollback:
        return {}
    newer = (row for row in work.case.state.credentials if row.id > work.row.id)
    baseline: Mapping[str, Any] = next((row.baseline for row in newer), {})
    return dict(baseline.get(work.action.target, {}).get(INSTANCES, {}))


def _demand_health(ctx: EffectContext, work: Work, consumer: Consumer) -> None:
    if problems := consumer.health_problems():
        raise CheckFailedError(f"{work.action.target} is not well since others have released it: {'; '.join(problems)}")
    for check in ctx.secret_map.consumers[work.action.target].healthy:
        ctx.systems.check(check).run(None, NO_CHECKPOINT)
