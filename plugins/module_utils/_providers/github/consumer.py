# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consumer ``github_actions``: workflow runs, which hold the secrets of the moment they were queued.

New runs get the new value by themselves. What is left to do is to wait for those that were queued before the write. An
environment's secrets are read later, when a job starts: there, runs of which no job had started hold nothing old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..._core.contracts import Checkpoint, Consumer, Evidence, Options, Schema, Written
from ..._core.errors import RotorError
from .client import REPOSITORY
from .runs import COMPLETED, Run, Runs, describe
from .scope import Scope

_TIMEOUT = 1800


class GitHubActions(Consumer):
    where = ("repository",)
    schema = Schema(
        properties={
            "repository": REPOSITORY,
            "timeout": {
                "type": "integer",
                "minimum": 1,
                "default": _TIMEOUT,
                "description": "Seconds within which runs that hold the old value must have ended.",
            },
            "workflows": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "description": "File names of the workflows that use the secret. All unless said.",
            },
        },
        required=("repository",),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"github actions of {options['repository']}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return timedelta(seconds=options.get("timeout", _TIMEOUT))

    def health_problems(self) -> list[str]:
        """Report an archived or disabled repository; only administrators may read whether Actions is enabled."""
        repository = self.connection.repository(self.options["repository"])
        return [f"{self.label(self.options)}: the repository is {word}" for word in _DEAD if repository.get(word)]

    def preview(self) -> list[str]:
        count = len(self._under_way(self.connection.now()))
        return [f"drain: {_runs(count)} under way now"] if count else ["drain: no run is under way now"]

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        mine = [item for item in written if self._is_mine(item)]
        if not mine:
            return {"drained": []}
        before = max(map(_written_at, mine))
        by_jobs = all(Scope.of(item.container).read_by_jobs for item in mine)
        held = [run["id"] for run in self._under_way(before) if self._holds(run, before, by_jobs)]
        deadline = self.connection.clock.monotonic() + self.options.get("timeout", _TIMEOUT)
        ended = [self._runs.wait(run, within=deadline - self.connection.clock.monotonic()) for run in held]
        if late := [run for run in ended if run["status"] != COMPLETED and self._holds(run, before, by_jobs)]:
            raise self._not_drained(late)
        return {"drained": held, "before": before.isoformat()}

    def _holds(self, run: Run, before: datetime, by_jobs: bool) -> bool:
        """Return whether a run queued before the write holds the old value."""
        return not by_jobs or self._runs.has_jobs_from_before(run["id"], before)

    def summary(self, evidence: Evidence) -> str:
        count = len(evidence["drained"])
        return f"{_runs(count)} queued before the write ended" if count else "no run was queued before the write"

    def _under_way(self, until: datetime) -> list[Run]:
        return self._runs.under_way(until, self.options.get("workflows", ()))

    @property
    def _runs(self) -> Runs:
        return Runs(self.connection, self.options["repository"])

    def _is_mine(self, item: Written) -> bool:
        return item.store == "github" and Scope.of(item.container).feeds_runs_of(self.options["repository"])

    def _not_drained(self, late: Sequence[Run]) -> RotorError:
        which = "; ".join(f"{run['status']} ({describe(run)})" for run in late)
        return RotorError(
            f"{self.label(self.options)}: {_runs(len(late))} queued before the write did not end within "
            f"{self.options.get('timeout', _TIMEOUT)} s: {which}",
            hint="They hold the old value. Wait for them, approve or cancel them, and run again",
        )


_DEAD = ("archived", "disabled")


def _written_at(item: Written) -> datetime:
    """Return when a copy was written, by GitHub's clock where it is known."""
    dates = [datetime.fromisoformat(key["updated_at"]) for key in item.evidence.get("keys", {}).values()]
    return max(dates, default=item.at)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
