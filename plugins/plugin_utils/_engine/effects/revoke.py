# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effects at the end of a credential's life: revoked by the one rule, or ended by its provider; and the proof.

What the ledger knows may be days old, so the rule's clauses are asked of the world right before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from ....module_utils._core import registry
from ....module_utils._core.contracts import Answer, Evidence, Issuer, Listed, Maker, Revocation
from ....module_utils._core.credential import Credential
from ....module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    PersonNeededError,
    RotorError,
    StoppedError,
    after_an_effect,
)
from ..decide import approval, clocks, rule
from ..decide.case import Case
from ..decide.planner import Action
from ..decide.state import ActionKind, CredentialRow, Life, Origin, Proof
from ..secret_map.model import Copy
from . import write
from .context import DOUBTFUL, PROPAGATION, EffectContext, Work
from .life import (
    SETTLE,
    demand_in_use_listed,
    disables,
    holds_use,
    life,
    lists,
    may_show,
    over_by_list,
    shows,
    tells_life,
    their_time,
)
from .looks import bundles, observe
from .own import demand_reconnected

_REPLACE = "Find out who has ended it. With -e rotate_force=true, another one takes its place"
_Listed = Callable[[], Sequence[Listed]]


def revoke(ctx: EffectContext, work: Work) -> str:
    """Revoke by the one rule, and prove it."""
    secret, row, traits = work.case.secret, work.row, work.case.traits
    _demand_allowed(work)
    elsewhere = secret.made_elsewhere(row.made_by)
    if elsewhere and not _nobody_issued(row):
        what = (
            f"a person ends {row.name} where it was made, by {row.made_by}: the map's issuer is another, or elsewhere"
        )
        raise PersonNeededError(f"{what}. Then say so: rotor.secrets.attest")
    if traits.cuts_over and not elsewhere:
        ctx.ledger.retired(ctx.run, secret.name, row.id, Proof.NEVER_IN_FORCE)
        return f"{row.name} never was in force, so there is nothing to revoke"
    if elsewhere or traits.revoke is Revocation.AUTO:
        if failing := _failing_checks(ctx, work) if clocks.waits(secret, traits) else []:
            raise RotorError(f"{row.name} is not taken for ended: {'; '.join(failing)}")
        ctx.ledger.retired(ctx.run, secret.name, row.id, Proof.UNISSUED)
        return f"{row.name} is gone from every copy; nobody issued it, so there is nothing to revoke"
    issuer = _demand_due(ctx, work)
    if admissions := rule.admissions(work.case, row):
        raise RotorError(f"{row.name} is not revoked: {'; '.join(admissions)}")
    if traits.revoke is Revocation.PERSON or not (row.provider_id or row.has_value or row.origin is Origin.MINTED):
        return _see_ended(ctx, work, issuer)
    kept = issuer.revokes_by_value and row.has_value
    old = ctx.ledger.unseal(row) if kept else Credential(row.provider_id, row.name, {}, row.facts)
    with ctx.attempt(work, ActionKind.REVOKE, row.name) as intent:
        with _disabled(ctx, work, issuer, old):
            issuer.revoke(old)
        with after_an_effect():
            proof = _prove(ctx, work, issuer)
    ctx.ledger.revoked(ctx.run, secret.name, intent, row, proof)
    return f"{row.name} revoked, proof: {proof}"


def ask(ctx: EffectContext, work: Work) -> str:
    """Ask for a person's yes to the end of a credential, unless it is asked for already; raise NotYetError."""
    if approval.question(work.case, work.row) is None:
        ctx.ledger.asked(ctx.run, work.name, work.row, approval.about(work.case, ctx.job))
    raise clocks.NotYetError("a person's yes is needed before it is revoked", None, hint="")


def disable(ctx: EffectContext, work: Work) -> str:
    """Ask all that is asked before a revoke, and disable a credential where its provider can.

    What lets it in is narrowed after that, on hosts where nobody can ask.
    """
    _demand_allowed(work)
    if work.case.secret.made_elsewhere(work.row.made_by):
        return revoke(ctx, work)
    row, issuer = work.row, _demand_due(ctx, work)
    old = Credential(row.provider_id, row.name, {}, row.facts)
    with ctx.attempt(work, ActionKind.DISABLE, row.name) as intent, _disabled(ctx, work, issuer, old):
        pass
    ctx.ledger.disabled(ctx.run, work.name, intent, row)
    return f"{row.name} may end"


