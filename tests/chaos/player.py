# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays `ansible-playbook rotor.secrets.rotate` without Ansible: a process for each action, over the real sessions.

What is left out is what costs seconds, Ansible's own start and its templates. What a kill meets is real: the process of
each action is forked, leads a session of its own, and runs under the worker's clock and signal handlers.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError, StoppedError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import Host
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.selection import RunOptions
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.variables import TaskVariables
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Caller, Session
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.worker import WorkerClock
from tests.unit.providers.dotenv.local_host import LocalHost

from .scenes import HURRY

CALLER = Caller("ansible-playbook rotor.secrets.rotate", "a test", frozenset({"localhost", "app1"}))
Deed = Callable[[Session], Mapping[str, Any]]


class Player:
    """The role's actions one after the other, in this process."""

    def __init__(
        self, variables: Mapping[str, Any], clock: Callable[[], Clock], say: Callable[[str], None], host: Host
    ) -> None:
        self._variables = variables
        self._clock = clock
        self._say = say
        self._host = host

    def rotate(self, **options: Any) -> Mapping[str, Any]:
        """A whole run; its last result, or the plan's where nothing goes."""
        plan = self.act(lambda session: session.plan(RunOptions(**options), check=False))
        if not plan.get("go"):
            return plan
        run = plan["run"]  # without hooks, the role advances to the end at once
        result = self.act(lambda session: session.advance(run, Phase.REVOKED))
        while result.get("todo"):
            for work in result["todo"]:
                self.act(partial(self._on_host, run, work))
            result = self.act(lambda session: session.advance(run, Phase.REVOKED))
        return result

    def _on_host(self, run: str, work: Mapping[str, Any], session: Session) -> Mapping[str, Any]:
        return session.host_work(run, work["work"], work["host"], self._host)

    def act(self, deed: Deed) -> Mapping[str, Any]:
        """As an action does it: a RotorError fails the task with its message."""
        session = Session(TaskVariables(self._variables, lambda text: text), self._clock(), CALLER, self._say)
        try:
            result = deed(session)
        except RotorError as error:
            result = {"failed": True, "msg": str(error)}
        if result.get("failed"):
            self._say(str(result.get("msg", "")))
        return result


class QuickClock(WorkerClock):
    """The worker's clock, under its rules; only waiting is shorter."""

    def monotonic(self) -> float:
        return super().monotonic() * HURRY

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / HURRY)

    def guarded(self) -> QuickClock:
        self.guard()
        return self


class ForkingPlayer(Player):
    """Each action in a process of its own, as core's worker is one."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__(variables, lambda: QuickClock().guarded(), _say, LocalHost())

    def act(self, deed: Deed) -> Mapping[str, Any]:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=self._work, args=(deed, theirs))
        worker.start()
        theirs.close()
        try:
            result: Mapping[str, Any] = ours.recv()
        except EOFError:
            _say("A worker was found in a dead state")
            raise SystemExit(1) from None
        worker.join()
        return result

    def _work(self, deed: Deed, pipe: Any) -> None:
        os.setsid()
        try:
            pipe.send(super().act(deed))
        except (StoppedError, BrokenPipeError):
            os._exit(1)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def play(variables: Mapping[str, Any], options: Mapping[str, Any]) -> int:
    """The exit code; what it prints is what a person would read."""
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    result = ForkingPlayer(variables).rotate(**given)
    _say("CHANGED" if result.get("changed") else "NOTHING CHANGED")
    return 2 if result.get("failed") else 0


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    sys.exit(play(asked["variables"], asked["options"]))
