# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on inventory hosts: what to run there, and what came of it. Ansible does it; the ledger knows it.

A value is expanded here at the last moment, and goes to the host through the connection's standard input only.
"""

from __future__ import annotations

from collections.abc import Iterable

from ....module_utils._core import guard, masking, registry
from ....module_utils._core.errors import ConfigurationError, RotorError, StoppedError
from ....module_utils._core.hosts import Host, HostAnswer, HostCommand
from ....module_utils._core.outside_text import printable
from ....module_utils._core.templates import Template
from ..decide.case import Case
from ..decide.planner import Action
from ..decide.state import ActionKind, Intent, IntentState, Order
from . import mint, write
from .context import EffectContext, Work

LONGEST_OUTPUT = 1000
"""Characters of what a command printed: the last of them say why it failed."""


class HostWork:
    """Make what only Ansible can: probe or write a copy, or reload a consumer for several secrets."""

    def __init__(self, ctx: EffectContext, order: Order, work: Intent) -> None:
        self._ctx = ctx
        self._ledger = ctx.ledger
        self._order = order
        self._work = work
        self._secret = ctx.secret_map.secrets[order.secret]

    @property
    def host(self) -> str:
        if self._work.kind is ActionKind.RELOAD:
            return self._ctx.secret_map.consumers[self._work.target].host or ""
        return next(copy.host or "" for copy in self._secret.copies if copy.id == self._work.target)

    @property
    def what(self) -> str:
        return f"{self._work.kind} of {self._work.target}"

    def perform(self, host: Host) -> str:
        """Commit the intent, make the effect through ``host``, and commit the outcome.

        A failure is recorded and raised; the next advance holds the secret and says where everything is.
        """
        if self._work.state is not IntentState.WAITING:
            raise ConfigurationError(f"the {self.what} is {self._work.state}, not waiting to be done")
        try:
            return self._reload(host) if self._work.kind is ActionKind.RELOAD else self._effect(host)
        except StoppedError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it would be handed out again
            problem = guard.as_rotor_error(error)
            self._refused(problem)
            raise problem from None

    def _refused(self, error: RotorError) -> None:
        """Record what failed before it began, too: it would be handed out again and again."""
        work = self._work
        _secret, now = self._ledger.intent(work.id)
        if now.state is IntentState.WAITING:
            self._ledger.fail(work.run, self._secret.name, work.id, str(error))

    def _effect(self, host: Host) -> str:
        """Make the same effect as everywhere else, on a store that lives on this host."""
        self._ctx.clock.check()
        self._ctx.systems.host = host
        target, secret = self._work.target, self._secret
        index = next(i for i, step in enumerate(secret.steps) if any(copy.id == target for copy in step.copies))
        action = Action(self._work.kind, index, target, self._work.credential)
        traits = registry.find("issuers", secret.issuer.type).traits
        case = Case(secret, self._ledger.state(secret.name), self._order, traits, self._ctx.clock.now())
        effect = write.write if action.kind is ActionKind.WRITE else mint.probe
        return effect(self._ctx, Work(case, action))

    def _reload(self, host: Host) -> str:
        served: dict[str, int] = dict(self._work.progress["served"])
        first, run, target = self._secret.name, self._work.run, self._work.target
        with self._ctx.access.locks.hold(f"consumer {target}", wait=600):
            self._ctx.clock.check()
            self._ctx.access.locks.check()
            command = self._command(served[first])
            kind = self._work.kind
            intents = {secret: self._ledger.intend(run, secret, kind, target, row) for secret, row in served.items()}
            try:
                answer = host(command)
                if answer.code != 0:
                    raise self._failure(answer, served)
            except RotorError as error:
                state = IntentState.FAILED if isinstance(error, ConfigurationError) else IntentState.UNKNOWN
                for secret, intent in intents.items():
                    self._ledger.fail(run, secret, intent, str(error), state)
                raise
            evidence = {"host": self.host, "exit_code": answer.code}
            self._ledger.reloaded(run, intents, consumer=target, credentials=served, evidence=evidence)
        return f"{target} reloaded on host {self.host}"

    def _command(self, row_id: int) -> HostCommand:
        consumer = self._ctx.secret_map.consumers[self._work.target]
        task = registry.find("consumers", consumer.type).task(consumer.options)
        line, folder, stdin = task["command"], task.get("chdir"), task.get("stdin")
        if stdin is None:
            return HostCommand(line, folder, catch=True)
        row = self._ledger.state(self._secret.name).credential(row_id)
        if row is None or not row.has_value:
            raise ConfigurationError(f"the value that {self._work.target} is to get is not kept here")
        fields = write.fields_of(self._secret, self._ledger.unseal(row))
        return HostCommand(line, folder, Template.parse(stdin).render(fields), catch=True)

    def _failure(self, answer: HostAnswer, served: Iterable[str]) -> RotorError:
        message = f"the command ended with code {answer.code} on host {self.host}"
        if answer.printed is None:
            hint = "What it printed is not shown: the host has no Python to catch it with, or become wants a terminal"
        elif not answer.printed.strip():
            hint = "It printed nothing"
        else:
            message, hint = f"{message}, and printed: {self._shown(answer.printed, served)}", "No value is shown"
        return RotorError(message, hint=f"{hint}. Mend it there, and run again")

    def _shown(self, printed: str, served: Iterable[str]) -> str:
        try:
            values = self._values(served)
        except RotorError:  # it has been run, and whatever is wrong with the ledger is said by the next action
            return "(not shown: the values that it may hold cannot be opened)"
        return _fit(masking.scrub_pieces(masking.scrub(printed), values))

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