def _demand_allowed(work: Work) -> None:
    """RotorError unless the one rule allows it, and a person where the map wants one."""
    blocking = rule.obstacles(work.case, work.row)
    if blocking:
        hint = rule.left_hint(work.case.secret, work.case.state, work.row)
        raise RotorError(f"{work.row.name} is not revoked: {'; '.join(blocking)}", hint=hint)
    if approval.lacks_yes(work.case, work.row):
        hint = "Run again: it is asked anew"
        raise RotorError(f"{work.row.name} is not revoked: nobody has said yes to it", hint=hint)


def _demand_due(ctx: EffectContext, work: Work) -> Issuer:
    """Ask the clocks, the connections, the copies and the provider; return the issuer that was asked."""
    secret, traits = work.case.secret, work.case.traits
    _demand_grace_over(ctx, work)
    demand_reconnected(ctx, work.case, work.row)
    issuer = ctx.systems.issuer(secret)
    if not _may_be_disabled(work, issuer):  # or else it is asked where what speaks against it enables the old one again
        _demand_unopposed(ctx, work, issuer, checks=clocks.waits(secret, traits) or secret.revoke.confirm)
    return issuer


def _demand_unopposed(ctx: EffectContext, work: Work, issuer: Issuer, *, checks: bool) -> None:
    """RotorError where the world, or what the provider knows of its use, speaks against the end of a credential."""
    listed = cache(issuer.listed)
    _recheck(ctx, work, issuer, listed, checks=checks)
    _demand_unused(ctx, work, issuer, listed)


def _see_ended(ctx: EffectContext, work: Work, issuer: Issuer) -> str:
    """Take a credential for ended that its provider refuses; PersonNeededError until a person has ended it."""
    row, new = work.row, work.case.replacement
    if not _is_listed_alive(ctx, work, issuer) and _is_refused(ctx, issuer, row, new):
        ctx.ledger.retired(ctx.run, work.name, row.id, Proof.REFUSED)
        return f"{row.name} was ended by a person, proof: {Proof.REFUSED}"
    if issuer.traits.value is not Maker.PERSON:
        raise PersonNeededError(f"a person ends {row.name} at its provider: its id is not known here")
    handwork = issuer.handwork(issuer.options)
    raise PersonNeededError(f"a person ends {row.name}: {handwork.where}: {handwork.end}")


def _nobody_issued(row: CredentialRow) -> bool:
    """Whether the issuer that has made a credential tells nobody of it, as a random value's does."""
    try:
        maker: type[Issuer] = registry.find("issuers", row.made_by.partition(" ")[0])
    except ConfigurationError:  # of a collection that is no longer there
        return False
    return maker.traits.revoke is Revocation.AUTO


def _is_listed_alive(ctx: EffectContext, work: Work, issuer: Issuer) -> bool:
    """Whether the list says that it lives, where to show it would count as a use."""
    if may_show(work.case.secret, type(issuer), work.row):
        return False
    listed = _find(issuer.listed(), work.row)
    return listed is not None and not over_by_list(issuer, ctx.clock, listed)


def attest(ctx: EffectContext, case: Case, row: CredentialRow, by: str, reason: str, *, check: bool) -> str:
    """Record that a person says that a credential has ended, unless somebody has it, or its provider says otherwise.

    Of a secret that has left the map nobody can be asked.
    """
    if not case.secret.left:
        _demand_believable(ctx, case, row)
    if not check:
        ctx.ledger.begin_run(ctx.run, {}, by, reason)
        ctx.ledger.retired(ctx.run, case.secret.name, row.id, Proof.ATTESTED)
    return f"{row.name} has ended, by the word of {by}; proof: {Proof.ATTESTED}"


