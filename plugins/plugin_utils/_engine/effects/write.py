# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effects of the roll-out: copies are written, consumers reloaded, checks run, and the rotation is closed or undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ....module_utils._core import registry
from ....module_utils._core.contracts import Answer, Evidence, Issuer, Written
from ....module_utils._core.credential import Credential, SecretValue
from ....module_utils._core.errors import (
    ConflictError,
    ForeignChangeError,
    InvalidRequestError,
    RotorError,
    after_an_effect,
)
from ....module_utils._core.hosts import HostRequest
from ....module_utils._core.templates import Template
from ..decide import clocks, rule
from ..decide.state import ActionKind, CredentialRow, CredentialState
from ..secret_map.model import Copy, Secret, key_id
from . import release
from .context import NO_CHECKPOINT, PROPAGATION, EffectContext, StoreEffect, Work, finish
from .life import holds_use, switches


def write(ctx: EffectContext, work: Work) -> str:
    """Write a copy that can be reached from here."""
    store = ctx.systems.store(work.copy)
    with ctx.access.locks.hold(work.copy.id, wait=60):
        effect = writing(ctx, work)
        request = next(effect)
        try:
            evidence = store.write(request.container, request.values or {}, request.since)
            if work.copy.accepts:  # what else it lets in is evidence, too
                with after_an_effect():
                    evidence = store.observe(request.container, request.keys)
        except BaseException as error:  # noqa: BLE001 - the effect records it, and raises it again
            return finish(effect, error)
        return finish(effect, evidence)


def writing(ctx: EffectContext, work: Work) -> StoreEffect:
    """Write a copy, whose lock is held by whoever asks its store."""
    secret, row, copy = work.case.secret, work.row, work.copy
    store = ctx.systems.store(copy)
    credential = ctx.unseal(row)
    step = secret.steps[work.action.step or 0]
    if row.id not in work.case.state.distributed:
        ctx.fit.get(f"{secret.name} {row.id}", lambda: refuse_unfit_values(secret, credential))
    since = _refuse_drift(ctx, work)
    values = render(secret, copy, credential)
    with ctx.attempt(work, ActionKind.WRITE, copy.id, {"keys": dict(copy.keys)}) as intent, _way_out(copy):
        evidence = yield HostRequest(copy.container, list(copy.keys), values, since)
    ctx.ledger.written(
        ctx.run,
        secret.name,
        intent,
        copy=copy.id,
        label=copy.label,
        keys=copy.templates,
        credential=row.id,
        evidence=evidence,
        unproven={"step": step.name, "consumers": step.reload},
    )
    return f"{copy.label}: {', '.join(values)} ({store.describe(evidence)})"


def narrow(ctx: EffectContext, work: Work) -> str:
    """Take a credential out of a copy that can be reached from here, and lets it in."""
    store = ctx.systems.store(work.copy)
    with ctx.access.locks.hold(work.copy.id, wait=60):
        effect = narrowing(ctx, work)
        request = next(effect)
        try:
            store.delete(request.container, request.gone)
            with after_an_effect():
                evidence = store.observe(request.container, request.keys)
        except BaseException as error:  # noqa: BLE001 - the effect records it, and raises it again
            return finish(effect, error)
        return finish(effect, evidence)


def narrowing(ctx: EffectContext, work: Work) -> StoreEffect:
    """Take a credential out of a copy that lets it in, whose lock is held by whoever asks its store."""
    secret, row, copy = work.case.secret, work.row, work.copy
    since, identity = _refuse_drift(ctx, work), str(row.provider_id)
    if since and (left := work.case.state.holdings.get(key_id(copy.id, identity))):
        since = {**since, "keys": {**since["keys"], identity: left.evidence["keys"][identity]}}
    keys = list({**copy.keys, identity: ""})
    with ctx.attempt(work, ActionKind.NARROW, copy.id) as intent, _way_out(copy):
        evidence = yield HostRequest(copy.container, keys, {}, since, gone=[identity])
    readers = [name for _index, step in secret.accepting for name in step.reload]
    ctx.ledger.narrowed(
        ctx.run, secret.name, intent, copy=copy.id, credential=row.id, evidence=evidence, readers=readers
    )
    return f"{copy.label}: {row.provider_id} is let in no more"


