# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effects that bring a credential about: it is made, sealed and made valid, and what a lost answer left is found."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ....module_utils._core.contracts import Answer, Evidence, Handwork, Issuer, Maker, Overlap, Recover
from ....module_utils._core.credential import Credential, SecretValue
from ....module_utils._core.errors import (
    ConflictError,
    InvalidRequestError,
    PersonNeededError,
    RotorError,
    StoppedError,
    after_an_effect,
)
from ....module_utils._core.hosts import HostRequest
from ....module_utils._core.outside_text import extra_option, identifier
from ..decide import clocks, rule
from ..decide.state import IN_FORCE, ActionKind, Intent
from ..secret_map.model import LEDGER, Copy
from .context import DOUBTFUL, PROPAGATION, EffectContext, StoreEffect, Work
from .life import demand_in_use_listed, life, lists, over_by_list, shows, tells_life
from .write import refuse_unfit_values, render

_TURNS = 3
_LOOKS = 10.0
"""Seconds that a provider gets to accept a value while a person waits."""
_NOTHING_KEPT = "Nothing of it was kept. Deposit the right one"
_ANOTHER = "If that lasts, run again with -e rotate_force=true, and another takes its place"
_UNASKED = "If you know that it does, rotate_force=true beside rotate_resume=rollback goes back without asking"


def probing(ctx: EffectContext, work: Work) -> StoreEffect:
    """Ask a host what preflight cannot: is the copy within reach, and as this ledger left it?

    What is seen right before a revoke is kept, and compared where all copies are.
    """
    copy, state = work.copy, work.case.state
    known = work.case.order.baseline.get(copy.id) if work.action.credential is None else None
    store = ctx.systems.store(copy)
    with ctx.attempt(work, ActionKind.PROBE, copy.id) as intent:
        mark = state.holdings.get(copy.id)
        seen = rule.apart(copy, mark, (yield HostRequest(copy.container, rule.looked_at(copy, mark))))
        ours = rule.in_doubt(state, copy)
        if known is not None and not ours and not store.unchanged(known, seen):
            ctx.withdraw(work, how := rule.drift(copy, known, seen))
            raise ConflictError(how, hint=rule.forget_hint(copy))
    ctx.ledger.looked(ctx.run, work.name, intent, copy.id, rule.taken(known, seen) or seen)
    return f"{copy.label} is within reach"


def recover(ctx: EffectContext, work: Work) -> str:
    """Find what became of a mint whose answer was lost."""
    issuer = ctx.systems.issuer(work.case.secret)
    kinds = (ActionKind.MINT, ActionKind.RECOVER)
    intents = (i for i in work.case.state.intents if i.kind in kinds and i.unresolved)
    lost = next(i for i in intents if i.target == work.action.target)
    if work.case.secret.made_elsewhere(lost.made_by):
        what = f"a person looks for {lost.target} where its mint was begun, by {lost.made_by}, and ends it there"
        raise PersonNeededError(f"{what}; then: {extra_option('rotate_forget', [lost.target])}")
    if lost.kind is ActionKind.RECOVER or issuer.traits.recover is Recover.RECONCILE:
        return _find_orphan(ctx, work, issuer, lost)
    if issuer.traits.recover is Recover.READABLE:
        return _read_back(ctx, work, issuer, lost)
    ctx.ledger.orphaned(ctx.run, work.name, lost, [None])
    return f"nobody can tell whether {lost.target} was minted; it may be valid, and its value is known to nobody"


def _read_back(ctx: EffectContext, work: Work, issuer: Issuer, lost: Intent) -> str:
    name = lost.target
    found = issuer.recover(name) if IN_FORCE in lost.progress else None  # else it had not come to the mint
    shown = ctx.ledger.fingerprint(work.name, found.fields) if found else None
    if found is None or shown == lost.progress[IN_FORCE]:
        return _seek(ctx, work, issuer, lost)
    in_force = _dated(_in_force(ctx, work, issuer), issuer)
    new, made_by = replace(found, name=name), lost.made_by
    ctx.ledger.minted(ctx.run, work.name, lost.id, new, lost.baseline, made_by=made_by, in_force=in_force)
    return f"{name} was minted, and is read back, fingerprint {shown}"


