# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workflow run as proof that a value works."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.check import GitHubWorkflow
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.runs import Runs
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import START, MemoryCheckpoint, Scripted, VirtualClock
from tests.unit.providers.github.asked import BASE, REPOSITORY, repository, requests, run
from tests.unit.providers.github.conftest import Connect

PUBLISH = "publish-platform-image.yml"
NEW = Credential("tok_2", "rotor-2", {"token": SecretValue("value-of-the-workflow-tests")})
DISPATCH = f"POST /actions/workflows/{PUBLISH}/dispatches"


def check(connection: GitHubConnection, **options: Any) -> GitHubWorkflow:
    return GitHubWorkflow({"repository": REPOSITORY, "workflow": PUBLISH} | options, connection, clock=connection.clock)


def dispatched(run_id: int) -> dict[str, Any]:
    return {"workflow_run_id": run_id, "run_url": "https://api", "html_url": "https://github.com"}


def test_the_very_run_that_it_started_is_the_evidence(github: GitHubConnection, world: Visitor) -> None:
    checkpoint = MemoryCheckpoint()
    evidence = check(github, ref="main", inputs={"reason": "rotation"}).run(NEW, checkpoint)
    assert evidence["conclusion"] == "success"
    assert evidence["html_url"].endswith(f"/actions/runs/{evidence['run_id']}")
    assert evidence.keys() == {"run_id", "html_url", "conclusion", "head_sha"}
    assert checkpoint.known == {"run_id": evidence["run_id"]}
    assert requests(world)[:2] == [DISPATCH, f"GET /actions/runs/{evidence['run_id']}"]


def test_without_a_ref_it_runs_on_the_default_branch(github: GitHubConnection, world: Visitor) -> None:
    check(github).run(NEW, MemoryCheckpoint())
    assert requests(world)[:2] == ["GET /", DISPATCH]


def test_a_bad_end_is_told_with_the_run_and_its_page(github: GitHubConnection, world: Visitor) -> None:
    world.tell("switch", failing_workflows=[PUBLISH])
    with pytest.raises(
        CheckFailedError, match=rf'workflow {PUBLISH} of {REPOSITORY} concluded "failure" \(run \d+, https'
    ):
        check(github).run(NEW, MemoryCheckpoint())


# A job or steps of it


def job(name: str, conclusion: str | None, **steps: str | None) -> dict[str, Any]:
    listed = [{"name": step.replace("_", " "), "conclusion": end} for step, end in steps.items()]
    return {"id": 1, "name": name, "status": "completed", "conclusion": conclusion, "steps": listed}


BUILD = job("build", "success")
PUBLISHED = job("publish", "failure", push_to_Fly="success", push_to_GHCR="failure", tidy_up="skipped")


def ended(script: Scripted, *jobs: dict[str, Any], conclusion: str = "failure") -> None:
    script.answer(200, dispatched(7)).answer(200, run(7, conclusion=conclusion))
    script.answer(200, {"jobs": list(jobs), "total_count": len(jobs)})


@pytest.mark.parametrize(
    "named",
    [{"job": "build"}, {"job": "publish", "step": "push to Fly"}, {"job": "publish", "step": ["push to Fly"]}],
    ids=str,
)
def test_named_job_or_step_counts_and_not_the_run(
    scripted: GitHubConnection, script: Scripted, named: dict[str, Any]
) -> None:
    ended(script, BUILD, PUBLISHED)
    evidence = check(scripted, ref="main", **named).run(NEW, MemoryCheckpoint())
    assert evidence["run_id"] == 7
    assert script.asked[2] == f"GET {BASE}/actions/runs/7/jobs?per_page=100&filter=latest"


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ({"job": "publish"}, 'job publish concluded "failure"'),
        ({"job": "publish", "step": ["push to Fly", "push to GHCR"]}, 'step push to GHCR concluded "failure"'),
        ({"job": "publish", "step": "tidy up"}, 'step tidy up concluded "skipped"'),
        ({"job": "publsh"}, "there is no job publsh, but build, publish"),
        ({"job": "publish", "step": "push"}, "there is no step push, but push to Fly, push to GHCR, tidy up"),
        ({"job": "build", "step": "push to Fly"}, "there is no step push to Fly, but none"),
    ],
    ids=str,
)
def test_job_or_step_that_did_not_succeed_fails_a_good_run(
    scripted: GitHubConnection, script: Scripted, named: dict[str, Any], problem: str
) -> None:
    ended(script, BUILD, PUBLISHED, conclusion="success")
    with pytest.raises(CheckFailedError) as caught:
        check(scripted, ref="main", **named).run(NEW, MemoryCheckpoint())
    page = f"https://github.com/{REPOSITORY}/actions/runs/7"
    assert caught.value.message == f"workflow {PUBLISH} of {REPOSITORY}: {problem} (run 7, {page})"