def fields_of(secret: Secret, credential: Credential) -> dict[str, SecretValue]:
    """Return the credential's own fields, and what the map derives from them with ``derived``."""
    fields = dict(credential.fields)
    for name, text in secret.derived.items():
        fields[name] = Template.parse(text).render(fields)
    return fields


def render(secret: Secret, copy: Copy, credential: Credential) -> dict[str, SecretValue]:
    """Return what a copy's keys are to hold."""
    fields = fields_of(secret, credential)
    keys = [key for key in copy.keys if not copy.accepts or key == credential.id]
    return {key: Template.parse(copy.keys[key]).render(fields) for key in keys}


def refuse_unfit_values(secret: Secret, credential: Credential) -> None:
    """Refuse a value that some store cannot keep as it is, before the first copy is written."""
    unfit = [
        f"{copy.label}: {problem}"
        for copy in secret.copies
        for problem in registry.find("stores", copy.type).reject_values(
            copy.container, render(secret, copy, credential)
        )
    ]
    if unfit:
        raise InvalidRequestError(f"nothing was written, since not every store can keep it: {'; '.join(unfit)}")


@contextmanager
def _way_out(copy: Copy) -> Iterator[None]:
    """Offer to overwrite what a store has refused to."""
    try:
        yield
    except ForeignChangeError as error:
        raise error.turned_into(ConflictError, hint=rule.forget_hint(copy)) from None


def _refuse_drift(ctx: EffectContext, work: Work) -> Evidence | None:
    """Notice what somebody has changed in between, and return the evidence that the copy must still fit.

    A store that compares does so in its write.
    """
    copy, state = work.copy, work.case.state
    if rule.in_doubt(state, copy):
        return None  # our own effect of unknown outcome is no drift
    baseline = rule.since(work.case, work.row, copy)
    store, keys = ctx.systems.store(copy), rule.looked_at(copy, state.holdings.get(copy.id))
    if baseline is None or store.compares:
        return baseline
    if not store.unchanged(baseline, seen := store.observe(copy.container, keys)):
        raise ConflictError(rule.drift(copy, baseline, seen), hint=rule.forget_hint(copy))
    return baseline


def reload(ctx: EffectContext, works: list[Work]) -> str:
    """Reload a consumer once for every secret that needs it."""
    first = works[0]
    name = first.action.target
    part = ctx.secret_map.consumers[name]
    if part.awaited:
        return release.look(ctx, first, _written_for(ctx, first))
    consumer = ctx.systems.consumer(part)
    with ctx.access.locks.hold(f"consumer {name}", wait=600):
        written = [item for work in works for item in _written_for(ctx, work)]
        credentials = {work.name: work.row.id for work in works}
        intents = {
            secret: ctx.ledger.intend(ctx.run, secret, ActionKind.RELOAD, name, row)
            for secret, row in credentials.items()
        }
        with ctx.outcome(intents, in_parts=True):
            evidence = consumer.reload(written, ctx.checkpoint(first, intents[first.name]))
            for check in part.healthy:
                ctx.systems.check(check).run(None, NO_CHECKPOINT)
        ctx.ledger.reloaded(ctx.run, intents, consumer=name, credentials=credentials, evidence=evidence)
    return f"{name}: {consumer.summary(evidence)}"


def _written_for(ctx: EffectContext, work: Work) -> list[Written]:
    """List the copies that the action's credential stands in, with the evidence of their writes."""
    copies = work.case.secret.copies_by_id
    return [
        Written(copies[copy].type, copies[copy].container, mark.evidence, mark.at)
        for copy, mark in ctx.ledger.state(work.name).holdings.items()
        if copy in copies and mark.credential == work.action.credential
    ]


