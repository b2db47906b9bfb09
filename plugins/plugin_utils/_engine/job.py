# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognizes the job runner that has started a run (AWX, Semaphore, ansible-runner), and what it tells of its job."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...module_utils._core.outside_text import NAME, printable

_IDS = ("AWX_JOB_ID", "JOB_ID", "SEMAPHORE_TASK_DETAILS_ID")
_RUNNERS_FOLDER = "AWX_ISOLATED_DATA_DIR"
"""What ansible-runner sets for every playbook that it runs, under AWX or alone."""


PROCESS = secrets.token_hex(8)
"""Names this call of ``ansible-playbook``: its workers are forks of the process that has imported this."""


class Runner(StrEnum):
    AWX = "AWX"
    SEMAPHORE = "Semaphore"
    ANSIBLE_RUNNER = "ansible-runner"


@dataclass(frozen=True)
class Job:
    """The job that a run belongs to; without a runner, a person or a scheduler has started it by its command."""

    runner: Runner | None = None
    id: str = ""
    starter: str = ""
    schedule: str = ""
    process: str = PROCESS

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> Job:
        """Read what AWX and Semaphore tell in their extra variables, and ansible-runner in the environment."""
        semaphore = variables.get("semaphore_vars")
        details = semaphore.get("task_details") if isinstance(semaphore, Mapping) else None
        details = details if isinstance(details, Mapping) else {}

        def tower(name: str) -> str:
            return str(variables.get(f"awx_{name}") or variables.get(f"tower_{name}") or "")

        runner = Runner.SEMAPHORE if isinstance(semaphore, Mapping) else Runner.AWX if tower("job_id") else None
        if runner is None and _RUNNERS_FOLDER in os.environ:
            runner = Runner.ANSIBLE_RUNNER
        return cls(
            runner,
            next((os.environ[name] for name in _IDS if os.environ.get(name)), "")
            or tower("job_id")
            or str(details.get("id") or ""),
            str(details.get("username") or "") or tower("user_name"),
            tower("schedule_name"),
        )

    @property
    def key(self) -> str:
        """Name the job by its runner's number, or else by the process: what two runs of one job have in common."""
        return f"{self.runner} {self.id}" if self.runner and self.id else self.process

    @property
    def caller(self) -> str:
        """Name the person behind a run, and the job that it belongs to."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = str(os.getuid())
        who = f"{self.starter} as {user}" if self.starter else user
        words = {"job": self.id, "schedule": self.schedule}
        return printable(", ".join([who, *(f"{word} {name}" for word, name in words.items() if name)]), NAME)

    @property
    def way_on(self) -> str:
        """Say how the job is started again, up to the extra variables that are to be given."""
        again = "run the job" if self.runner is Runner.ANSIBLE_RUNNER else "launch the template"
        return f"{again} again with" if self.runner else ""


NO_JOB = Job()
