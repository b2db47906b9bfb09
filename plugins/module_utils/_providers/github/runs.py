# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflow runs of one repository: start one, list those under way, wait for their end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from ..._core.errors import InvalidRequestError, OutcomeUnknownError, UnexpectedAnswerError
from ..._core.http.shapes import Maybe, moment
from .client import GitHubConnection

COMPLETED = "completed"
_NULLABLE = Maybe(str, there=True)
_RUN = {"id": int, "status": _NULLABLE, "conclusion": _NULLABLE, "html_url": str, "head_sha": str}
_LISTED = {"id": int, "status": _NULLABLE, "path": Maybe(str)}
_JOB = {"status": str, "started_at": Maybe(moment)}
_STEP = {"name": str, "conclusion": Maybe(str)}
_ENDED_JOB = {"name": str, "conclusion": Maybe(str), "steps": Maybe([_STEP])}
_RUNNING = "in_progress"
_UNDER_WAY = ("queued", "in_progress", "waiting", "pending", "requested")
_OLDEST = timedelta(days=65)  # a run may be repeated for 30 days, and each may take 35 (GitHub's limits for Actions)
_SLACK = timedelta(minutes=1)  # by how much two of GitHub's clocks may differ
_APPEARS = 30.0  # seconds within which a dispatched run is listed

Run = Mapping[str, Any]


class Runs:
    """The workflow runs of one repository."""

    def __init__(self, connection: GitHubConnection, repository: str) -> None:
        self._connection = connection
        self._repository = repository
        self._actions = f"/repos/{repository}/actions"

    def workflow(self, workflow: str | int) -> dict[str, Any]:
        doing = f"looking at workflow {workflow} of {self._repository}"
        return self._connection.get(f"{self._actions}/workflows/{_quoted(workflow)}", doing, shape={"state": str})

    def get(self, run_id: int) -> Run:
        doing = f"looking at run {run_id} of {self._repository}"
        return self._connection.get(f"{self._actions}/runs/{run_id}", doing, shape=_RUN)

    def under_way(self, until: datetime, workflows: Collection[str] = ()) -> list[Run]:
        """List runs created up to ``until`` that have not ended; ``workflows`` are file names, none means all."""
        span = {"created": f"{_iso(until - _OLDEST)}..{_iso(until)}"}
        path, doing = f"{self._actions}/runs", f"listing the runs of {self._repository}"
        shape = {"workflow_runs": [_LISTED], "total_count": int}
        page = self._connection.get(path, doing, {"per_page": 100, **span}, shape=shape)
        runs = page["workflow_runs"]
        if page["total_count"] > len(runs):  # too many to look at each: ask for each status
            runs = [
                run
                for status in _UNDER_WAY
                for some in self._connection.pages(path, "workflow_runs", doing, _LISTED, {"status": status, **span})
                for run in some
            ]
        return [run for run in runs if run["status"] != COMPLETED and (not workflows or _file(run) in workflows)]

    def has_jobs_from_before(self, run_id: int, before: datetime) -> bool:
        """Return whether a job that started before still runs; one that waits for approval has not started."""
        path, doing = f"{self._actions}/runs/{run_id}/jobs", f"listing the jobs of run {run_id} of {self._repository}"
        pages = self._connection.pages(path, "jobs", doing, _JOB, {"filter": "all"})
        running = [job for page in pages for job in page if job["status"] == _RUNNING]
        starts = [job.get("started_at") for job in running]
        return any(start is None or datetime.fromisoformat(start) <= before + _SLACK for start in starts)

    def jobs(self, run_id: int) -> list[dict[str, Any]]:
        """List the jobs of a run's last attempt, each with its ``name``, ``conclusion`` and ``steps``."""
        path, doing = f"{self._actions}/runs/{run_id}/jobs", f"listing the jobs of run {run_id} of {self._repository}"
        pages = self._connection.pages(path, "jobs", doing, _ENDED_JOB, {"filter": "latest"})
        return [job for page in pages for job in page]

    def wait(self, run_id: int, *, within: float, longest_pause: float = 10.0) -> Run:
        """Wait for a run's end, and return the run as it is then or when the time is over."""
        clock = self._connection.clock
        deadline, pause = clock.monotonic() + within, 1.0
        while True:
            run = self.get(run_id)
            left = deadline - clock.monotonic()
            if run["status"] == COMPLETED or left <= 0:
                return run
            clock.waits_for(f"{describe(run)}, {run['status']}")
            clock.sleep(min(pause, longest_pause, left))
            pause *= 1.5

    def dispatch(self, workflow: str | int, ref: str, inputs: Mapping[str, str]) -> int:
        """Start a run and return its id. A lost answer costs a second run at worst, which does no harm."""
        began = self._connection.clock.monotonic()
        try:
            run_id = self._send(workflow, ref, inputs)
        except OutcomeUnknownError:
            run_id = self._started(workflow, ref, began) or self._send(workflow, ref, inputs)
        run_id = run_id or self._started(workflow, ref, began)
        if run_id is None:
            raise OutcomeUnknownError(
                f"workflow {workflow} of {self._repository} was dispatched, and no run appeared",
                hint="See whether Actions is enabled there, and run again",
            )
        return run_id

    def _send(self, workflow: str | int, ref: str, inputs: Mapping[str, str]) -> int | None:
        """Dispatch a run and return its id; None from a server that does not tell it."""
        path = f"{self._actions}/workflows/{_quoted(workflow)}/dispatches"
        doing = f"dispatching workflow {workflow} of {self._repository} on {ref}"
        body = {"ref": ref, **({"inputs": dict(inputs)} if inputs else {})}
        send = self._connection.change
        try:
            payload = body | {"return_run_details": True}
            answer = send("POST", path, doing, body=payload, ok=(200, 204), idempotent=False)
        except InvalidRequestError:  # older Enterprise Servers do not know the wish
            answer = send("POST", path, doing, body=body, ok=(200, 204), idempotent=False)
        if answer.status == 204:
            return None
        response = answer.json
        run_id = response.get("workflow_run_id") if isinstance(response, dict) else None
        if not isinstance(run_id, int):
            raise UnexpectedAnswerError(f"{answer.where} answered {answer.status} without the run's id")
        return run_id

    def _started(self, workflow: str | int, ref: str, began: float) -> int | None:
        """Find the newest run dispatched since then, whoever did it: it was queued after the write.

        ``began`` is a moment of our monotonic clock: GitHub's date of it needs an answer, and there may be none yet.
        """
        path, doing = f"{self._actions}/workflows/{_quoted(workflow)}/runs", f"looking for the run of {workflow}"
        branch = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        since = _iso(self._connection.date_of(began))
        wanted = {"event": "workflow_dispatch", "branch": branch, "created": f">={since}"}

        def newest() -> int | None:
            page = next(self._connection.pages(path, "workflow_runs", doing, {"id": int}, wanted))
            return max((run["id"] for run in page), default=None)

        return self._connection.clock.poll(newest, every=2, within=_APPEARS)


def describe(run: Run) -> str:
    return f"run {run['id']}, {run['html_url']}"


def _file(run: Run) -> str:
    return str((run.get("path") or "").partition("@")[0].rpartition("/")[2])


def _quoted(workflow: str | int) -> str:
    return quote(str(workflow), safe="")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