def _find_orphan(ctx: EffectContext, work: Work, issuer: Issuer, lost: Intent) -> str:
    known, listed = ctx.ledger.known_ids(), issuer.listed()
    alive = [item for item in listed if item.name == lost.target and not item.revoked]
    found = [item.id for item in alive if item.id not in known]
    if not found:
        demand_in_use_listed(work.case, listed, lost.target)
        return _seek(ctx, work, issuer, lost)
    ctx.ledger.orphaned(ctx.run, work.name, lost, found)
    return f"found the orphan {lost.target} ({', '.join(map(identifier, found))})"


def _seek(ctx: EffectContext, work: Work, issuer: Issuer, lost: Intent) -> str:
    """Take a mint that is not there for one that never was, but look for it again where it may land beside others."""
    until = (lost.at or ctx.clock.now()) + issuer.traits.lands_within
    late = lost.kind is ActionKind.MINT and issuer.traits.overlap is Overlap.OPEN and lists(type(issuer))
    ctx.ledger.superseded(ctx.run, work.name, lost, until if late else None)
    again = f"; it is looked for again until {until:%Y-%m-%d %H:%M:%S}Z" if late else ""
    return f"{lost.target} was never minted{again}"


def give_up(ctx: EffectContext, work: Work) -> str:
    """Give up a credential that has ended before its time, if its provider still says what it said to the plan."""
    row, issuer = work.row, ctx.systems.issuer(work.case.secret)
    now = life(issuer, ctx.ledger, ctx.clock, work.case.secret, work.case.state, row)
    if now is not work.case.order.life:
        raise RotorError(f"{row.name} is not given up: it {now}", hint="Run again, and the plan goes by that")
    ctx.ledger.given_up(ctx.run, work.name, row, now)
    return f"{row.name}, which {now}, is given up"


def mint(ctx: EffectContext, work: Work) -> str:
    issuer = ctx.systems.issuer(work.case.secret)
    provided = issuer.traits.value is Maker.PROVIDER
    name, begun = _begin(ctx, work, issuer)
    in_force = _in_force(ctx, work, issuer) if provided else None
    with ctx.attempt(work, ActionKind.MINT, name, begun) as intent:
        credential = _make(ctx, work, issuer, name, intent, begun)
    ctx.ledger.minted(ctx.run, work.name, intent, credential, **begun, in_force=_dated(in_force, issuer))
    known_as = f"{name} ({identifier(credential.id)})" if credential.id else name
    made = "minted" if provided else "made and sealed"
    return f"{known_as} {made}, fingerprint {ctx.ledger.fingerprint(work.name, credential.fields)}"


def _begin(ctx: EffectContext, work: Work, issuer: Issuer) -> tuple[str, dict[str, Any]]:
    """Return a new credential's name, by whom it is made, and the evidence of every copy as it is before."""
    state = work.case.state
    lost = state.intent(ActionKind.MINT)
    new = f"rotor-{ctx.ledger.id}-{ctx.run}-{secrets.token_hex(4)}"
    probes = {copy: probe for copy, probe in state.probes.items() if probe.run == ctx.run and probe.credential is None}
    baseline = {**work.case.order.baseline, **{copy: probe.progress for copy, probe in probes.items()}}
    begun = {"baseline": baseline, "made_by": work.case.secret.issuer.places[0]}
    return (lost.target if lost else issuer.spell(new)), begun


def deposit(ctx: EffectContext, work: Work, fields: Mapping[str, SecretValue]) -> str:
    """Seal the value that a person has made as the new credential; nothing is kept of one that is refused."""
    secret, issuer = work.case.secret, ctx.systems.issuer(work.case.secret)
    name, begun = _begin(ctx, work, issuer)
    bare = Credential(None, name, fields)
    if problems := _objections(ctx, work, issuer, bare, begun["baseline"]):
        raise InvalidRequestError(f"the value is not taken: {'; '.join(problems)}", hint=_NOTHING_KEPT)
    refuse_unfit_values(secret, bare)
    credential = issuer.take(name, fields)
    if shows(type(issuer)):
        answer = ctx.clock.poll(lambda: _accepted(issuer, credential), every=2, within=_LOOKS)
        if answer is not Answer.ACCEPTED:
            raise InvalidRequestError(f"the value is not taken: {_why_not(issuer, credential)}", hint=_NOTHING_KEPT)
    with ctx.attempt(work, ActionKind.MINT, name, begun) as intent:
        ctx.ledger.minted(ctx.run, secret.name, intent, credential, **begun)
    known_as = f"{name} ({identifier(credential.id)})" if credential.id else name
    return f"{known_as} is sealed, fingerprint {ctx.ledger.fingerprint(secret.name, credential.fields)}"