def verify(ctx: EffectContext, work: Work, *, anew: bool = False) -> str:
    """Run a check of a step; ``anew``, before a revoke, without what an earlier attempt at it has seen."""
    step, part = work.case.secret.steps[work.action.step or 0], work.check
    check = ctx.systems.check(part, work.case.secret)
    check.replaced, check.before_revoke = _replaced(ctx, work), anew
    earlier = work.case.state.proofs.get((step.name, part.key))
    check.earlier = earlier.evidence if earlier and earlier.credential == work.row.id else {}
    credential = ctx.unseal(work.row)
    with ctx.attempt(work, ActionKind.VERIFY, part.key) as intent:
        evidence = check.run(credential, ctx.checkpoint(work, intent, anew=anew))
    evidence = {**evidence, rule.RUN: ctx.run} if part.host else evidence
    proven = {"step": step.name, "check": part.key, "proves": part.proves}
    ctx.ledger.verified(ctx.run, work.name, intent, credential=work.row.id, evidence=evidence, **proven)
    return f"{check.label(part.options)} holds (proves {part.proves})"


def _replaced(ctx: EffectContext, work: Work) -> Credential | None:
    """Unseal what the credential of a check has replaced or is to replace; None where its value is not kept."""
    states = (CredentialState.CURRENT, CredentialState.PREVIOUS)
    rows = [row for row in work.case.state.credentials if row.state in states and row.id < work.row.id]
    latest = max(rows, key=lambda row: row.id, default=None)
    return ctx.ledger.unseal(latest) if latest and latest.has_value else None


def promote(ctx: EffectContext, work: Work) -> str:
    """Close the rotation: its credential is the current one from now on."""
    secret, row = work.case.secret, work.row
    lacking = rule.missing_proof(secret, work.case.state, row)
    if lacking:
        raise RotorError(f"{row.name} is not proven everywhere: {'; '.join(lacking)}")
    issuer = ctx.systems.issuer(secret)
    if work.case.traits.cuts_over and row.has_value:
        _demand_taken(ctx, issuer, row)
    if switches(type(issuer)):
        _put_in_use(ctx, work, issuer)
    measured = clocks.waits(secret, work.case.traits) or holds_use(secret, type(issuer))
    ctx.ledger.closed(ctx.run, secret.name, row.id, ctx.systems.issuer_time(secret) if measured else None)
    return f"{row.name} is in every copy and proven"


def _demand_taken(ctx: EffectContext, issuer: Issuer, row: CredentialRow) -> None:
    """RotorError where a provider refuses the value that has just ended the old one."""
    credential = ctx.ledger.unseal(row)

    def taken() -> bool | None:
        return None if issuer.answer(credential) is Answer.REFUSED else True

    if not ctx.clock.poll(taken, every=2, within=PROPAGATION):
        hint = "Find out why. With -e rotate_force=true, another takes its place"
        raise RotorError(f"{row.name} is in force, and its provider refuses it when it is shown", hint=hint)


def _put_in_use(ctx: EffectContext, work: Work, issuer: Issuer) -> None:
    """Have the provider work with the new credential, not before everybody can know it."""
    row = work.row
    credential = Credential(row.provider_id, row.name, {}, row.facts)
    if until := issuer.in_use_from(credential):
        raise clocks.NotYetError(f"{row.name} is put in use after {until:%Y-%m-%d %H:%M:%S}Z", until)
    with ctx.attempt(work, ActionKind.PROMOTE, row.name):
        issuer.put_in_use(credential)


def discard(ctx: EffectContext, work: Work) -> str:
    """Close a rollback: nothing holds its credential any more."""
    row = work.row
    in_use = rule.uses(work.case.state, row)
    if in_use:
        hint = rule.left_hint(work.case.secret, work.case.state, row)
        raise RotorError(f"there is no way back from {row.name}: {'; '.join(in_use)}", hint=hint)
    ctx.ledger.abandoned(ctx.run, work.name, row.id)
    return f"went back; {row.name} is abandoned"
