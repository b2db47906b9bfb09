# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all effects share: the work they are given, and the frame of intent committed, effect, outcome committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import Evidence
from ....module_utils._core.credential import Credential
from ....module_utils._core.errors import (
    OutcomeUnknownError,
    PendingApprovalError,
    RotorError,
    StoppedError,
    UnexpectedAnswerError,
)
from ..decide.planner import Action
from ..decide.state import CredentialRow, IntentState, Order, SecretState
from ..ledger.location import LedgerAccess
from ..secret_map.model import Copy, Secret, SecretMap
from .systems import Systems

DOUBTFUL = (OutcomeUnknownError, PendingApprovalError, UnexpectedAnswerError)
"""After these, the effect may have been made, or may yet be."""
PROPAGATION = 60.0
"""Seconds that a provider gets until a new credential is accepted, or a revoked one refused."""


@dataclass(frozen=True)
class Work:
    """One action of one secret, with all that it is decided from."""

    secret: Secret
    order: Order
    action: Action
    state: SecretState

    @property
    def row(self) -> CredentialRow:
        """The credential that the action is about."""
        return next(row for row in self.state.credentials if row.id == self.action.credential)


class Acts:
    """The frame; what is done in it is in the classes below this one."""

    def __init__(self, run: str, secret_map: SecretMap, systems: Systems, access: LedgerAccess, clock: Clock) -> None:
        self._run = run
        self._map = secret_map
        self._systems = systems
        self._ledger = access.ledger
        self._locks = access.locks
        self._clock = clock

    def copy(self, secret: Secret, copy_id: str) -> Copy:
        return next(copy for copy in secret.copies if copy.id == copy_id)

    def _credential(self, work: Work) -> Credential:
        row = work.row
        if not row.has_value:
            raise RotorError(
                f"the value of {row.name} is not kept here", hint="Rotate the secret to write it anywhere else"
            )
        return self._ledger.unseal(row)

    def _progress(self, work: Work, intent: int) -> _Progress:
        known = self._ledger.last_progress(work.secret.name, intent)
        return _Progress(partial(self._ledger.progress, self._run, work.secret.name, intent), known)

    @contextmanager
    def _outcome(self, intents: Mapping[str, int], *, in_parts: bool = False) -> Iterator[None]:
        """Record what an effect that did not succeed came to; a stopped one stays open.

        ``in_parts``: when it fails, some of it may have been done.
        """
        begun = False
        try:
            self._locks.check()
            begun = True
            yield
        except StoppedError:
            raise
        except RotorError as error:
            doubtful = begun and (in_parts or isinstance(error, DOUBTFUL))
            state = IntentState.UNKNOWN if doubtful else IntentState.FAILED
            for secret, intent in intents.items():
                self._ledger.fail(self._run, secret, intent, str(error), state)
            raise


class _Progress:
    """An effect's own memory, kept with its intent."""

    def __init__(self, store: Callable[[Evidence], None], known: Evidence) -> None:
        self._store = store
        self._known = known

    def recall(self) -> Evidence:
        return self._known

    def record(self, evidence: Evidence) -> None:
        self._known = dict(evidence)
        self._store(self._known)


class _NoCheckpoint:
    """For a check of health alone: there is nothing to resume."""

    def recall(self) -> Evidence:
        return {}

    def record(self, evidence: Evidence) -> None:
        pass


NO_CHECKPOINT = _NoCheckpoint()
