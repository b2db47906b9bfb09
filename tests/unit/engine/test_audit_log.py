# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit trail: what is told, and every way of tampering with it that an examination finds."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.job import Job
from tests.unit.engine.conftest import rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.test_kill import settled_play


@pytest.fixture(scope="module")
def after_two(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """A ledger in which one credential is current and another one is revoked."""
    play = settled_play("trail", tmp_path_factory.mktemp("trail"))
    assert not play.rotate("TOKEN", force=True, reason="INC-114")["failed"]
    return play


@pytest.fixture
def rotated(after_two: Play, tmp_path: Path, request: pytest.FixtureRequest) -> Play:
    return after_two.clone(request.node.name, tmp_path / "ledger")


def change(play: Play, *statements: str, **values: Any) -> None:
    with closing(sqlite3.connect(play.setting["url"].removeprefix("sqlite:///"))) as connection:
        for statement in statements:
            connection.execute(statement, values)
        connection.commit()


def verify(play: Play, head: str = "", secret: str = "") -> Mapping[str, Any]:
    return play.session().verify(head, secret)


def test_a_trail_that_nobody_touched_is_whole_and_its_printed_head_is_in_it(rotated: Play) -> None:
    (noted,) = [line for line in rotate_lines(rotated) if line.startswith("audit trail: ")]
    head = noted.removeprefix("audit trail: ")
    rotated.plan("TOKEN")
    found = verify(rotated, head)
    assert not found["failed"]
    assert found["head"] != head
    assert f"{found['rows']} rows checked" in rotated.output
    assert "the head that was given is in it" in rotated.output


def rotate_lines(play: Play) -> list[str]:
    play.rotate("TOKEN", force=True)
    return play.lines


TAMPERED = {
    "edited": ("UPDATE audit SET details = '{}' WHERE id = 5", 5),
    "edited time": ("UPDATE audit SET at = '2020-01-01T00:00:00+00:00' WHERE id = 5", 5),
    "removed": ("DELETE FROM audit WHERE id = 5", 6),
    "first removed": ("DELETE FROM audit WHERE id = 1", 2),
    "put in": (
        "INSERT INTO audit SELECT 1000, at, run, secret, event, details, rows, digest, mac FROM audit LIMIT 1",
        1000,
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_row_that_was_tampered_with_is_named(rotated: Play, how: str) -> None:
    statement, row = TAMPERED[how]
    change(rotated, statement)
    found = verify(rotated)
    assert found["failed"]
    assert found["bad_row"] == row
    assert f"row {found['bad_row']} (" in found["msg"]


def test_rows_that_changed_places_are_found(rotated: Play) -> None:
    change(rotated, "UPDATE audit SET id = -1 WHERE id = 5", "UPDATE audit SET id = 5 WHERE id = 6")
    change(rotated, "UPDATE audit SET id = 6 WHERE id = -1")
    assert verify(rotated)["bad_row"] == 5


def test_rows_cut_off_the_end_are_found_by_the_head_that_was_noted(rotated: Play) -> None:
    head = rotated.ledger().audit_head()
    rotated.plan("TOKEN")
    assert not verify(rotated, head)["failed"]
    change(rotated, "DELETE FROM audit WHERE id >= (SELECT id FROM audit WHERE mac = :head)", head=head)
    found = verify(rotated, head)
    assert found["failed"]
    assert found["bad_row"] is None
    assert "cut off" in found["msg"]


@pytest.mark.parametrize("details", ["not json", "[1"])
def test_a_row_that_cannot_be_read_is_said_and_no_traceback(rotated: Play, details: str) -> None:
    change(rotated, "UPDATE audit SET details = :details WHERE id = 3", details=details)
    assert "cannot be read" in verify(rotated)["msg"]


def test_secret_that_the_trail_does_not_know_is_an_error_with_the_nearest(rotated: Play) -> None:
    with pytest.raises(ConfigurationError, match=r"no row about TOKNE\. In the trail: did you mean TOKEN?"):
        verify(rotated, secret="TOKNE")


def test_no_ledger_is_not_a_good_one(play: Play) -> None:
    assert "no ledger" in verify(play)["msg"]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE credentials SET name = 'other' WHERE id = 1", "TOKEN: credentials 1 (other): was altered"),
        ("UPDATE holdings SET credential = 77", "TOKEN: holdings cloud:app (box app): was altered, or put back"),
        ("DELETE FROM running WHERE consumer = 'app'", "TOKEN: running app: is missing"),
        ("UPDATE proofs SET step = 'x'", "was not written by a rotation"),
        ("UPDATE runs SET reason = 'none'", "was altered"),
        (
            "DELETE FROM digests WHERE secret = 'TOKEN'",
            "the ledger's digests, or the newest row of its audit trail, are not as written",
        ),
    ],
)
def test_examination_names_the_row_that_was_altered(rotated: Play, statement: str, message: str) -> None:
    change(rotated, statement)
    found = verify(rotated)
    assert found["failed"]
    assert message in found["msg"]


def test_the_trail_of_one_secret_says_who_what_when_why_with_which_evidence_and_proof(rotated: Play) -> None:
    values = [one.value for one in rotated.world.issued.values()]
    verify(rotated, secret="TOKEN")
    revoked = next(line for line in rotated.lines if "  revoked  " in line)
    for part in ("by a test", "reason: INC-114", "proof=refused"):
        assert part in revoked
    assert any("  written  " in line and "evidence=" in line for line in rotated.lines)
    assert any("  reloaded  " in line for line in rotated.lines)
    assert not [value for value in values if value in rotated.output]


def test_the_head_is_printed_when_everything_is_held_too(play: Play) -> None:
    play.world.services["app"].breaks_at = 1
    assert play.rotate("TOKEN")["failed"]
    assert f"audit trail: {play.ledger().audit_head()}" in play.lines


def test_who_has_started_a_job_is_known_where_awx_or_semaphore_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWX_JOB_ID", "JOB_ID", "SEMAPHORE_TASK_DETAILS_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LOGNAME", "runner")
    assert Job.of({"awx_user_name": "ada", "awx_job_id": 42}).caller == "ada as runner, job 42"
    monkeypatch.setenv("SEMAPHORE_TASK_DETAILS_ID", "7")
    semaphore = {"semaphore_vars": {"task_details": {"username": "grace"}}}
    assert Job.of(semaphore).caller == "grace as runner, job 7"
    assert Job.of({"semaphore_vars": None}).caller == "runner, job 7"
    monkeypatch.delenv("SEMAPHORE_TASK_DETAILS_ID")
    semaphore["semaphore_vars"]["task_details"]["id"] = "12"
    assert Job.of(semaphore).caller == "grace as runner, job 12"
    scheduled = {"awx_job_id": 43, "awx_schedule_name": "every night", "tower_schedule_name": "every night"}
    assert Job.of(scheduled).caller == "runner, job 43, schedule every night"


def test_a_secret_with_a_kept_value_is_no_contradiction(play: Play) -> None:
    play.map["TOKEN"] = token_map(retain="current")
    rotate_once(play)
    play.world.services["ci"].breaks_at = 1
    play.rotate("TOKEN", force=True)
    play.world.services["ci"].breaks_at = None
    play.rotate("TOKEN", rollback=True)
    assert verify(play)["problems"] == []
