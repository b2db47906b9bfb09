# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on inventory hosts: what to do there, and what came of it. Ansible does it; the ledger knows it.

What waits for one host is done in one go: all copies by one command for each store, then one command for each consumer.
A value is expanded here at the last moment, and goes to the host through the connection's standard input only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from ....module_utils._core import guard, registry
from ....module_utils._core.contracts import Evidence
from ....module_utils._core.errors import (
    BusyError,
    ConfigurationError,
    RotorError,
    StoppedError,
)
from ....module_utils._core.hosts import Host, HostAnswer, HostCommand, HostRequest, HostStore
from ....module_utils._core.outside_text import printable
from ....module_utils._core.templates import Template
from ..decide import planner
from ..decide.case import Case
from ..decide.planner import Action
from ..decide.state import ActionKind, Intent, IntentState, Order
from ..secret_map.model import Copy, Secret
from . import executables, mint, revoke, write
from .context import NO_CHECKPOINT, EffectContext, StoreEffect, Work, finish

LONGEST_OUTPUT = 1000
"""Characters of what a command printed: the last of them say why it failed."""
_ON_STORES = {ActionKind.PROBE: mint.probing, ActionKind.WRITE: write.writing, ActionKind.NARROW: write.narrowing}
_CHANGES = (ActionKind.WRITE, ActionKind.NARROW)
_Left = Mapping[str, set[tuple[ActionKind, str, int | None]]]
"""Kind, target and credential of all that is left to do, by secret."""


@dataclass(frozen=True)
class Piece:
    """An intent that waits for its host: to probe or write a copy, find or run a consumer's command, or check."""

    secret: Secret
    intent: Intent

    @property
    def what(self) -> str:
        return f"{self.intent.kind} of {self.intent.target}"

    @property
    def served(self) -> dict[str, int | None]:
        """Return the credential of each secret that it is for."""
        return dict(self.intent.progress.get("served") or {self.secret.name: self.intent.credential})

    @property
    def copy(self) -> Copy:
        return self.secret.copies_by_id[self.intent.target]


@dataclass(frozen=True)
class _Begun:
    """An effect whose intent is committed, and what it asks of its store."""

    piece: Piece
    effect: StoreEffect
    request: HostRequest