def _demand_believable(ctx: EffectContext, case: Case, row: CredentialRow) -> None:
    blocking, issuer = rule.obstacles(case, row), ctx.systems.issuer(case.secret)
    if not blocking:
        show = may_show(case.secret, type(issuer), row)
        lives = life(issuer, ctx.ledger, ctx.clock, case.secret, case.state, row, show=show) is Life.LIVES
        blocking = ["its provider says that it lives"] if lives else []
    if blocking:
        problem = f"{row.name} is not taken for ended: {'; '.join(blocking)}"
        raise RotorError(problem, hint="End it first, and run again")
    demand_reconnected(ctx, case, row)


def _may_be_disabled(work: Work, issuer: Issuer) -> bool:
    """Whether an attempt that was cut short may have disabled the credential, and not have enabled it again."""
    state, name = work.case.state, work.row.name
    begun = state.intent(ActionKind.REVOKE, name) or state.intent(ActionKind.DISABLE, name)
    disabled = begun is not None or work.row.id in state.disabled
    return disabled and disables(type(issuer)) and not work.row.never_in_use


@contextmanager
def _disabled(ctx: EffectContext, work: Work, issuer: Issuer, old: Credential) -> Iterator[None]:
    """Disable a credential where its provider can, and ask the world once more, while there is a way back."""
    if not disables(type(issuer)) or work.row.never_in_use:
        yield
        return
    if _may_be_disabled(work, issuer):  # and may be not, and in use again
        with _enabling(issuer, old):
            _demand_unopposed(ctx, work, issuer, checks=False)
    issuer.disable(old)
    with _enabling(issuer, old):
        _demand_unopposed(ctx, work, issuer, checks=True)
        yield


@contextmanager
def _enabling(issuer: Issuer, old: Credential) -> Iterator[None]:
    """Enable a credential again where something speaks against its end."""
    try:
        yield
    except (StoppedError, *DOUBTFUL):
        raise
    except RotorError as error:
        with after_an_effect():
            _enable(issuer, old, error)
        raise


def _enable(issuer: Issuer, old: Credential, why: RotorError) -> None:
    """Take back a disabling because of ``why``, which the error tells, too, where the provider does not do it."""
    try:
        issuer.enable(old)
    except StoppedError:
        raise
    except RotorError as error:
        what = f"{why}; {old.name} was disabled before that, and its provider does not enable it again: {error}"
        raise RotorError(what, hint="Enable it there, or run again") from None


def confirm_expiry(ctx: EffectContext, work: Work) -> str:
    """See how well it can be proven that the provider has ended a credential, with the one that replaced it."""
    case, row, new = work.case, work.row, work.case.replacement
    if case.secret.made_elsewhere(row.made_by):
        return revoke(ctx, work)
    at, *elsewhere = clocks.old_ends(new)
    if clocks.ends_by_itself(case.traits):
        clocks.demand_over(row.name, ctx.clock.now(), ctx.systems.readings(case.secret, elsewhere))
    with ctx.attempt(work, ActionKind.CONFIRM_EXPIRY, row.name) as intent:
        proof = _prove_expiry(ctx, ctx.systems.issuer(case.secret), row, new)
    in_force = new.in_force_at if new else None  # an earlier attempt without an answer may have had no effect
    ctx.ledger.ended(ctx.run, work.name, intent, row, proof, at or in_force or ctx.clock.now())
    return f"{row.name} has ended, proof: {proof}"


def check_again(ctx: EffectContext, work: Work) -> str:
    """Run a check anew after a revoke; RotorError says what is left to do where it fails."""
    try:
        return write.verify(ctx, work, anew=True)
    except StoppedError:
        raise
    except RotorError as error:
        raise RotorError(
            f"the old credential is revoked, which cannot be taken back, and {_label(work)} no longer holds: {error}",
            hint="Find what still used the old one, and mend it: a run then checks once more. "
            "With -e rotate_force=true, another credential takes the place of the new one",
        ) from None


def _label(work: Work) -> str:
    """Name the check that an action runs."""
    part = next(check for check in work.case.secret.checks if check.key == work.action.target)
    label: str = registry.find("checks", part.type).label(part.options)
    return label


