# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds all that can be known before a mint, and changes nothing: each system is asked each question once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, Self

from ....module_utils._core import guard, registry
from ....module_utils._core.contracts import Evidence, Listed, Revocation, Shadow, Store
from ....module_utils._core.errors import AuthenticationError, LedgerError, RotorError, StoppedError, UnexpectedError
from ....module_utils._core.shadows import HINT, unexpected
from ..decide import clocks
from ..decide.case import Case
from ..decide.planner import Action
from ..decide.rule import apart, drift, forget_hint, in_doubt, looked_at, taken
from ..decide.selection import Due
from ..decide.state import INSTANCES, ActionKind, CredentialRow, Hold, Life, Mark, Origin, SecretState
from ..effects.context import NO_CHECKPOINT, EffectContext
from ..effects.life import life, lists, over_by_list, their_time
from ..effects.looks import bundles, observe
from ..pools import Pools
from ..progress import REMINDER
from ..secret_map.hidden import own_places
from ..secret_map.model import LEDGER, CheckSpec, ConsumerSpec, Copy, PartSpec, Secret
from .quota import Room, ending


@dataclass(frozen=True)
class Planned:
    """A secret that a run reaches, and what the map, the ledger and the options say of it, and then the systems.

    The order of one that goes has the evidence of every copy as its baseline.
    """

    case: Case
    due: Due
    actions: tuple[Action, ...] = ()
    problems: tuple[str, ...] = ()
    """Why nothing is done with it."""
    candidates: tuple[Listed, ...] = ()
    """Live credentials one of which may be the one in use, where nobody has said which."""
    adopted: CredentialRow | None = None
    barred: str = ""
    """Why nothing is done with it, although there is something to do."""
    released: bool = False
    """Whether what held it up before is known to be gone, although nothing is done with it."""
    only_ends: bool = False
    """Whether this run only revokes or goes back, so that no option makes it mint."""
    notes: tuple[str, ...] = ()
    previews: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Consumer -> what its reload will do."""

    @property
    def name(self) -> str:
        return self.case.secret.name

    @property
    def goes(self) -> bool:
        return bool(self.actions) and not self.problems

    @property
    def still_held(self) -> Hold | None:
        """Return why an earlier run could not go on with it, where this one does nothing with it."""
        return None if self.actions or self.problems or self.released else self.case.state.hold

    def plus(self, problems: Iterable[str] = (), notes: Iterable[str] = ()) -> Self:
        """Return the same with more problems and notes, each of them once."""
        problems, notes = dict.fromkeys((*self.problems, *problems)), dict.fromkeys((*self.notes, *notes))
        return replace(self, problems=tuple(problems), notes=tuple(notes))


_LATER = ("preview", "shadows")
"""The kinds of questions that are answered in part by what others have asked."""


@dataclass(frozen=True)
class Question:
    """``ask`` returns problems (lines for ``preview`` and ``note``, evidence for ``copy``) or raises RotorError."""

    kind: str
    about: str
    connection: str | None = field(compare=False)
    ask: Callable[[], Any] = field(compare=False)
    look: tuple[Copy, Sequence[str]] | None = field(default=None, compare=False)
    """The copy that it is about, and the keys: others of its connection may be looked at in the same requests."""


class Preflight:
    """Asks, remembers the answers for this run, and judges secrets by them."""

    def __init__(self, ctx: EffectContext, say: Callable[[str], None]) -> None:
        """``say`` prints a line now and then while the answers are long in coming."""
        self._map = ctx.secret_map
        self._say = say
        self._systems = ctx.systems
        self._access = ctx.access
        self._ledger = ctx.ledger
        self._clock = ctx.clock
        self._answers: dict[Question, Any] = {}
        self._guard = Lock()
        self._locks: defaultdict[Question, Lock] = defaultdict(Lock)
        self._makers: dict[Hashable, dict[str, int]] = {}
        """Provider's list -> secrets that are to have a new credential on it -> by how many that makes it longer."""

    def check(self, selected: Sequence[Planned]) -> list[Planned]:
        """Probe secrets that go, and complete their plans with problems, notes, previews, candidates and baselines."""
        self._ask_all([question for item in selected for question in self._probes(item)])
        probed = [self._read(item, self._probes(item)) for item in selected]
        questions = [question for item in probed if item.goes for question in self._questions(item)]
        self._ask_all([question for question in questions if question.kind not in _LATER])
        self._ask_all(questions)
        return [self._judge(item) if item.goes else item for item in probed]

    def forget_answers(self, names: Iterable[str]) -> None:
        """Ask again about the copies and the issuers of these secrets."""
        stale = set(names)
        about_secrets = ("copy", "issuer", "life", "note")
        kept = (q for q in self._answers if q.kind not in about_secrets or q.about.partition(" ")[0] not in stale)
        self._answers = {q: self._answers[q] for q in kept if not stale or q.kind != "listed"}

    def listed(self, secret: Secret) -> list[Listed]:
        """List the credentials in the scope of a secret's issuer; secrets of one scope share the answer."""
        return list(self._answer(self._about_list(secret)))

    def ask_lives(self, credentials: Sequence[tuple[Secret, SecretState, CredentialRow]]) -> None:
        """Ask whether credentials live, all at once."""
        self._ask_all([self._about_life(*credential) for credential in credentials])

    def life(self, secret: Secret, state: SecretState, row: CredentialRow) -> Life:
        """Return what its provider says of a credential; an error says nothing."""
        answer = self._ask(self._about_life(secret, state, row))
        return answer if isinstance(answer, Life) else Life.UNKNOWN

    def expires_at(self, secret: Secret, row: CredentialRow) -> datetime | None:
        """Return when a provider says now that it ends a credential; None where it does not list that, or is away."""
        asked = row.provider_id and lists(registry.find("issuers", secret.issuer.type))
        listed = self._listed_if_there(secret) if asked else []
        return next((one.expires_at for one in listed if one.id == row.provider_id), None)

    def unknown_names(self, secret: Secret) -> set[str]:
        """Return the names of live credentials that no ledger row is about; none where the provider is away."""
        known = self._ledger.known_ids()
        return {one.name for one in self._listed_if_there(secret) if not one.revoked and one.id not in known}

    def _listed_if_there(self, secret: Secret) -> list[Listed]:
        try:
            return self.listed(secret)
        except StoppedError:
            raise
        except RotorError:
            return []

    def _about_life(self, secret: Secret, state: SecretState, row: CredentialRow) -> Question:
        def ask() -> Life:
            issuer, listed = self._systems.issuer(secret), partial(self.listed, secret)
            return life(issuer, self._ledger, self._clock, secret, state, row, listed)

        return Question("life", f"{secret.name} {row.provider_id} {row.id}", secret.issuer.connection, ask)

    def in_use(self, case: Case, row: CredentialRow) -> bool:
        """Tell whether any copy shows that it holds ``row``, or nothing is recorded of a copy."""
        holdings = case.state.holdings
        marked = [(copy, holdings[copy.id]) for copy in case.secret.copies if copy.id in holdings]
        held = (self._still_holds(case, copy, mark) for copy, mark in marked if mark.credential == row.id)
        return not marked or any(held)

    def _still_holds(self, case: Case, copy: Copy, mark: Mark) -> bool:
        seen = None if copy.host else self._ask(self._observation(case, copy))
        if isinstance(seen, RotorError):
            return False
        return seen is None or not self._has_drifted(case, copy, mark.evidence, apart(copy, mark, seen))

    def objections(self, secret: Secret, current: str) -> list[str]:
        """Ask the issuer for its problems with ``current`` as the credential that is to be replaced."""
        return list(self._answer(self._about_issuer(secret, current)))

    def _judge(self, item: Planned) -> Planned:
        """Add what the answers say, as long as nothing stands in the way."""
        looks = (self._compare, self._with_clocks, self._with_shadows, self._within_quota, self._with_candidates)
        try:
            item = self._read(self._own_credential(item), self._questions(item))
            for look in looks:
                item = look(item) if item.goes else item
        except (StoppedError, LedgerError):
            raise
        except BaseException as error:  # noqa: BLE001 - what one answer leads to is a problem of that secret alone
            item = item.plus([str(guard.as_rotor_error(error))])
        return item

    def _probes(self, item: Planned) -> list[Question]:
        """Ask whether every connection is there, and takes its credential."""
        secret = item.case.secret
        consumers = [self._map.consumers[name] for name in secret.consumers]
        parts: list[PartSpec] = [secret.issuer, *consumers, *secret.checks]
        names = {part.connection for part in parts if part.connection} | {copy.store for copy in secret.copies}
        return [Question("connection", name, name, partial(self._probe, name)) for name in sorted(names)]

    def _questions(self, item: Planned) -> list[Question]:
        secret, state, connection = item.case.secret, item.case.state, item.case.secret.issuer.connection
        questions = [self._observation(item.case, copy) for copy in secret.copies if not copy.host]
        questions += [self._about_shadows(copy) for copy in secret.copies if _may_be_hidden(copy) and not copy.host]
        if item.case.order.mint:
            old = state.in_use if item.case.order.given_up is None else None  # the provider knows that it is dead
            asked = old.provider_id if old and not secret.made_elsewhere(old.made_by) else None
            questions.append(self._about_issuer(secret, asked))
            preview = Question("note", secret.name, connection, lambda: self._systems.issuer(secret).preview())
            questions += [preview, *([self._about_list(secret)] if _has_candidates(item.case) else [])]
        reloaded = dict.fromkeys(action.target for action in item.actions if action.kind is ActionKind.RELOAD)
        questions += [question for name in reloaded for question in self._about_consumer(self._map.consumers[name])]
        questions += [self._about_instances(consumer) for consumer in self._awaited(item)]
        verified = {action.target for action in item.actions if action.kind is ActionKind.VERIFY}
        return questions + [self._about_check(check) for check in secret.checks if check.key in verified]

    def _probe(self, name: str) -> list[str]:
        try:
            self._systems.connection(name).probe()
        except BaseException as raised:  # noqa: BLE001 - it is about the secrets that use this connection
            error = guard.as_rotor_error(raised)
            error.hint = error.hint or _where_to_look(name, error)
            return [f"connection {name}: {error}"]
        return []

    def _observation(self, case: Case, copy: Copy) -> Question:
        keys = looked_at(copy, case.state.holdings.get(copy.id))

        def ask() -> Evidence:
            return self._systems.store(copy).observe(copy.container, keys)

        return Question("copy", f"{case.secret.name} {copy.id}", copy.store, ask, (copy, keys))

    def _about_shadows(self, copy: Copy) -> Question:
        keys = list(copy.keys)

        def ask() -> list[Shadow]:
            return list(self._systems.store(copy).shadows(copy.container, keys))

        return Question("shadows", f"{copy.id} {', '.join(keys)}", copy.store, ask)

    def _about_issuer(self, secret: Secret, current: str | None) -> Question:
        about, connection = f"{secret.name} {current}", secret.issuer.connection
        return Question("issuer", about, connection, lambda: self._systems.issuer(secret).preflight(current))

    def _about_list(self, secret: Secret) -> Question:
        scope, connection = secret.issuer.scope, secret.issuer.connection
        return Question("listed", scope, connection, lambda: self._systems.issuer(secret).listed())

    def _about_check(self, check: CheckSpec) -> Question:
        return Question("check", check.key, check.connection, lambda: self._systems.check(check).preflight())

    def _about_consumer(self, consumer: ConsumerSpec) -> list[Question]:
        def health() -> list[str]:
            return [f"{name} is not well: {what}" for what in self._systems.consumer(consumer).health_problems()]

        name, connection = consumer.name, consumer.connection
        preview = Question("preview", name, connection, partial(self._preview, consumer))
        questions = [Question("health", c.key, c.connection, partial(self._health, name, c)) for c in consumer.healthy]
        return [*([] if consumer.host else [preview]), Question("health", name, connection, health), *questions]

    def _awaited(self, item: Planned) -> list[ConsumerSpec]:
        """List the consumers that others release, and that run on what is in use when something new is made."""
        state, order = item.case.state, item.case.order
        in_use = state.current.id if state.current and order.mint and not order.drifted else None
        on_it = (name for name in item.case.secret.consumers if name in state.running)
        consumers = [self._map.consumers[name] for name in on_it if state.running[name].credential == in_use]
        return [consumer for consumer in consumers if consumer.awaited]

    def _about_instances(self, consumer: ConsumerSpec) -> Question:
        def ask() -> dict[str, str]:
            return dict(self._systems.consumer(consumer).instances(()))

        return Question("instances", consumer.name, consumer.connection, ask)

    def _preview(self, consumer: ConsumerSpec) -> Sequence[str]:
        if not consumer.awaited:
            return self._systems.consumer(consumer).preview()
        label = registry.find("consumers", consumer.type).label(consumer.options)
        count = len(self._answer(self._about_instances(consumer)))
        return [f"by others, who release {label}; {count} run now, and the rotation waits for all of them"]

    def _health(self, consumer: str, check: CheckSpec) -> list[str]:
        try:
            self._systems.check(check).run(None, NO_CHECKPOINT)
        except RotorError as error:
            return [f"{consumer} is not well: {error}"]
        return []

    def _read(self, item: Planned, questions: list[Question]) -> Planned:
        """Add what the answers to these questions say for and against going on.

        A rotation under way, or a credential that is dead, may be what has made a consumer sick.
        """
        may_be_mended = not item.case.order.mint or item.case.order.given_up is not None
        for question in questions:
            answer = self._ask(question)
            failed = isinstance(answer, RotorError)
            lines = [str(answer)] if failed else answer
            if question.kind in ("shadows", "listed") or (question.kind in ("copy", "instances") and not failed):
                continue
            if question.kind == "preview":
                item = replace(item, previews={**item.previews, question.about: lines})
            elif question.kind == "note" or item.case.old_expired or (question.kind == "health" and may_be_mended):
                item = item.plus(notes=lines)
            else:
                item = item.plus(lines)
        return item

    def _compare(self, item: Planned) -> Planned:
        """Compare every copy with how this ledger left it; one that it never saw is taken as it is now."""
        state, order = item.case.state, item.case.order
        pending, lost = state.pending, state.intent(ActionKind.MINT)
        earlier: Mapping[str, Any] = pending.baseline if pending else lost.baseline if lost else {}
        baseline: dict[str, Any] = {}
        drifts: list[tuple[Copy, str]] = []
        for copy in item.case.secret.copies:
            seen = self._seen(item.case, copy)
            owner = (seen or {}).get("ledger") or self._ledger.id
            mark = state.holdings.get(copy.id)
            known = mark.evidence if mark else earlier.get(copy.id)
            if copy.id in order.drifted:  # rotate_forget names it
                known = None
            elif owner != self._ledger.id:
                item = item.plus([f"{copy.label} belongs to another ledger, {owner}. {self._ours(copy)}"])
            elif seen is not None and known is not None and self._has_drifted(item.case, copy, known, seen):
                drifts.append((copy, drift(copy, known, seen)))
            if (base := taken(known, seen)) is not None:
                baseline[copy.id] = base
        for consumer in self._awaited(item):
            baseline[consumer.name] = {INSTANCES: self._answer(self._about_instances(consumer))}
        changed = [copy for copy, _line in drifts]
        order = replace(order, baseline=baseline, drifted=(*order.drifted, *(copy.id for copy in changed)))
        item = replace(item, case=replace(item.case, order=order))
        lines = [line for _copy, line in drifts] + [forget_hint(*changed)] * bool(changed)
        return item.plus(notes=lines) if item.case.old_expired else item.plus(lines)

    def _ours(self, copy: Copy) -> str:
        """Say which ledger this one is, before a person overwrites what another one knows."""
        access = self._access
        ours = f"There is none yet at {access.where}" if access.missing else f"This one is {access.about()}"
        return (
            f"{ours}. If you meant the other one, name it in secret_ledger.url; perhaps it "
            f"is where another user's HOME or XDG_STATE_HOME is. {forget_hint(copy)}"
        )

    def _seen(self, case: Case, copy: Copy) -> Evidence | None:
        """Return the evidence of a copy, its new keys apart.

        None on a host, or in a system that is down while the old value is dead.
        """
        answer = None if copy.host else self._ask(self._observation(case, copy))
        if isinstance(answer, RotorError) and not case.old_expired:
            raise answer
        if answer is None or isinstance(answer, RotorError):
            return None
        return apart(copy, case.state.holdings.get(copy.id), answer)

    def _has_drifted(self, case: Case, copy: Copy, known: Evidence, seen: Evidence) -> bool:
        """Tell whether somebody has changed a copy; an effect of ours whose outcome is unknown explains a change."""
        return not in_doubt(case.state, copy) and not self._systems.store(copy).unchanged(known, seen)

    def _own_credential(self, item: Planned) -> Planned:
        """Find connections that use the very credential that is to be rotated: which needs two that are alive."""
        secret, rows = item.case.secret, [row for row in item.case.state.credentials if row.has_value]
        values = {value for row in rows for value in self._ledger.unseal(row).fields.values()}
        found = [probe.about for probe in self._probes(item) if values & set(self._systems.own_values(probe.about))]
        found += [LEDGER] if values & self._access.opened_with else []
        if LEDGER in secret.connections and not self._access.opened_with:
            why = f"the ledger {self._access.where} has no password that can be seen here"
            hint = "Name it as secret_ledger.password, or in a secret_ledger.url that is a reference"
            return item.plus([f"{LEDGER} is not opened with it: {why}. {hint}"])
        own = ", ".join(dict.fromkeys([*secret.connections, *found]))
        if own and item.case.traits.ends_the_old:
            what = f"connection {own} uses the credential that is to be rotated"
            return item.plus([f"{what}, and the old one ends with the new one; give it one of its own"])
        note = f"connection {own} uses it: the old one is revoked by a run that is given the new one"
        return item.plus(notes=[note] if own else [])

    def _with_clocks(self, item: Planned) -> Planned:
        """Note clocks that will hold up the end of an old credential; the probes have heard what time it is."""
        secret, traits = item.case.secret, item.case.traits
        if not (clocks.waits(secret, traits) or clocks.ends_by_itself(traits)):
            return item
        database = Question("clock", "the ledger's database", None, self._ledger.database_time)
        issuer_time = their_time(self._systems.issuer(secret))
        times = {f"connection {secret.issuer.connection}": issuer_time, database.about: self._answer(database)}
        found = clocks.apart(self._clock.now(), [clocks.Reading(who, time) for who, time in times.items() if time])
        return item.plus(notes=[f"{one}; as long as it is, no old credential is ended after a time" for one in found])

    def _with_shadows(self, item: Planned) -> Planned:
        """Note what hides a copy, which a check looks at again once the copy is written; so on hosts, unseen so far."""
        secret, hidden = item.case.secret, []
        for copy in filter(_may_be_hidden, secret.copies):
            answer = [] if copy.host else self._ask(self._about_shadows(copy))
            if isinstance(answer, RotorError):
                item = item.plus(notes=[f"whether anything hides {copy.label} cannot be seen: {answer}"])
                continue
            own = own_places(secret, copy, self._map.connections)
            found = unexpected(answer, copy.ignored or (), own)
            item = item.plus(notes=[f"{one.label} has a {one.key} of its own, which hides it. {HINT}" for one in found])
            hidden += [copy.id] if found or copy.host else []
        target, order = item.case.target, item.case.order
        checkable = not order.rollback and (item.case.wants_mint or bool(target and target.has_value))
        order = replace(order, hidden=tuple(hidden) if checkable else ())
        return replace(item, case=replace(item.case, order=order))

    def _within_quota(self, item: Planned) -> Planned:
        """Count what lives at a provider with a quota once the mint begins, the plan's other mints included."""
        secret, case = item.case.secret, item.case
        issuer = self._systems.issuer(secret)
        beside = case.wants_mint and not (case.traits.cuts_over or case.old_expired)
        quota = issuer.quota() if beside else None
        if quota is None:
            return item
        live = [one for one in self.listed(secret) if not over_by_list(issuer, self._clock, one)]
        ends = ending(case, item.actions, live, self._ledger.known_ids())
        place = (secret.issuer.type, secret.issuer.connection, frozenset(one.id for one in live))
        makers = self._makers.setdefault(place, {})
        makers.pop(item.name, None)  # it is planned anew
        room = Room(quota, live, ends, sum(makers.values()))
        if room.left < 1:
            return item.plus([room.problem(issuer.label(issuer.options), self._clock.now())])
        makers[item.name] = 1 - len(ends)
        return item.plus(notes=[room.note()])

    def _with_candidates(self, item: Planned) -> Planned:
        """Add what lives and this ledger has not minted, where nobody has said what is in use."""
        case = item.case
        if not _has_candidates(case):
            return item
        try:
            listed = self.listed(case.secret)
        except RotorError as error:
            return item.plus(notes=[f"the credentials in use cannot be listed: {error}"])
        ours = {row.provider_id for row in case.state.credentials if row.origin is not Origin.ADOPTED}
        return replace(item, candidates=tuple(one for one in listed if not one.revoked and one.id not in ours))

    def _ask_all(self, questions: list[Question]) -> None:
        unasked = [question for question in dict.fromkeys(questions) if question not in self._answers]
        with Pools() as pools:
            together = bundles(unasked, lambda one: one.look and one.look[0])
            asked = [pools.submit(one[0].connection or one[0].kind, self._ask_bundle, one) for one in together]
            while left := wait(asked, timeout=REMINDER).not_done:
                self._say(f"  asking: {len(asked) - len(left)} of {len(asked)} answers are there")
        for future in asked:
            future.result()

    def _ask_bundle(self, bundle: list[Question]) -> None:
        looks = [question.look for question in bundle if question.look]
        if len(bundle) == 1:
            self._ask(bundle[0])
        else:  # nobody else asks about copies meanwhile
            self._answers |= dict(zip(bundle, observe(self._systems, looks), strict=True))

    def _ask(self, question: Question) -> Any:
        """Return the answer to a question or the error that it led to; each is asked once, whoever comes meanwhile."""
        with self._guard:
            lock = self._locks[question]
        with lock:
            if question not in self._answers:
                try:
                    self._answers[question] = question.ask()
                except BaseException as error:  # noqa: BLE001 - it is about the secrets that ask, and no others
                    self._answers[question] = guard.as_rotor_error(error)
            return self._answers[question]

    def _answer(self, question: Question) -> Any:
        answer = self._ask(question)
        if isinstance(answer, RotorError):
            raise answer
        return answer


def _has_candidates(case: Case) -> bool:
    """Tell whether the one in use may be among what its provider lists, since nobody has said which it is."""
    return not case.state.current and case.order.mint and case.traits.revoke is Revocation.API


def _may_be_hidden(copy: Copy) -> bool:
    kind: type[Store] = registry.find("stores", copy.type)
    return copy.ignored is not None and not copy.accepts and kind.may_be_hidden(copy.container)


def _where_to_look(connection: str, error: RotorError) -> str:
    if isinstance(error, AuthenticationError):
        return f"Its credential is wrong, expired or revoked: see secret_connections.{connection}"
    if isinstance(error, UnexpectedError):
        return error.advice
    return f"Is its address right, and within reach? See secret_connections.{connection}"