def _objections(
    ctx: EffectContext, work: Work, issuer: Issuer, new: Credential, baseline: Mapping[str, Any]
) -> list[str]:
    """Say what is wrong with a value that a person has given, and nobody outside has to be asked."""
    handwork, several = issuer.handwork(issuer.options), len(new.fields) > 1
    found = [
        f"{field}: {problem}" if several else problem
        for field, value in new.fields.items()
        for problem in _misfits(handwork, handwork.patterns.get(field, handwork.pattern), value.reveal())
    ]
    ours = ctx.ledger.fingerprint(work.name, new.fields)
    found += [f"it is that of {row.name}" for row in work.case.state.credentials if row.fingerprint == ours]
    return found + [f"it is in {copy.label} already" for copy in _holders(ctx, work, new, baseline)]


def _misfits(handwork: Handwork, pattern: str, value: str) -> Iterator[str]:
    if value != value.strip():
        yield "it begins or ends with a blank or a line end"
    if not handwork.several_lines and len(value.strip().splitlines()) > 1:
        yield "it has several lines"
    if pattern and not re.fullmatch(pattern, value):
        yield f"it does not fit the pattern {pattern}"


def _holders(ctx: EffectContext, work: Work, new: Credential, baseline: Mapping[str, Any]) -> list[Copy]:
    """List the copies that hold what the new credential would be written as, where they can be read."""

    def holds(copy: Copy) -> bool:
        seen, fingerprint = baseline.get(copy.id, {}).get("keys", {}), ctx.systems.store(copy).fingerprint
        shown = {key: facts.get("fingerprint") for key, facts in seen.items() if isinstance(facts, Mapping)}
        values = render(work.case.secret, copy, new)
        return any(shown.get(key) == fingerprint(value) for key, value in values.items())

    return [copy for copy in work.case.secret.copies if holds(copy)]


def _accepted(issuer: Issuer, credential: Credential) -> Answer | None:
    answer = issuer.answer(credential)
    return None if answer is Answer.REFUSED else answer


def _why_not(issuer: Issuer, credential: Credential) -> str:
    """Say why the provider does not take a value; what it cannot say now is raised as it is."""
    refused = issuer.verify(credential) is Answer.REFUSED
    return "its provider refuses it" if refused else "its provider does not say whether it accepts it"


def _make(ctx: EffectContext, work: Work, issuer: Issuer, name: str, intent: int, begun: Evidence) -> Credential:
    if issuer.traits.value is Maker.OURS:
        alive = (row for row in work.case.state.credentials if row.alive and not row.given_up_at)
        return issuer.generate(name, frozenset(row.provider_id for row in alive if row.provider_id))
    if issuer.traits.recover is Recover.READABLE:
        before = issuer.recover(name)
        shown = ctx.ledger.fingerprint(work.name, before.fields) if before else None
        ctx.ledger.progress(ctx.run, work.name, intent, {**begun, IN_FORCE: shown})
    return issuer.mint(name)


def _in_force(ctx: EffectContext, work: Work, issuer: Issuer) -> Evidence | None:
    """Build the evidence that a new credential is in force; None where the old one lives on beside it."""
    if not issuer.traits.ends_the_old:
        return None
    since = replace(work.case, now=ctx.clock.now()).begun()
    timed = issuer.traits.overlap is Overlap.TIMED
    return clocks.in_force(since, issuer.ends_after(issuer.options) if timed else None)


def _dated(in_force: Evidence | None, issuer: Issuer) -> Evidence | None:
    """Add the issuer's time, as its answer has just told it, to what an end is reckoned from."""
    reckoned = in_force and "old_ends_at" in in_force
    time = issuer.connection.server_time() if reckoned and issuer.connection else None
    return {**in_force, "in_force_by_issuer": time.isoformat()} if in_force and time else in_force