def purge_value(ctx: EffectContext, work: Work) -> str:
    ctx.ledger.value_dropped(ctx.run, work.name, work.row.id)
    return "its value is no longer kept here"


# -- what has to be over --------------------------------------------------------------------------------------------


def _demand_grace_over(ctx: EffectContext, work: Work) -> None:
    """RotorError unless every clock says so; what never was in use has no grace."""
    secret, new = work.case.secret, work.case.replacement
    if clocks.waits(secret, work.case.traits) and not work.row.never_in_use:
        began = (new.closed_by_issuer, new.closed_by_database) if new else (None, None)
        ends = [time and time + secret.revoke.after for time in began]
        clocks.demand_over(work.row.name, ctx.clock.now(), ctx.systems.readings(secret, ends))


def _demand_unused(ctx: EffectContext, work: Work, issuer: Issuer, all_listed: _Listed) -> None:
    """RotorError where its provider says that somebody uses the credential, or cannot say so, and ``unused`` is asked.

    Once a revoke of it has begun, uses are no longer told apart from our own: that has shown it for its proof.
    """
    row = work.row
    if not holds_use(work.case.secret, type(issuer)):
        return
    listed, begun = _find(all_listed(), row), work.case.state.intent(ActionKind.REVOKE, row.name) is not None
    if listed is None:
        if begun or row.never_in_use or _is_refused(ctx, issuer, row, work.case.replacement):
            return
        hint = "See where it is. If it has ended, say so: rotor.secrets.attest"
        raise RotorError(f"{row.name} is not listed, and so nobody can say whether it is in use", hint=hint)
    used = _use_since_closed(ctx, work, issuer, listed) if not begun else ""
    used = "is in use now" if listed.in_use else used
    if used:
        hint = "Something that the map does not name still uses it. Find it, add it, and run again"
        raise RotorError(f"{row.name} {used}", hint=hint)


def _use_since_closed(ctx: EffectContext, work: Work, issuer: Issuer, listed: Listed) -> str:
    """Say when a credential was used after the last copy had changed, by its provider's clock; empty if it was not.

    What that clock said then was not read in every case: it is taken to differ from ours as it does now.
    """
    row, new, last = work.row, work.case.replacement, listed.last_used_at
    ours = row.taken_back_at or (new.closed_at if new else None)
    if not (last and ours):
        return ""
    theirs = their_time(issuer)
    read = None if row.taken_back_at or not new else new.closed_by_issuer
    since = read or (ours + (theirs - ctx.clock.now()) if theirs else ours)
    whose = "its provider's clock" if read or theirs else "this controller's clock, since its provider tells no time"
    if last <= since:
        return ""
    return f"was last used {last:%Y-%m-%d %H:%M:%S}, after every copy had changed: {since:%H:%M:%S} by {whose}"


# -- the world asked again ------------------------------------------------------------------------------------------


def _recheck(ctx: EffectContext, work: Work, issuer: Issuer, listed: _Listed, *, checks: bool) -> None:
    """RotorError unless the replacement lives and every copy is as it was left. What cannot be asked holds.

    With ``checks``, every check of the rotation has to hold once more, too; they may take long, and so they come first.
    """
    if work.row.origin is Origin.ORPHAN and work.case.old_expired:
        return  # nobody has its value, and the one in use is dead: nothing may hold up the next one
    if work.row.origin is Origin.ORPHAN and lists(type(issuer)):
        demand_in_use_listed(work.case, listed(), work.row.name)
    failing = _failing_checks(ctx, work) if checks else []
    drifted, problems = _recheck_copies(ctx, work)
    try:
        ended = _replacement_ended(ctx, work, issuer, listed)
    except StoppedError:
        raise
    except RotorError as error:
        ended = None
        problems.insert(0, f"its provider cannot be asked whether what has taken its place lives: {error}")
    found = [*([ended] if ended else []), *(line for _copy, line in drifted), *problems, *failing]
    if ended or drifted or failing:
        ctx.withdraw(work, "; ".join(found))
    if found:
        hints = [_REPLACE] * bool(ended) + ([rule.forget_hint(*(copy for copy, _line in drifted))] if drifted else [])
        raise RotorError(f"{work.row.name} is not revoked: {'; '.join(found)}", hint=". ".join(hints))


