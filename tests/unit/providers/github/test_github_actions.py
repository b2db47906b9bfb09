# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for the runs that were queued before a write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Written
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.consumer import GitHubActions
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import START, MemoryCheckpoint, Scripted, VirtualClock
from tests.unit.providers.github.asked import REPOSITORY, repository, requests, run

PUBLISH = "publish-platform-image.yml"


def consumer(connection: GitHubConnection, **options: Any) -> GitHubActions:
    return GitHubActions({"repository": REPOSITORY} | options, connection, clock=connection.clock)


def written(moment: datetime = START, repository: str = REPOSITORY) -> Written:
    evidence = {"keys": {"FLY_API_TOKEN": {"updated_at": moment.isoformat()}}}
    return Written("github", {"repository": repository}, evidence, START)


def written_now(world: Visitor) -> Written:
    secret = world.github("GET", f"/repos/{REPOSITORY}/actions/secrets/FLY_API_TOKEN").json()
    return Written("github", {"repository": REPOSITORY}, {"keys": {"FLY_API_TOKEN": secret}}, START)


def queue(world: Visitor) -> int:
    run_id = world.act("queue_run", repository=REPOSITORY, workflow=PUBLISH)["id"]
    world.act("set_repo_secret", repository=REPOSITORY, name="FLY_API_TOKEN", value="the-new-one")
    return int(run_id)


def test_it_returns_when_every_run_that_was_queued_before_has_ended(
    github: GitHubConnection, world: Visitor, clock: VirtualClock
) -> None:
    world.tell("switch", run_seconds=3600)
    run_id = queue(world)
    clock.meanwhile = lambda: world.act("finish_run", run_id=run_id)
    evidence = consumer(github).reload([written_now(world)], MemoryCheckpoint())
    assert evidence["drained"] == [run_id]
    assert world.github("GET", f"/repos/{REPOSITORY}/actions/runs/{run_id}").json()["status"] == "completed"
    assert consumer(github).summary(evidence) == "1 run queued before the write ended"


def test_where_no_run_is_under_way_one_question_is_enough(github: GitHubConnection, world: Visitor) -> None:
    evidence = consumer(github).reload([written_now(world)], MemoryCheckpoint())
    assert evidence["drained"] == []
    assert consumer(github).summary(evidence) == "no run was queued before the write"
    assert requests(world)[1:] == ["GET /actions/runs"]


def test_the_time_of_the_write_is_githubs_own(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, {"total_count": 0, "workflow_runs": []})
    moment = START - timedelta(hours=3)
    assert consumer(scripted).reload([written(moment)], MemoryCheckpoint())["before"] == moment.isoformat()
    assert "created=2026-09-17T09%3A00%3A00Z..2026-11-21T09%3A00%3A00Z" in script.asked[0]


def test_a_copy_without_a_date_counts_from_when_it_was_recorded(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, {"total_count": 0, "workflow_runs": []})
    item = Written("github", {"repository": REPOSITORY}, {}, START)
    assert consumer(scripted).reload([item], MemoryCheckpoint())["before"] == START.isoformat()


def test_copies_elsewhere_do_not_concern_it(scripted: GitHubConnection, script: Scripted) -> None:
    elsewhere = [Written("fly", {"app": "molecule-cp"}, {}, START), written(repository="Molecule-AI/another")]
    assert consumer(scripted).reload(elsewhere, MemoryCheckpoint()) == {"drained": []}
    assert script.asked == []


def test_a_busy_repository_is_asked_for_each_status_that_is_not_the_end(
    scripted: GitHubConnection, script: Scripted
) -> None:
    script.answer(200, {"total_count": 2000, "workflow_runs": [run(1), run(2)]})
    for runs in ([run(7, "queued")], [run(8, "in_progress")], [], [], []):
        script.answer(200, {"total_count": len(runs), "workflow_runs": runs})
    script.answer(200, run(7)).answer(200, run(8))
    assert consumer(scripted).reload([written()], MemoryCheckpoint())["drained"] == [7, 8]
    asked = ["queued", "in_progress", "waiting", "pending", "requested"]
    assert [item.path.partition("status=")[2].partition("&")[0] for item in script.received[1:6]] == asked


def test_only_the_workflows_that_were_named_are_waited_for(scripted: GitHubConnection, script: Scripted) -> None:
    mine, other = run(7, "queued", path=".github/workflows/publish.yml@main"), run(8, "queued", path="ci.yml")
    script.answer(200, {"total_count": 2, "workflow_runs": [mine, other]}).answer(200, run(7, conclusion="failure"))
    assert consumer(scripted, workflows=["publish.yml"]).reload([written()], MemoryCheckpoint())["drained"] == [7]


def test_pauses_grow_to_ten_seconds(scripted: GitHubConnection, script: Scripted, clock: VirtualClock) -> None:
    script.answer(200, {"total_count": 1, "workflow_runs": [run(7, "queued")]})
    for _turn in range(8):
        script.answer(200, run(7, "in_progress"))
    script.answer(200, run(7))
    consumer(scripted).reload([written()], MemoryCheckpoint())
    assert clock.slept[:3] == [1, 1.5, 2.25]
    assert clock.slept[-2:] == [10, 10]


def test_a_run_that_does_not_end_is_named_with_its_state(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, {"total_count": 2, "workflow_runs": [run(7, "waiting"), run(8, "queued")]})
    for _turn in range(5):
        script.answer(200, run(7, "waiting"))
    script.answer(200, run(8))
    with pytest.raises(RotorError) as caught:
        consumer(scripted, timeout=8).reload([written()], MemoryCheckpoint())
    assert "1 run queued before the write did not end within 8 s: waiting (run 7, https://" in caught.value.message
    assert "approve or cancel" in caught.value.hint


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([], "no run is under way now"),
        ([run(7, "queued")], "1 run under way now"),
        ([run(7, "queued"), run(8, "in_progress"), run(9)], "2 runs under way now"),
    ],
)
def test_the_plan_says_how_many_runs_there_are(
    scripted: GitHubConnection, script: Scripted, runs: list[dict[str, Any]], said: str
) -> None:
    script.answer(200, repository()).answer(200, {"total_count": len(runs), "workflow_runs": runs})
    planned = consumer(scripted)
    assert planned.health_problems() == []
    assert planned.preview() == [f"drain: {said}"]


def test_outlook_asks_for_the_runs_of_githubs_now(
    scripted: GitHubConnection, script: Scripted, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: START - timedelta(days=1))
    script.answer(404).answer(200, {"total_count": 0, "workflow_runs": []})
    consumer(scripted).preview()
    assert script.asked[0] == "GET /rate_limit"
    assert script.asked[1].endswith("..2026-11-21T12%3A00%3A00Z")


def test_an_archived_repository_is_sick(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, repository(archived=True))
    assert consumer(scripted).health_problems() == [f"github actions of {REPOSITORY}: the repository is archived"]


def test_any_other_repository_is_well(github: GitHubConnection) -> None:
    assert consumer(github).health_problems() == []