def test_every_job_of_a_name_has_to_succeed(scripted: GitHubConnection, script: Scripted) -> None:
    ended(script, BUILD, job("build", None))
    with pytest.raises(CheckFailedError, match='job build concluded "None"'):
        check(scripted, ref="main", job="build").run(NEW, MemoryCheckpoint())


def test_recorded_run_whose_step_succeeded_is_taken_again(scripted: GitHubConnection, script: Scripted) -> None:
    for _time in range(2):
        script.answer(200, run(7, conclusion="failure")).answer(200, {"jobs": [PUBLISHED], "total_count": 1})
    named = {"job": "publish", "step": "push to Fly"}
    assert check(scripted, **named).run(NEW, MemoryCheckpoint({"run_id": 7}))["run_id"] == 7


def test_recorded_run_whose_step_failed_is_started_anew(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, run(6)).answer(200, {"jobs": [job("publish", "failure")], "total_count": 1})
    ended(script, BUILD, job("publish", "success"))
    assert check(scripted, ref="main", job="publish").run(NEW, MemoryCheckpoint({"run_id": 6}))["run_id"] == 7


def test_job_of_the_sandbox_is_found_by_its_name(github: GitHubConnection, world: Visitor) -> None:
    with pytest.raises(CheckFailedError, match="there is no job none, but ") as caught:
        check(github, job="none").run(NEW, MemoryCheckpoint())
    name = caught.value.message.partition("but ")[2].partition(" (run")[0]
    assert check(github, job=name).run(NEW, MemoryCheckpoint())["conclusion"] == "success"


def test_step_needs_its_job() -> None:
    named = {"repository": REPOSITORY, "workflow": PUBLISH, "step": "push"}
    assert GitHubWorkflow.validate(named) == ["step: job has to say of which job it is"]
    assert GitHubWorkflow.validate(named | {"job": "publish"}) == []
    assert GitHubWorkflow.label(named | {"job": "publish"}) == f"workflow {PUBLISH}, job publish, step push"


# Going on after a crash


def test_a_resume_waits_for_the_run_that_was_started_before(github: GitHubConnection, world: Visitor) -> None:
    run_id = world.dispatch().json()["workflow_run_id"]
    evidence = check(github).run(NEW, MemoryCheckpoint({"run_id": run_id}))
    assert evidence["run_id"] == run_id
    assert requests(world).count(DISPATCH) == 1


def test_after_a_bad_end_a_new_run_is_started(github: GitHubConnection, world: Visitor) -> None:
    checkpoint = MemoryCheckpoint()
    world.tell("switch", failing_workflows=[PUBLISH])
    with pytest.raises(CheckFailedError):
        check(github).run(NEW, checkpoint)
    bad = checkpoint.known["run_id"]
    world.tell("switch", failing_workflows=[])
    assert check(github).run(NEW, checkpoint)["run_id"] != bad


def test_a_recorded_run_that_ends_badly_now_is_told_first(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, run(7, "in_progress")).answer(200, run(7, conclusion="cancelled"))
    with pytest.raises(CheckFailedError, match='concluded "cancelled"'):
        check(scripted).run(NEW, MemoryCheckpoint({"run_id": 7}))


def test_a_recorded_run_that_was_deleted_is_started_anew(github: GitHubConnection) -> None:
    assert check(github).run(NEW, MemoryCheckpoint({"run_id": 1}))["conclusion"] == "success"


def test_a_run_that_takes_too_long_is_told_and_remembered(
    scripted: GitHubConnection, script: Scripted, clock: VirtualClock
) -> None:
    script.answer(200, dispatched(7))
    for _turn in range(9):
        script.answer(200, run(7, "queued"))
    checkpoint = MemoryCheckpoint()
    with clock.busy("verify"):
        with pytest.raises(CheckFailedError, match="did not end in time and is queued"):
            check(scripted, ref="main", timeout=5, every="2s").run(NEW, checkpoint)
        (busy,) = clock.working()
    assert re.fullmatch(r"run 7, https://\S+, queued", busy.waits_for)
    assert checkpoint.known == {"run_id": 7}
    assert max(clock.slept) == 2


# Dispatches whose run is not told


