# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``github_workflow``: a run that was queued after the write succeeds, or a job or some steps of it do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..._core import durations
from ..._core.contracts import Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.errors import CheckFailedError, NotFoundError
from .client import REPOSITORY
from .runs import COMPLETED, Run, Runs, describe

TIMEOUT = 1800
_NAME = {"type": "string", "minLength": 1}
_FEW = 10


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
            "job": {
                "type": "string",
                "minLength": 1,
                "description": "The name of a job, as the run's page has it: its conclusion counts, not the run's.",
            },
            "step": {
                "oneOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}],
                "description": "The name of a step of that job, or several: theirs count, not the job's.",
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
    def validate(cls, options: Options) -> list[str]:
        return ["step: job has to say of which job it is"] if "step" in options and "job" not in options else []

    @classmethod
    def label(cls, options: Options) -> str:
        inner = [f"{part} {', '.join(_listed(options[part]))}" for part in ("job", "step") if part in options]
        return ", ".join([f"workflow {options['workflow']}", *inner])

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
        what = f"workflow {self.options['workflow']} of {self.options['repository']}"
        if "job" not in self.options or run["status"] != COMPLETED:
            return proven(run, what)
        if problems := self._failures(run):
            raise CheckFailedError(f"{what}: {'; '.join(problems)} ({describe(run)})", hint=_MEND)
        return _evidence(run)

    def _failures(self, run: Run) -> list[str]:
        """Say what did not succeed in a run that has ended: itself, or the job or the steps of the map."""
        if "job" not in self.options:
            return [] if run["conclusion"] == "success" else [f'it concluded "{run["conclusion"]}"']
        jobs = self._runs.jobs(run["id"])
        named = [job for job in jobs if job["name"] == self.options["job"]]
        if "step" not in self.options:
            return _not_successful("job", [self.options["job"]], jobs)
        steps = [step for job in named for step in job.get("steps") or ()]
        return _not_successful("step", _listed(self.options["step"]), steps)

    def _recorded(self, checkpoint: Checkpoint) -> int | None:
        """Return the run that an earlier attempt started, unless it failed: something may have been mended since."""
        known = checkpoint.recall().get("run_id")
        if known is None:
            return None
        try:
            run = self._runs.get(known)
        except NotFoundError:
            return None
        return None if run["status"] == COMPLETED and self._failures(run) else known

    def _start(self, checkpoint: Checkpoint) -> int:
        repository = self.options["repository"]
        ref = self.options.get("ref") or self.connection.repository(repository)["default_branch"]
        run_id = self._runs.dispatch(self.options["workflow"], ref, self.options.get("inputs", {}))
        checkpoint.record({"run_id": run_id})
        return run_id

    @property
    def _runs(self) -> Runs:
        return Runs(self.connection, self.options["repository"])


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _not_successful(kind: str, names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which of the named jobs or steps are missing, or concluded otherwise; all of one name have to succeed."""
    problems = []
    for name in names:
        ends = [one.get("conclusion") for one in found if one["name"] == name]
        bad = [end for end in ends if end != "success"]
        if not ends:
            there = ", ".join(dict.fromkeys(one["name"] for one in found[:_FEW])) or "none"
            problems.append(f"there is no {kind} {name}, but {there}")
        elif bad:
            problems.append(f'{kind} {name} concluded "{bad[0]}"')
    return problems


_MEND = "See what failed there, mend it, and run again"


def _evidence(run: Run) -> Evidence:
    return {"run_id": run["id"]} | {key: run[key] for key in ("html_url", "conclusion", "head_sha")}


def proven(run: Run, what: str) -> Evidence:
    """Return the evidence of a successful run; CheckFailedError for any other."""
    if run["conclusion"] == "success":
        return _evidence(run)
    ended = run["status"] == COMPLETED
    how = f'concluded "{run["conclusion"]}"' if ended else f"did not end in time and is {run['status']}"
    hint = _MEND if ended else "Wait for it, and run again"
    raise CheckFailedError(f"{what} {how} ({describe(run)})", hint=hint)