class HostWork:
    """Do what waits for one host. What fails is recorded; the next advance holds it, and says where everything is."""

    def __init__(
        self, ctx: EffectContext, orders: Mapping[str, Order], picked: planner.Picked, say: Callable[[str], None]
    ) -> None:
        self._ctx = ctx
        self._ledger = ctx.ledger
        self._orders = orders
        self._picked = picked
        self._say = say
        self._cases: dict[str, Case] = {}
        self.changed = False

    def perform(self, here: str, host: Host, intents: Sequence[int]) -> int:
        """Do the work of these intents on the host ``here``, and return how many of them are done.

        The locks of the secrets are held meanwhile, as by whoever else changes their rows.
        """
        self._ctx.systems.host = host
        with ExitStack() as locks:
            pieces = self._due(here, intents, locks)
            on_stores = [piece for piece in pieces if piece.intent.kind in _ON_STORES]
            looks = [piece for piece in pieces if piece.intent.kind is ActionKind.INSPECT]
            reloads = [piece for piece in pieces if piece.intent.kind is ActionKind.RELOAD]
            checks = [piece for piece in pieces if piece.intent.kind is ActionKind.VERIFY]
            done = self._ask_stores(on_stores) + (self._inspect(here, host, looks) if looks else 0)
            done += sum(self._reload(here, host, piece) for piece in reloads)
            return done + sum(map(self._verify, checks))

    # -- what is to be done -------------------------------------------------------------------------------------

    def _due(self, here: str, intents: Sequence[int], locks: ExitStack) -> list[Piece]:
        """Lock the secrets, read the ledger anew, and return what is still to be done."""
        names: set[str] = set()
        for piece in self._pieces(intents):
            host = self._host_of(piece)
            if host != here:
                raise ConfigurationError(f"the {piece.what} is for host {host}, not for {here}")
            names |= piece.served.keys()
        left = self._left([name for name in sorted(names) if self._lock(name, locks)])
        pieces = [piece for piece in self._pieces(intents) if piece.served.keys() <= left.keys()]
        due = [piece for piece in pieces if self._is_due(piece, left)]
        for piece in pieces:
            if piece not in due:
                self._say(f"  {piece.what}: it is no longer to be done")
        return due

    def _pieces(self, intents: Sequence[int]) -> list[Piece]:
        found = self._ledger.intents(intents)
        return [Piece(self._ctx.secret_map.secrets[secret], intent) for secret, intent in found]

    def _host_of(self, piece: Piece) -> str | None:
        if piece.intent.kind in (ActionKind.INSPECT, ActionKind.RELOAD):
            return self._ctx.secret_map.consumers[piece.intent.target].host
        if piece.intent.kind is ActionKind.VERIFY:
            return next(check.host for check in piece.secret.checks if check.key == piece.intent.target)
        return piece.copy.host

    def _lock(self, name: str, locks: ExitStack) -> bool:
        try:
            locks.enter_context(self._ctx.access.hold(name))
        except BusyError as error:
            self._say(f"  {error}")
            return False
        return True

    def _left(self, names: Sequence[str]) -> _Left:
        left = {}
        for name, state in self._ledger.states(names).items():
            secret = self._ctx.secret_map.secrets[name]
            traits = registry.find("issuers", secret.issuer.type).traits
            self._cases[name] = case = Case(secret, state, self._orders[name], traits, self._ctx.clock.now())
            actions = planner.remaining(case, self._picked)
            left[name] = {(action.kind, action.target, action.credential) for action in actions}
        return left

    def _is_due(self, piece: Piece, left: _Left) -> bool:
        """Ask the planner anew: since it was handed out, another run may have done it, or something else."""
        intent = piece.intent
        waits = intent.state is IntentState.WAITING and intent.run == self._ctx.run
        return waits and all((intent.kind, intent.target, row) in left[name] for name, row in piece.served.items())

    @contextmanager
    def _recording(self, piece: Piece) -> Iterator[None]:
        """Say what failed, and record it also where it failed before it began: it would be handed out for ever."""
        try:
            yield
        except StoppedError:
            raise
        except BaseException as error:  # noqa: BLE001 - nor does it stop the others
            problem, run, intent = guard.as_rotor_error(error), self._ctx.run, piece.intent
            self._say(f"  {piece.what}: {problem}")
            [(_secret, now)] = self._ledger.intents([intent.id])
            for name, row in piece.served.items() if now.state is IntentState.WAITING else ():
                own = self._ledger.intend(run, name, intent.kind, intent.target, row)
                self._ledger.fail(run, name, own, str(problem))

    # -- copies -------------------------------------------------------------------------------------------------

    def _ask_stores(self, pieces: list[Piece]) -> int:
        """Commit the intents, ask each store once for all of its copies, and commit the outcomes."""
        by_store: dict[str, list[_Begun]] = {}
        with ExitStack() as locks:
            busy = self._lock_copies(pieces, locks)
            for piece in pieces:
                with self._recording(piece):
                    begun = self._begin(piece, busy)
                    by_store.setdefault(piece.copy.store, []).append(begun)
            return sum(self._finish(one, answer) for group in by_store.values() for one, answer in self._ask(group))

    def _lock_copies(self, pieces: list[Piece], locks: ExitStack) -> dict[str, BusyError]:
        """Lock the containers that are written, in one order for everybody; return those that somebody else has."""
        busy = {}
        for target in sorted({piece.intent.target for piece in pieces if piece.intent.kind in _CHANGES}):
            try:
                locks.enter_context(self._ctx.access.locks.hold(target, wait=60))
            except BusyError as error:
                busy[target] = error
        return busy

    def _begin(self, piece: Piece, busy: Mapping[str, BusyError]) -> _Begun:
        intent, case = piece.intent, self._cases[piece.secret.name]
        if intent.target in busy:
            raise busy[intent.target]
        self._ctx.clock.check()
        steps = enumerate(piece.secret.steps)
        step = next(index for index, step in steps if any(copy.id == intent.target for copy in step.copies))
        action = Action(intent.kind, step, intent.target, intent.credential)
        effect = _ON_STORES[intent.kind](self._ctx, Work(case, action))
        return _Begun(piece, effect, next(effect))

    def _ask(self, group: list[_Begun]) -> Iterable[tuple[_Begun, Evidence | RotorError]]:
        store = cast(HostStore, self._ctx.systems.store(group[0].piece.copy))
        try:
            self._ctx.clock.check()
        except StoppedError:
            for one in group:
                with suppress(RotorError):
                    finish(one.effect, ConfigurationError("stopped before it was sent"))
            raise
        try:
            answers = store.answers([one.request for one in group])
        except BaseException as error:  # noqa: BLE001 - it is about each of them
            answers = [guard.as_rotor_error(error)] * len(group)
        return zip(group, answers, strict=True)

    def _finish(self, one: _Begun, answer: Evidence | RotorError) -> bool:
        with self._recording(one.piece):
            self._say(f"  {finish(one.effect, answer)}")
            self.changed |= one.piece.intent.kind in _CHANGES
            return True
        return False

    # -- checks -------------------------------------------------------------------------------------------------

    def _verify(self, piece: Piece) -> bool:
        with self._recording(piece):
            case, about = self._cases[piece.secret.name], (piece.intent.kind, piece.intent.target)
            actions = planner.remaining(case, self._picked)
            action = next(action for action in actions if (action.kind, action.target) == about)
            before_a_revoke = any(one.kind is ActionKind.REVOKE for one in actions)
            effect = self._verify_before_revoke if before_a_revoke else revoke.check_again
            work = Work(case, action)
            self._say(f"  {effect(self._ctx, work) if action.again else write.verify(self._ctx, work)}")
            return True
        return False

    @staticmethod
    def _verify_before_revoke(ctx: EffectContext, work: Work) -> str:
        try:
            return write.verify(ctx, work, anew=True)
        except StoppedError:
            raise
        except RotorError as error:
            ctx.withdraw(work, str(error))
            raise

    # -- consumers ----------------------------------------------------------------------------------------------

    def _inspect(self, here: str, host: Host, pieces: list[Piece]) -> int:
        """Look for the commands of consumers, all at once, and run none of them."""
        self._ctx.clock.check()
        names = sorted({piece.intent.target for piece in pieces})
        found: Mapping[str, str | RotorError]
        try:
            found = executables.missing(here, host, {name: self._task(name) for name in names})
        except RotorError as error:
            found = dict.fromkeys(names, error)
        done = 0
        for piece in pieces:
            with self._recording(piece):
                problem = found[piece.intent.target]
                if isinstance(problem, RotorError):
                    raise problem
                if problem:
                    raise ConfigurationError(problem, hint="Mend it there or in the map, and run again")
                self._ledger.inspected(self._ctx.run, piece.secret.name, piece.intent.id, piece.intent.target)
                done += 1
        return done

    def _task(self, consumer: str) -> Mapping[str, Any]:
        part = self._ctx.secret_map.consumers[consumer]
        task: Mapping[str, Any] = registry.find("consumers", part.type).task(part.options)
        return task

    def _reload(self, here: str, host: Host, piece: Piece) -> bool:
        served = {name: row for name, row in piece.served.items() if row is not None}
        run, target = self._ctx.run, piece.intent.target
        with self._recording(piece), self._ctx.access.locks.hold(f"consumer {target}", wait=600):
            self._ctx.clock.check()
            self._ctx.access.locks.check()
            command = self._command(piece, served)
            kind = piece.intent.kind
            intents = {name: self._ledger.intend(run, name, kind, target, row) for name, row in served.items()}
            try:
                answer = host(command)
                if answer.code != 0:
                    raise self._failure(here, answer, served)
                for check in self._ctx.secret_map.consumers[target].healthy:
                    self._ctx.systems.check(check).run(None, NO_CHECKPOINT)
            except BaseException as error:  # noqa: BLE001 - it may have been run
                problem = guard.as_rotor_error(error)
                state = IntentState.FAILED if isinstance(problem, ConfigurationError) else IntentState.UNKNOWN
                for name, intent in intents.items():
                    self._ledger.fail(run, name, intent, str(problem), state)
                raise problem from None
            evidence = {"host": here, "exit_code": answer.code}
            self._ledger.reloaded(run, intents, consumer=target, credentials=served, evidence=evidence)
            self._say(f"  {target} reloaded on host {here}")
            self.changed = True
            return True
        return False

    def _command(self, piece: Piece, served: Mapping[str, int]) -> HostCommand:
        task = self._task(piece.intent.target)
        line, folder, stdin, script = (task.get(name) for name in ("command", "chdir", "stdin", "script"))
        command = HostCommand(str(line), folder, script=script or "", catch=True)
        if stdin is None:
            return command
        row = self._cases[piece.secret.name].state.credential(served[piece.secret.name])
        if row is None or not row.has_value:
            raise ConfigurationError(f"the value that {piece.intent.target} is to get is not kept here")
        fields = write.fields_of(piece.secret, self._ledger.unseal(row))
        return replace(command, stdin=Template.parse(stdin).render(fields))

    def _failure(self, here: str, answer: HostAnswer, served: Iterable[str]) -> RotorError:
        message = f"the command ended with code {answer.code} on host {here}"
        if answer.printed is None:
            hint = "What it printed is not shown: the host has no Python to catch it with, or become wants a terminal"
        elif not answer.printed.strip():
            hint = "It printed nothing"
        else:
            message, hint = f"{message}, and printed: {self._shown(answer, served)}", "No value is shown"
        return RotorError(message, hint=f"{hint}. Mend it there, and run again")

    def _shown(self, answer: HostAnswer, served: Iterable[str]) -> str:
        try:
            values = self._values(served)
        except RotorError:  # it has been run, and whatever is wrong with the ledger is said by the next action
            return "(not shown: the values that it may hold cannot be opened)"
        return _fit(answer.masked(values))

    def _values(self, served: Iterable[str]) -> set[str]:
        """Collect every value that is known of these secrets: a command may print the old one, too."""
        rows = [row for state in self._ledger.states(served).values() for row in state.credentials if row.has_value]
        found: set[str] = set()
        for row in rows:
            secret, credential = self._ctx.secret_map.secrets.get(row.secret), self._ledger.unseal(row)
            fields = write.fields_of(secret, credential) if secret else credential.fields
            found.update(value.reveal() for value in fields.values())
        return found


def _fit(printed: str) -> str:
    """Return the end of what a host printed as one printable line."""
    line = " | ".join(filter(None, map(str.strip, printed.splitlines())))
    return printable(line if len(line) <= LONGEST_OUTPUT else f"…{line[-LONGEST_OUTPUT:]}")