def activate(ctx: EffectContext, work: Work) -> str:
    """Make a sealed value of ours valid. Applying it again is how an answer that was lost is made up for."""
    row, issuer = work.row, ctx.systems.issuer(work.case.secret)
    credential = ctx.unseal(row)
    alive = [o for o in work.case.state.credentials if o.alive and not o.given_up_at and o.id != row.id]
    taken = [other.name for other in alive if row.provider_id and other.provider_id == row.provider_id]
    if issuer.traits.alternating and taken:
        raise ConflictError(f"{row.provider_id} has not had its end as {', '.join(taken)}; it is not given a new value")
    in_force = _in_force(ctx, work, issuer) or clocks.in_force(ctx.clock.now(), None)
    with ctx.attempt(work, ActionKind.ACTIVATE, row.name) as intent:
        _insist(ctx, lambda: issuer.activate(credential))
    ctx.ledger.activated(ctx.run, work.name, intent, row, _dated(in_force, issuer) or {})
    return f"{row.name} is in force at its provider"


def _insist(ctx: EffectContext, effect: Callable[[], None]) -> None:
    """Ask again for the lost answer to what may be done twice: the old value may be dead by now."""
    for turn in range(_TURNS - 1):
        try:
            with after_an_effect(turn):
                return effect()
        except DOUBTFUL:
            ctx.clock.sleep(1)
    with after_an_effect():
        return effect()


def accept(ctx: EffectContext, work: Work) -> str:
    """Wait until the provider knows a new credential everywhere; one that it never accepts must not be written."""
    credential, issuer = ctx.unseal(work.row), ctx.systems.issuer(work.case.secret)
    kind = type(issuer)

    def accepted() -> bool | None:
        if shows(kind):
            return True if issuer.answer(credential) is Answer.ACCEPTED else None
        alive = any(key.id == credential.id and not over_by_list(issuer, ctx.clock, key) for key in issuer.listed())
        return True if alive else None

    with ctx.attempt(work, ActionKind.ACCEPT, credential.name) as intent:
        if tells_life(kind) and not ctx.clock.poll(accepted, every=2, within=PROPAGATION):
            raise _not_accepted(work, issuer, credential)
        if not work.case.order.rollback and (lacking := _lacking(ctx, work, issuer, credential)):
            what = f"{credential.name} is not handed out: it lacks what the connection has now: {', '.join(lacking)}"
            raise RotorError(what, hint="Give it that at its provider, and run again")
    ctx.ledger.accepted(ctx.run, work.name, intent, work.row)
    how = "is accepted by" if shows(kind) else "is listed by" if lists(kind) else "cannot be shown to"
    return f"{credential.name} {how} its provider"


def _lacking(ctx: EffectContext, work: Work, issuer: Issuer, new: Credential) -> list[str]:
    """Name what the connections that are to be opened with a new credential may now, and it may not."""
    secret, fields = work.case.secret, new.fields
    own = secret.issuer.connection in secret.connections
    found = issuer.shortfall(new) if own else []
    if LEDGER in secret.connections and ctx.access.lacking and {"username", "password"} <= fields.keys():
        found = [*found, *ctx.access.lacking(fields["username"].reveal(), fields["password"])]
    return found


def _not_accepted(work: Work, issuer: Issuer, credential: Credential) -> RotorError:
    """Say why a credential is not written; one that was in use and is refused has been ended by somebody else."""
    row, back = work.row, work.case.order.rollback
    try:
        answer = issuer.verify(credential)
    except StoppedError:
        raise
    except RotorError as error:
        if back:
            return RotorError(f"whether {row.name} still lives cannot be asked: {error}", hint=_UNASKED)
        return RotorError(f"{row.name} was minted, and the provider does not say that it accepts it: {error}")
    if back and answer is not Answer.REFUSED:
        return RotorError(f"the provider does not say that {row.name} still lives", hint=_UNASKED)
    if answer is not Answer.REFUSED or row.id not in work.case.state.distributed:
        return RotorError(f"{row.name} was minted, and the provider does not accept it", hint=_ANOTHER)
    return RotorError(
        f"{row.name} is not written: somebody else has ended it, and the provider accepts it no more",
        hint="Run again without rotate_resume=rollback, to go on" if back else _ANOTHER,
    )