def test_a_lost_answer_is_resolved_by_finding_the_run(github: GitHubConnection, world: Visitor) -> None:
    world.tell("faults", provider="github", method="POST", path=".*dispatches", times=1, kind="reset_after")
    assert check(github).run(NEW, MemoryCheckpoint())["conclusion"] == "success"
    assert requests(world).count(DISPATCH) == 1


def test_a_lost_request_is_sent_again(github: GitHubConnection, world: Visitor) -> None:
    world.tell("faults", provider="github", method="POST", path=".*dispatches", times=1, kind="reset_before")
    assert check(github).run(NEW, MemoryCheckpoint())["conclusion"] == "success"
    assert len(world.ask("state")["github"][REPOSITORY]["runs"]) == 1


def test_a_server_that_tells_no_run_is_searched_for_it(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, repository()).answer(422).answer(204)
    script.answer(200, {"workflow_runs": []}).answer(200, {"workflow_runs": [run(8), run(9)]}).answer(200, run(9))
    assert check(scripted).run(NEW, MemoryCheckpoint())["run_id"] == 9
    assert script.received[1].json == {"ref": "main", "return_run_details": True}
    assert script.received[2].json == {"ref": "main"}
    begun = "2026-11-21T11%3A59%3A59Z"  # a second before the second write, whose answer is dated at noon
    query = f"per_page=100&event=workflow_dispatch&branch=main&created=%3E%3D{begun}"
    assert script.asked[3] == f"GET {BASE}/actions/workflows/{PUBLISH}/runs?{query}"


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=-1)])
def test_lost_dispatch_is_looked_for_by_githubs_clock(
    scripted: GitHubConnection,
    script: Scripted,
    clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
    ahead: timedelta,
) -> None:
    monkeypatch.setattr(clock, "now", lambda: START + ahead)
    script.drop().answer(404).answer(200, {"workflow_runs": [run(9)]})
    assert Runs(scripted, REPOSITORY).dispatch(PUBLISH, "main", {}) == 9
    assert script.asked[2].endswith("created=%3E%3D2026-11-21T12%3A00%3A00Z")


def test_a_run_that_never_appears_is_reported(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(204)
    for _turn in range(16):
        script.answer(200, {"workflow_runs": []})
    with pytest.raises(OutcomeUnknownError, match="no run appeared"):
        check(scripted, ref="main").run(NEW, MemoryCheckpoint())


def test_an_answer_without_the_run_is_unexpected(github: GitHubConnection, world: Visitor) -> None:
    world.tell("faults", provider="github", method="POST", path=".*dispatches", kind="ok_with_errors")
    with pytest.raises(UnexpectedAnswerError, match="without the run's id"):
        check(github, ref="main").run(NEW, MemoryCheckpoint())


def test_a_branch_that_does_not_exist_is_an_error(github: GitHubConnection) -> None:
    with pytest.raises(InvalidRequestError, match="on nowhere"):
        check(github, ref="nowhere").run(NEW, MemoryCheckpoint())


# Before anything is minted


def test_a_workflow_that_is_there_and_active_has_no_problem(github: GitHubConnection, world: Visitor) -> None:
    assert check(github).preflight() == []
    assert requests(world) == [f"GET /actions/workflows/{PUBLISH}"]


def test_a_disabled_workflow_is_a_problem(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, {"id": 1, "state": "disabled_manually"})
    assert check(scripted).preflight() == [f"workflow {PUBLISH} of {REPOSITORY} is disabled manually"]


def test_a_missing_workflow_is_named(github: GitHubConnection) -> None:
    with pytest.raises(NotFoundError, match=r"looking at workflow nowhere\.yml"):
        check(github, workflow="nowhere.yml").preflight()


def test_a_missing_right_is_named(connect: Connect) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        check(connect({"secrets": "write"})).preflight()
    assert caught.value.hint == "It needs the permission actions=read"


def test_asked_for_health_it_starts_nothing(github: GitHubConnection, world: Visitor) -> None:
    assert check(github).run(None, MemoryCheckpoint()) == {}
    assert DISPATCH not in requests(world)


def test_asked_for_health_a_disabled_workflow_fails(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, {"id": 1, "state": "disabled_inactivity"})
    with pytest.raises(CheckFailedError, match="disabled inactivity"):
        check(scripted).run(None, MemoryCheckpoint())


def test_it_goes_by_the_workflows_name() -> None:
    assert GitHubWorkflow.label({"repository": REPOSITORY, "workflow": PUBLISH}) == f"workflow {PUBLISH}"
