# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be known before a mint: each system is asked each question once, side by side.

Changes nothing anywhere. What speaks against a secret becomes a problem of its plan, and then nothing is done with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ....module_utils._core import guard, registry
from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import Listed, Revocation, Traits
from ....module_utils._core.errors import AuthenticationError, LedgerError, RotorError, StoppedError, UnexpectedError
from ..decide import clocks
from ..decide.planner import Action
from ..decide.rule import drift, forget_hint, watched
from ..decide.selection import Due, DueStatus
from ..decide.state import ActionKind, CredentialRow, Order, Origin, SecretState
from ..effects.context import NO_CHECKPOINT
from ..effects.systems import Systems
from ..ledger.writer import Ledger
from ..secret_map.model import ConsumerSpec, Copy, PartSpec, Secret, SecretMap

THREADS = 8


@dataclass
class Planned:
    """One secret in a plan."""

    secret: Secret
    state: SecretState
    due: Due = field(default_factory=lambda: Due(DueStatus.UNKNOWN, ""))
    order: Order = field(default_factory=lambda: Order(""))
    actions: list[Action] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Why nothing is done with it."""
    notes: list[str] = field(default_factory=list)
    candidates: list[Listed] = field(default_factory=list)
    """Live credentials one of which may be the one in use, where nobody has said which."""
    adopted: CredentialRow | None = None
    dead: bool = False
    """The old value has ended, or may have: what speaks against going on is told, and stops nothing."""
    previews: dict[str, list[str]] = field(default_factory=dict)
    """Consumer -> what its reload will do."""

    @property
    def traits(self) -> Traits:
        return registry.find("issuers", self.secret.issuer.type).traits

    @property
    def goes(self) -> bool:
        return bool(self.actions) and not self.problems


@dataclass(frozen=True)
class Question:
    """``ask`` returns problems (previews for ``preview``, evidence for ``copy``) or raises RotorError."""

    kind: str
    about: str
    ask: Callable[[], Any]


class Preflight:
    """Asks, remembers the answers for this run, and judges plans by them."""

    def __init__(
        self, secret_map: SecretMap, systems: Systems, ledger: Ledger, clock: Clock, forget: tuple[str, ...] = ()
    ) -> None:
        self._map = secret_map
        self._systems = systems
        self._ledger = ledger
        self._clock = clock
        self._forget = forget
        self._answers: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def check(self, items: list[Planned]) -> None:
        """Fill in the problems, notes, previews, candidates and baselines of the plans."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="rotor-plan") as pool:
            self._ask_all(pool, [question for item in items for question in self._probes(item)])
            reachable = [item for item in items if self._assess(item, self._probes(item))]
            questions = [question for item in reachable for question in self._questions(item)]
            self._ask_all(pool, [question for question in questions if question.kind != "preview"])
            self._ask_all(pool, questions)  # an preview is told from what the others have asked
        for item in reachable:
            try:
                self._weigh(item)
            except (StoppedError, LedgerError):
                raise
            except BaseException as error:  # noqa: BLE001 - what one answer leads to is a problem of that secret alone
                item.problems.append(str(guard.as_rotor_error(error)))

    def _weigh(self, item: Planned) -> None:
        """Judge the plan by the answers."""
        item.problems += self._own_credential(item)
        if self._assess(item, self._questions(item)):
            self._compare(item)
        item.notes += self._clocks_apart(item)
        if item.goes and item.order.mint and item.state.current is None and item.traits.revoke is Revocation.API:
            self._candidates(item)

    def listed(self, secret: Secret) -> list[Listed]:
        return self._answer(Question("listed", secret.name, lambda: self._systems.issuer(secret).listed()))

    def objections(self, secret: Secret, current: str) -> list[str]:
        """What the issuer has to say of ``current`` as the credential that is to be replaced."""
        name = f"{secret.name} {current}"
        return self._answer(Question("objections", name, lambda: self._systems.issuer(secret).preflight(current)))

    # -- questions ----------------------------------------------------------------------------------------------

    def _probes(self, item: Planned) -> list[Question]:
        """Is every connection there, and does it take our credential?"""
        parts: list[PartSpec] = [item.secret.issuer, *(self._map.consumers[name] for name in item.secret.consumers)]
        parts += [check for step in item.secret.steps for check in step.verify]
        names = {part.connection for part in parts if part.connection} | {copy.store for copy in item.secret.copies}
        return [Question("connection", name, partial(self._probe, name)) for name in sorted(names)]

    def _questions(self, item: Planned) -> list[Question]:
        secret, systems = item.secret, self._systems
        questions = [self._look(item, copy) for copy in secret.copies if not copy.host]
        if item.order.mint:
            current = item.state.in_use.provider_id if item.state.in_use else None
            questions.append(Question("issuer", secret.name, lambda: systems.issuer(secret).preflight(current)))
        for name in dict.fromkeys(action.target for action in item.actions if action.kind is ActionKind.RELOAD):
            part = self._map.consumers[name]
            if not part.host:
                questions.append(Question("preview", name, lambda part=part: systems.consumer(part).preview()))
                questions.append(Question("sick", name, partial(self._sick, part)))
            questions += [Question("sick", c.key, partial(self._healthy, name, c)) for c in part.healthy]
        ahead = {action.target for action in item.actions if action.kind is ActionKind.VERIFY}
        for check in (check for step in secret.steps for check in step.verify):
            key = check.key
            if key in ahead:
                questions.append(Question("check", key, lambda check=check: systems.check(check).preflight()))
        return questions

    def _probe(self, name: str) -> list[str]:
        try:
            self._systems.connection(name).probe()
        except BaseException as raised:  # noqa: BLE001 - it is about the secrets that use this connection
            error = guard.as_rotor_error(raised)
            error.hint = error.hint or _where_to_look(name, error)
            return [f"connection {name}: {error}"]
        return []

    def _look(self, item: Planned, copy: Copy) -> Question:
        keys = watched(copy, item.state.holdings.get(copy.id))
        observe = partial(self._observe, copy, keys)
        return Question("copy", f"{item.secret.name} {copy.id}", observe)

    def _observe(self, copy: Copy, keys: list[str]) -> Any:
        return self._systems.store(copy).observe(copy.container, keys)

    def _sick(self, part: ConsumerSpec) -> list[str]:
        return [f"{part.name} is not well: {what}" for what in self._systems.consumer(part).health_problems()]

    def _healthy(self, consumer: str, check: PartSpec) -> list[str]:
        try:
            self._systems.check(check).run(None, NO_CHECKPOINT)
        except RotorError as error:
            return [f"{consumer} is not well: {error}"]
        return []

    # -- judging ------------------------------------------------------------------------------------------------

    def _assess(self, item: Planned, questions: list[Question]) -> bool:
        """Whether nothing in these answers speaks against going on."""
        for question in questions:
            try:
                said = self._answer(question)
            except RotorError as error:
                said = [str(error)]
            else:
                if question.kind == "copy":
                    continue
            if question.kind == "preview":
                item.previews[question.about] = said
            elif item.dead or (question.kind == "sick" and not item.order.mint):
                item.notes += said  # a rotation under way may be what made it sick; going on may mend it
            else:
                item.problems += [one for one in said if one not in item.problems]
        return not item.problems

    def _compare(self, item: Planned) -> None:
        """Every copy must be as this ledger left it; one that it never saw is as it is now."""
        pending, lost = item.state.pending, item.state.intent(ActionKind.MINT)
        earlier: Mapping[str, Any] = pending.baseline if pending else lost.baseline if lost else {}
        baseline: dict[str, Any] = {}
        drifted: list[str] = []
        for copy in item.secret.copies:
            seen = self._seen(item, copy)
            stamp = (seen or {}).get("ledger") or self._ledger.id
            mark = item.state.holdings.get(copy.id)
            known = mark.evidence if mark else earlier.get(copy.id)
            if copy.id in self._forget or copy.label in self._forget:
                drifted.append(copy.id)
                known = None
            elif stamp != self._ledger.id:
                item.problems.append(f"{copy.label} belongs to another ledger, {stamp}. {forget_hint(copy)}")
            elif seen is not None and known is not None and self._is_foreign(item, copy, known, seen):
                drifted.append(copy.id)
                (item.notes if item.dead else item.problems).append(f"{drift(copy)}. {forget_hint(copy)}")
            if known is not None or seen is not None:
                baseline[copy.id] = seen if known is None else known
        item.order = replace(item.order, baseline=baseline, drifted=tuple(drifted))

    def _seen(self, item: Planned, copy: Copy) -> Any:
        """None where it cannot be known now: on a host, or in a system that is down while the old value is dead."""
        if copy.host:
            return None
        try:
            return self._answer(self._look(item, copy))
        except RotorError:
            if item.dead:
                return None
            raise

    def _is_foreign(self, item: Planned, copy: Copy, known: Any, seen: Any) -> bool:
        """A write of ours whose outcome is unknown explains a change; nothing else does."""
        return not item.state.intent(ActionKind.WRITE, copy.id) and not self._systems.store(copy).unchanged(known, seen)

    def _own_credential(self, item: Planned) -> list[str]:
        """Whether a connection in use lives on the very credential that is to be rotated."""
        rows = [row for row in item.state.credentials if row.has_value]
        values = {value for row in rows for value in self._ledger.unseal(row).fields.values()}
        return [
            f"connection {probe.about} uses the credential that is to be rotated; give it one of its own"
            for probe in self._probes(item)
            if values & set(self._systems.own_values(probe.about))
        ]

    def _clocks_apart(self, item: Planned) -> list[str]:
        """Whether a clock will hold up the end of an old credential; the probes have heard what time it is."""
        if not item.goes or not (clocks.waits(item.secret, item.traits) or clocks.ends_by_itself(item.traits)):
            return []
        database = Question("clock", "the ledger's database", self._ledger.database_time)
        connection = self._systems.issuer(item.secret).connection
        times = {
            f"connection {item.secret.issuer.connection}": connection.server_time() if connection else None,
            database.about: self._answer(database),
        }
        now = self._clock.now()
        found = clocks.apart(now, [clocks.Reading(who, time) for who, time in times.items() if time])
        return [f"{what}; as long as it is, no old credential is ended after a time" for what in found]

    def _candidates(self, item: Planned) -> None:
        try:
            listed = self.listed(item.secret)
        except RotorError as error:
            item.notes.append(f"the credentials in use cannot be listed: {error}")
            return
        ours = {row.provider_id for row in item.state.credentials if row.origin is not Origin.ADOPTED}
        item.candidates = [one for one in listed if not one.revoked and one.id not in ours]

    # -- asking -------------------------------------------------------------------------------------------------

    def _ask_all(self, pool: ThreadPoolExecutor, questions: list[Question]) -> None:
        once = {(question.kind, question.about): question for question in questions}
        list(pool.map(self._quietly, once.values()))

    def _quietly(self, question: Question) -> None:
        try:
            self._answer(question)
        except RotorError:
            return  # raised again for each plan that wants the answer

    def _answer(self, question: Question) -> Any:
        key = (question.kind, question.about)
        if key not in self._answers:
            try:
                answer = question.ask()
            except BaseException as error:  # noqa: BLE001 - it is about the secrets that ask, and no others
                answer = guard.as_rotor_error(error)
            with self._lock:
                self._answers[key] = answer
        answer = self._answers[key]
        if isinstance(answer, RotorError):
            raise answer
        return answer


def _where_to_look(connection: str, error: RotorError) -> str:
    if isinstance(error, AuthenticationError):
        return f"Its credential is wrong, expired or revoked: see secret_connections.{connection}"
    if isinstance(error, UnexpectedError):
        return error.advice
    return f"Is its address right, and within reach? See secret_connections.{connection}"
