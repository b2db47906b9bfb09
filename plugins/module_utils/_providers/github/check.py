# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``github_workflow``: a run that was queued after the write succeeds."""

from __future__ import annotations

from datetime import timedelta

from ..._core import durations
from ..._core.contracts import Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.errors import CheckFailedError, NotFoundError
from .client import REPOSITORY
from .runs import COMPLETED, Run, Runs, describe

TIMEOUT = 1800


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
                "default": TIMEOUT,
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
    unverifiable = "whether the token may start workflows, since a fine-grained one shows only what it may read"

    @classmethod
    def label(cls, options: Options) -> str:
        return f"workflow {options['workflow']}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return timedelta(seconds=options.get("timeout", TIMEOUT))

    def preflight(self) -> list[str]:
        """Report a disabled workflow; whether it has workflow_dispatch stands in its file, which is not read."""
        state = self._runs.workflow(self.options["workflow"])["state"]
        where = f"{self.label(self.options)} of {self.options['repository']}"
        return [f"{where} is {state.replace('_', ' ')}"] if state.startswith(("disabled", "deleted")) else []

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if credential is None:  # health is asked without starting anything
            if problems := self.preflight():
                raise CheckFailedError("; ".join(problems))
            return {}
        run_id = self._recorded(checkpoint) or self._start(checkpoint)
        pause = durations.parse(self.options.get("every", "10s")).total_seconds()
        run = self._runs.wait(run_id, within=self.options.get("timeout", TIMEOUT), longest_pause=pause)
        return proven(run, f"{self.label(self.options)} of {self.options['repository']}")

    def _recorded(self, checkpoint: Checkpoint) -> int | None:
        """Return the run that an earlier attempt started, unless it failed: something may have been mended since."""
        known = checkpoint.recall().get("run_id")
        if known is None:
            return None
        try:
            run = self._runs.get(known)
        except NotFoundError:
            return None
        return None if run["status"] == COMPLETED and run["conclusion"] != "success" else known

    def _start(self, checkpoint: Checkpoint) -> int:
        repository = self.options["repository"]
        ref = self.options.get("ref") or self.connection.repository(repository)["default_branch"]
        run_id = self._runs.dispatch(self.options["workflow"], ref, self.options.get("inputs", {}))
        checkpoint.record({"run_id": run_id})
        return run_id

    @property
    def _runs(self) -> Runs:
        return Runs(self.connection, self.options["repository"])


def proven(run: Run, what: str) -> Evidence:
    """Return the evidence of a successful run; CheckFailedError for any other."""
    if run["conclusion"] == "success":
        return {"run_id": run["id"]} | {key: run[key] for key in ("html_url", "conclusion", "head_sha")}
    ended = run["status"] == COMPLETED
    how = f'concluded "{run["conclusion"]}"' if ended else f"did not end in time and is {run['status']}"
    hint = "See what failed there, mend it, and run again" if ended else "Wait for it, and run again"
    raise CheckFailedError(f"{what} {how} ({describe(run)})", hint=hint)