def _failing_checks(ctx: EffectContext, work: Work) -> list[str]:
    """Run the checks of every step on what has taken the credential's place, as far as its value is kept."""
    new, failing = work.case.replacement, []
    if work.row.never_in_use or new is None or not new.has_value:
        return []
    for index, step in enumerate(work.case.secret.steps):
        for check in step.verify:
            again = Work(work.case, Action(ActionKind.VERIFY, index, check.key, new.id, again=True))
            try:
                if not check.host:
                    write.verify(ctx, again, anew=True)
                elif not rule.has_proven(work.case, step, check, new):
                    raise RotorError("this run has not asked it", hint="Run again: Ansible does so before the revoke")
            except StoppedError:
                raise
            except RotorError as error:
                failing.append(f"{_label(again)} no longer holds: {error}")
    return failing


def _replacement_ended(ctx: EffectContext, work: Work, issuer: Issuer, listed: _Listed) -> str | None:
    """Say why the replacement may not live; None where it does, or where there is nothing to replace."""
    row, new, kind = work.row, work.case.replacement, type(issuer)
    valueless = row.origin is Origin.ORPHAN and rule.never_handed_out(work.case, row)
    if valueless or new is None or new.id == row.id or not tells_life(kind):
        return None
    if new.has_value and shows(kind):
        answer = issuer.verify(ctx.ledger.unseal(new))
        if answer is Answer.UNCLEAR:
            raise RotorError(f"it says neither that {new.name} lives nor that it is dead")
        if answer is Answer.REFUSED:
            return f"{new.name}, which has taken its place, is refused by its provider"
        if not (lists(kind) and new.provider_id):
            return None
    elif not lists(kind):
        return f"nobody can say whether {new.name} lives: its value is not kept here, and its provider lists nothing"
    found = _find(listed(), new)
    if found is None:
        return f"{new.name}, which has taken its place, is not listed by its provider"
    ended = over_by_list(issuer, ctx.clock, found)
    return f"{new.name}, which has taken its place, {ended}" if ended else None


def _recheck_copies(ctx: EffectContext, work: Work) -> tuple[list[tuple[Copy, str]], list[str]]:
    """List the copies that somebody has changed, and say why others could not be seen."""
    drifted, problems, known, left = [], [], [], {}
    for copy in work.case.secret.copies:
        before = rule.as_left(work.case, work.row, copy)
        if before is not None and not rule.in_doubt(work.case.state, copy):
            known.append(copy)  # others were never seen before; or an effect of ours may have changed them
            left[copy.id] = before
    for bundle in bundles(known, lambda copy: copy):
        for copy, seen in zip(bundle, _seen(ctx, work, bundle), strict=True):
            if isinstance(seen, RotorError):
                problems.append(f"{copy.label} cannot be seen: {seen}")
            elif not registry.find("stores", copy.type).unchanged(left[copy.id], seen):
                drifted.append((copy, rule.drift(copy, left[copy.id], seen)))
    return drifted, problems


def _seen(ctx: EffectContext, work: Work, bundle: list[Copy]) -> list[Evidence | RotorError]:
    holdings = work.case.state.holdings
    if not bundle[0].host:
        return observe(ctx.systems, [(copy, rule.watched(copy, holdings.get(copy.id))) for copy in bundle])
    early, new = work.action.early or work.action.kind is ActionKind.REVOKE_ORPHAN, work.case.replacement
    probe = rule.probe_of(work.case, bundle[0], None if early or new is None else new.id)
    if probe is None:
        hint = "Run again: Ansible looks at it before the revoke"
        return [RotorError("this run has not looked at it", hint=hint)]
    return [probe.progress]


# -- proofs ---------------------------------------------------------------------------------------------------------


def _find(listed: Sequence[Listed], row: CredentialRow) -> Listed | None:
    return next((item for item in listed if item.id == row.provider_id), None)


