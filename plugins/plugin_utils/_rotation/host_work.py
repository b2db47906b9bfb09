# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on inventory hosts: what to run there, and what came of it. Ansible does it; the ledger knows it.

A value is expanded here at the last moment, and goes to the host through the connection's standard input only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._core.templates import Template
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.effects import fields_of
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.journal import Journal
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.model import SecretMap
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import Intent, IntentState


@dataclass(frozen=True)
class Command:
    """What to run on the host; ``stdin`` is all that may hold a value."""

    command: str
    chdir: str | None
    stdin: SecretValue | None


class HostWork:
    """One reload that only Ansible can make, for all the secrets that it serves."""

    def __init__(self, secret: str, work: Intent, secret_map: SecretMap, journal: Journal, clock: Clock) -> None:
        self._work = work
        self._map = secret_map
        self._ledger = journal.ledger
        self._locks = journal.locks
        self._clock = clock
        self._secret = secret
        self.consumer = secret_map.consumers[work.target]

    @property
    def host(self) -> str:
        return self.consumer.host or ""

    def perform(self, execute: Callable[[Command], int]) -> str:
        """Intent committed, ``execute`` (which returns the exit code) called, outcome committed.

        A failure is recorded and raised; the next advance holds the secret and says where everything is.
        """
        if self._work.state is not IntentState.WAITING:
            raise ConfigurationError(f"the work on {self._work.target} is {self._work.state}, not waiting to be done")
        served: dict[str, int] = dict(self._work.progress["served"])
        first = self._secret
        with self._locks.hold(f"consumer {self._work.target}", wait=600):
            self._clock.check()
            command = self._command(first, served[first])
            run, target = self._work.run, self._work.target
            intents = {
                secret: self._ledger.intend(run, secret, "reload", target, row) for secret, row in served.items()
            }
            try:
                code = execute(command)
                if code != 0:
                    raise RotorError(
                        f"the command ended with code {code} on host {self.host}",
                        hint="What it printed is not shown, since it may hold the value. Mend it there, and run again",
                    )
            except RotorError as error:
                never_ran = isinstance(error, ConfigurationError)
                for secret, intent in intents.items():
                    state = IntentState.FAILED if never_ran else IntentState.UNKNOWN
                    self._ledger.fail(run, secret, intent, str(error), state)
                raise
            evidence = {"host": self.host, "exit_code": code}
            self._ledger.reloaded(run, intents, consumer=target, credentials=served, evidence=evidence)
        return f"{target} reloaded on host {self.host}"

    def _command(self, secret_name: str, row_id: int) -> Command:
        task = registry.find("consumers", self.consumer.type).task(self.consumer.options)
        stdin = task.get("stdin")
        if stdin is None:
            return Command(task["command"], task.get("chdir"), None)
        row = self._ledger.state(secret_name).credential(row_id)
        if row is None or not row.has_value:
            raise ConfigurationError(f"the value that {self._work.target} is to get is not kept here")
        fields = fields_of(self._map.secrets[secret_name], self._ledger.unseal(row))
        return Command(task["command"], task.get("chdir"), Template.parse(stdin).render(fields))
