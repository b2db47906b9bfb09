# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``github_workflow``: a run that was queued after the write succeeds."""

from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.module_utils._core import durations
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Check,
    Evidence,
    Journal,
    Options,
    Schema,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError, NotFoundError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import REPOSITORY
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.runs import COMPLETED, Run, Runs, describe

_TIMEOUT = 1800


class GitHubWorkflow(Check):
    schema = Schema(
        properties={
            "repository": REPOSITORY,
            "workflow": {
                "type": ["string", "integer"],
                "description": "File name or id of a workflow that uses the secret and can be started by hand.",
            },
            "ref": {"type": "string", "minLength": 1, "description": "Branch or tag. The default branch unless said."},
            "inputs": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "maxProperties": 25,
                "description": "Inputs of the workflow. They can be read by everybody who sees the run.",
            },
            "timeout": {
                "type": "integer",
                "minimum": 1,
                "default": _TIMEOUT,
                "description": "Seconds within which the run must have ended.",
            },
            "every": {
                "type": "string",
                "pattern": durations.PATTERN,
                "minLength": 2,
                "default": "10s",
                "description": "The longest pause between two looks at the run.",
            },
        },
        required=("repository", "workflow"),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"workflow {options['workflow']}"

    def preflight(self) -> list[str]:
        """Whether it can be started by hand stands in its file, which the token need not see."""
        state = self._runs.workflow(self.options["workflow"])["state"]
        where = f"{self.label(self.options)} of {self.options['repository']}"
        return [] if state == "active" else [f"{where} is {state.replace('_', ' ')}"]

    def run(self, credential: Credential | None, journal: Journal) -> Evidence:
        if credential is None:  # health is asked without starting anything
            if problems := self.preflight():
                raise CheckFailedError("; ".join(problems))
            return {}
        run = self._recorded(journal) or self._start(journal)
        if run["status"] != COMPLETED:
            run = self._wait(run["id"])
        if run["conclusion"] != "success":
            raise CheckFailedError(
                f"{self.label(self.options)} of {self.options['repository']} {_end(run)} ({describe(run)})",
                hint="See what failed there, mend it, and run again",
            )
        return {"run_id": run["id"]} | {key: run[key] for key in ("html_url", "conclusion", "head_sha")}

    def _recorded(self, journal: Journal) -> Run | None:
        """The run that an earlier attempt started; one that ended badly does not count: somebody mended something."""
        known = journal.recall().get("run_id")
        if known is None:
            return None
        try:
            run = self._runs.get(known)
        except NotFoundError:
            return None
        return None if run["status"] == COMPLETED and run["conclusion"] != "success" else run

    def _start(self, journal: Journal) -> Run:
        repository = self.options["repository"]
        ref = self.options.get("ref") or self.connection.repository(repository)["default_branch"]
        run_id = self._runs.dispatch(self.options["workflow"], ref, self.options.get("inputs", {}))
        journal.record({"run_id": run_id})
        return self._wait(run_id)

    def _wait(self, run_id: int) -> Run:
        pause = durations.parse(self.options.get("every", "10s")).total_seconds()
        return self._runs.wait(run_id, within=self.options.get("timeout", _TIMEOUT), longest_pause=pause)

    @property
    def _runs(self) -> Runs:
        return Runs(self.connection, self.options["repository"])


def _end(run: Run) -> str:
    if run["status"] == COMPLETED:
        return f'concluded "{run["conclusion"]}"'
    return f"did not end in time and is {run['status']}"