def _prove(ctx: EffectContext, work: Work, issuer: Issuer) -> Proof:
    """Return the best proof there is; of an issuer that lists nothing, its answer to the revoke is all."""
    row, new, kind = work.row, work.case.replacement, type(issuer)
    if row.has_value and shows(kind):
        answer = _last_answer(ctx, issuer, row, new)
        if answer is Answer.REFUSED:
            return Proof.REFUSED
        if answer is Answer.ACCEPTED:
            hint = "Run again. If that lasts, see whether the map's issuer is the one that made it, or end it by hand"
            raise OutcomeUnknownError(f"{row.name} was revoked, and its provider still accepts it", hint=hint)
    if not lists(kind):
        return Proof.ATTESTED
    listed = _find(issuer.listed(), row)
    if listed and not listed.revoked:
        raise OutcomeUnknownError(f"{row.name} was revoked, and the provider still lists it as valid")
    return Proof.PROVIDER


def _prove_expiry(ctx: EffectContext, issuer: Issuer, row: CredentialRow, new: CredentialRow | None) -> Proof:
    """Return ``attested`` where nobody can be asked: it has ended by what its provider publishes, and nothing else."""
    value = ctx.ledger.unseal(new) if new and new.has_value else None
    if row.has_value and value:
        answer = issuer.answer(ctx.ledger.unseal(row))
        answer = answer if answer is Answer.UNCLEAR else _last_answer(ctx, issuer, row, new, answer)
        if answer is Answer.REFUSED:
            return Proof.REFUSED
        if answer is Answer.ACCEPTED:
            raise RotorError(
                f"{row.name} should have ended with the one that replaced it, and its provider still accepts it",
                hint="If this lasts, end it at its provider, and run again",
            )
    if row.provider_id and new and row.provider_id != new.provider_id and lists(type(issuer)):
        listed = _find(issuer.listed(), row)
        if listed and not listed.revoked:
            raise RotorError(f"{row.name} should have ended, and its provider still lists it as valid")
        return Proof.PROVIDER
    # where there is one value at a time, the new one is the proof
    answer = issuer.answer(value) if value is not None and issuer.traits.cuts_over else Answer.UNCLEAR
    if new and answer is Answer.REFUSED:
        raise RotorError(f"{new.name} has taken its place, and its provider refuses that one", hint=_REPLACE)
    replaced = answer is Answer.ACCEPTED
    return Proof.PROVIDER if replaced else Proof.ATTESTED


def _is_refused(ctx: EffectContext, issuer: Issuer, row: CredentialRow, new: CredentialRow | None) -> bool:
    """Whether a provider refuses a value for good, without waiting for it to begin."""
    if not (row.has_value and new and new.has_value and issuer.answer(ctx.ledger.unseal(row)) is Answer.REFUSED):
        return False
    return _last_answer(ctx, issuer, row, new, Answer.REFUSED) is Answer.REFUSED


def _last_answer(
    ctx: EffectContext, issuer: Issuer, row: CredentialRow, new: CredentialRow | None, first: Answer | None = None
) -> Answer:
    """Show a value until it is refused; REFUSED only where it is so twice, and the new one is accepted after each.

    ``first`` is what it was just answered: two refusals in a row may lock an account.
    """
    value = ctx.ledger.unseal(new) if new and new.has_value else None
    for turn in range(2):
        if turn:
            ctx.clock.sleep(SETTLE)
        answer = first if first is Answer.REFUSED and not turn else _until_refused(ctx, issuer, row)
        if answer is not Answer.REFUSED:
            return answer
        if value is None or issuer.answer(value) is not Answer.ACCEPTED:
            return Answer.UNCLEAR
    return Answer.REFUSED


def _until_refused(ctx: EffectContext, issuer: Issuer, row: CredentialRow) -> Answer:
    """Show a value as long as a revoke may take to spread, and return the last answer."""
    old, answers = ctx.ledger.unseal(row), [Answer.UNCLEAR]

    def refused() -> bool | None:
        answers.append(issuer.answer(old))
        return True if answers[-1] is Answer.REFUSED else None

    ctx.clock.poll(refused, every=2, within=PROPAGATION)
    return answers[-1]
