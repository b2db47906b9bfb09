# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a scene, kills it, runs it again, and asks the world what came of it."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.integration.canary import Watch

from .hook import points
from .hook.points import JOURNAL, KILL, STRUCK, Kill
from .scenes import Scene
from .stage import ROOT, Outcome, Stage

HOOK = Path(points.__file__).parent


@dataclass(frozen=True)
class Run:
    outcome: Outcome
    journal: list[str]
    output: str

    @property
    def killed(self) -> bool:
        return any(line.startswith(STRUCK) for line in self.journal)

    @property
    def moments(self) -> int:
        return sum(not line.startswith(STRUCK) for line in self.journal)

    @property
    def begun_afterwards(self) -> list[str]:
        """The threads that began a request after the kill, once for each."""
        lines = list(itertools.dropwhile(lambda line: not line.startswith(STRUCK), self.journal))
        return [line.split()[0] for line in lines[1:] if not line.endswith(" commit")]

    @property
    def killer(self) -> str:
        """The thread that was at the moment of the kill."""
        return next(line.split()[-1] for line in self.journal if line.startswith(STRUCK))


class Theatre:
    """One scene on a stage; ``real`` runs ansible-playbook itself."""

    def __init__(self, stage: Stage, scene: Scene, *, real: bool = False) -> None:
        self.scene = scene
        self._stage = stage
        self._real = real
        self._runs = itertools.count(1)
        self._watch = Watch(scene.desk.home)

    def run(self, kill: Kill | None = None) -> Run:
        desk, number = self.scene.desk, next(self._runs)
        journal, output = desk.home / f"journal-{number}", desk.home / f"output-{number}"
        journal.touch()
        environment = desk.environment | {JOURNAL: str(journal), KILL: str(kill or "")}
        order = {"environment": environment, "folder": str(desk.home), "output": str(output)}
        if self._real:
            environment["PYTHONPATH"] = os.pathsep.join([str(HOOK), str(ROOT)])
            only = ",".join(self.scene.secrets)
            order["argv"] = desk.command("rotor.secrets.rotate", "-e", f"rotate_only={only}")
        else:
            order |= {"variables": self.scene.variables, "options": {"only": list(self.scene.secrets)}}
        since = time.time()
        outcome = self._stage.run(**order)
        said = output.read_text(errors="replace")
        desk.judge(said, since)
        return Run(outcome, journal.read_text().splitlines(), said)

    def killed_at(self, kill: Kill) -> bool:
        """One case; False where the run was over before that moment."""
        first = self.run(kill)
        assert not first.outcome.stuck, f"something of the run lived on\n{first.output}"
        if not first.killed:
            assert first.outcome.code == 0, first.output
            assert first.moments < kill.point, "the moment has come, and nothing was killed"
            return False
        if kill.signal == "SIGKILL":
            _assert_silent(first)
        lost = set(self.scene.mints()) - self.scene.recorded()
        self._assert_no_leak("after the kill")
        self.scene.assert_usable()
        self.scene.tend(lost, lambda: self.run().output)

        second = self.run()
        assert second.outcome.code == 0, f"the next run does not finish it\n{first.output}\n--\n{second.output}"
        self.scene.assert_at_rest()
        self.scene.assert_unbroken()
        mints = Counter(self.scene.mints().values())
        allowed = {name: 1 + sum(self.scene.mints()[one] == name for one in lost) for name in self.scene.secrets}
        assert all(mints[name] <= allowed[name] for name in mints), f"minted {mints}, answers lost: {len(lost)}"

        before = self.scene.effects()
        third = self.run()
        assert third.outcome.code == 0, third.output
        assert self.scene.effects() == before, "a third run changes something"
        self._assert_no_leak("at rest")
        return True

    def _assert_no_leak(self, when: str) -> None:
        self._watch.look()
        places = self._watch.search("after kills", self.scene.values())
        assert places == [], f"a value was found {when}"


def _assert_silent(run: Run) -> None:
    """Each thread may end the request that it was about to send; none begins another."""
    begun = Counter(run.begun_afterwards)
    assert run.killer not in begun, run.journal
    assert all(count == 1 for count in begun.values()), run.journal
