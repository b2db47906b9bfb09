# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every effect is handed: the run's systems and ledger, and the frame of intent committed, effect, outcome.

An effect that certainly did nothing is recorded as failed, one without an answer as unknown; either way the secret is
held, and the next run goes on from what the ledger says.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import LEFT, Evidence
from ....module_utils._core.credential import Credential
from ....module_utils._core.errors import (
    OutcomeUnknownError,
    PendingApprovalError,
    RotorError,
    StoppedError,
    UnexpectedAnswerError,
)
from ....module_utils._core.hosts import HostRequest
from ....module_utils._core.memo import Memo
from ..decide.case import Case
from ..decide.planner import Action
from ..decide.state import ActionKind, CredentialRow, IntentState, Subject
from ..ledger.location import LedgerAccess
from ..ledger.writer import Ledger
from ..secret_map.model import CheckSpec, Copy, SecretMap
from .systems import Systems

DOUBTFUL = (OutcomeUnknownError, PendingApprovalError, UnexpectedAnswerError)
"""After these, the effect may have been made, or may yet be."""
StoreEffect = Generator[HostRequest, Evidence, str]
"""An effect that asks a store once: it commits its intent, yields what it asks, gets the answer, and records it."""
PROPAGATION = 60.0
"""Seconds that a provider gets until a new credential is accepted, or a revoked one refused."""


@dataclass(frozen=True)
class Work:
    """One action of one secret, with all that it is decided from."""

    case: Case
    action: Action

    @property
    def name(self) -> str:
        return self.case.secret.name

    @property
    def row(self) -> CredentialRow:
        """Find the credential that the action is about."""
        return next(row for row in self.case.state.credentials if row.id == self.action.credential)

    @property
    def copy(self) -> Copy:
        """Find the copy that the action is about."""
        return self.case.secret.copies_by_id[self.action.target]

    @property
    def check(self) -> CheckSpec:
        """Find the check that the action is about."""
        step = self.case.secret.steps[self.action.step or 0]
        return next(check for check in step.verify if check.key == self.action.target)

    @property
    def connection(self) -> str | None:
        """Name the connection of the copy or of the issuer."""
        return self.copy.store if self.action.kind.subject is Subject.COPY else self.case.secret.issuer.connection


@dataclass(frozen=True)
class EffectContext:
    """Hold what the effects of one run share."""

    run: str
    secret_map: SecretMap
    systems: Systems
    access: LedgerAccess
    clock: Clock
    job: str = ""
    """The job that this run belongs to."""
    fit: Memo[None] = field(default_factory=Memo, compare=False)
    """Remembers which credentials every store of their secret can keep."""

    @property
    def ledger(self) -> Ledger:
        return self.access.ledger

    def unseal(self, row: CredentialRow) -> Credential:
        if not row.has_value:
            raise RotorError(
                f"the value of {row.name} is not kept here", hint="Rotate the secret to write it anywhere else"
            )
        return self.ledger.unseal(row)

    @contextmanager
    def attempt(
        self, work: Work, kind: ActionKind, target: str, progress: Mapping[str, Any] | None = None
    ) -> Iterator[int]:
        """Commit the intent of an effect, and what it came to if it did not succeed."""
        intent = self.ledger.intend(self.run, work.name, kind, target, work.action.credential, progress=progress)
        with self.outcome({work.name: intent}):
            yield intent

    @contextmanager
    def outcome(self, intents: Mapping[str, int], *, in_parts: bool = False) -> Iterator[None]:
        """Record what an effect that did not succeed came to; a stopped one stays open.

        ``in_parts``: when it fails, some of it may have been done.
        """
        begun = False
        try:
            self.access.locks.check()
            begun = True
            yield
        except StoppedError:
            raise
        except RotorError as error:
            doubtful = begun and (in_parts or isinstance(error, DOUBTFUL))
            state = IntentState.UNKNOWN if doubtful else IntentState.FAILED
            for secret, intent in intents.items():
                self.ledger.fail(self.run, secret, intent, str(error), state)
            raise

    def withdraw(self, work: Work, why: str) -> None:
        """Take back a yes to a revoke, where one was given: what it was about has changed."""
        if any(one.state is IntentState.DONE for one in work.case.state.approvals.values()):
            self.ledger.withdrawn(self.run, work.name, why)

    def checkpoint(self, work: Work, intent: int, *, anew: bool = False) -> IntentCheckpoint:
        store = partial(self.ledger.progress, self.run, work.name, intent)
        known: dict[str, Any] = {} if anew else dict(self.ledger.last_progress(work.name, intent))
        left = self.ledger.left_behind(work.name, intent) if work.action.kind.subject is Subject.CHECK else []
        return IntentCheckpoint(known | ({LEFT: left} if left else {}), store)


def finish(effect: StoreEffect, answer: Evidence | BaseException) -> str:
    """Resume an effect with the answer of its store, and return in a few words what came of it."""
    try:
        if isinstance(answer, BaseException):
            effect.throw(answer)
        else:
            effect.send(answer)
    except StopIteration as ended:
        return str(ended.value)
    raise AssertionError("it asks once")


@dataclass
class IntentCheckpoint:
    """Keep an effect's own memory with its intent; without a store, keep nothing."""

    known: Evidence
    store: Callable[[Evidence], None] | None

    def recall(self) -> Evidence:
        return self.known

    def record(self, evidence: Evidence) -> None:
        if self.store:
            self.known = dict(evidence)
            self.store(self.known)


NO_CHECKPOINT = IntentCheckpoint({}, None)
"""For a check of health alone: there is nothing to resume."""
