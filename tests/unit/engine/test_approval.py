# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's yes before a revoke: asked for, given, good for one rotation, and withdrawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.approval import Yes
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import plays
from tests.unit.engine.test_accepting import turned
from tests.unit.engine.world import WORLDS, Issued, Killed, World

ASKED = re.compile(r"rotate_approve=TOKEN:(\w+)")


def confirmed(**more: Any) -> dict[str, Any]:
    return token_map(revoke={"confirm": True, **more}, retain="current")


@pytest.fixture
def play(make_play: Callable[..., Play], world: World) -> Play:
    """It has rotated twice; the first of its own credentials waits for a yes."""
    play = make_play(secret_map={"TOKEN": confirmed()})
    for _turn in range(2):
        assert not play.rotate("TOKEN", force=True)["failed"], play.output
        world.clock.pass_(minutes=5)
    world.log.clear()
    return play


def old_of(play: Play) -> Issued:
    return play.world.issued[str(play.state("TOKEN").credentials[0].provider_id)]


def asked(play: Play) -> str:
    """The run whose question was printed last."""
    return ASKED.findall(play.output)[-1]


def say_yes(play: Play, *, run: str = "", job: str = "", **options: Any) -> Any:
    mine, play.job = play.job, job or "another job"
    try:
        return play.rotate("TOKEN", only_revoke=True, approve=(Yes("TOKEN", run or asked(play)),), **options)
    finally:
        play.job = mine


def assert_refused(play: Play, words: str, **given: str) -> None:
    before = [*play.world.log]
    with pytest.raises(ConfigurationError, match=words):
        say_yes(play, **given)
    assert play.world.log == before
    assert not old_of(play).revoked


def test_a_roll_out_waits_and_prints_the_whole_command(play: Play) -> None:
    assert "WAITING  TOKEN\n  a person's yes is needed before it is revoked\n  asked     since" in play.output
    run = play.state("TOKEN").approvals[1].run
    command = f"ansible-playbook rotate.yml -e rotate_only=TOKEN -e rotate_resume=revoke -e rotate_approve=TOKEN:{run}"
    assert f"  then:     {command}" in play.output
    assert not old_of(play).revoked


def test_a_yes_revokes_and_is_recorded_with_who_gave_it(play: Play) -> None:
    assert not say_yes(play)["failed"], play.output
    assert old_of(play).revoked
    [event] = [row for row in play.ledger().audit_log.rows() if row["event"] == "approved"]
    assert event["details"]["by"] == "a test"
    assert event["at"]


@pytest.mark.parametrize("options", [{}, {"only_revoke": True}, {"force": True}, {"confirm": ("TOKEN",)}])
def test_no_way_in_revokes_without_a_yes(play: Play, world: World, options: dict[str, Any]) -> None:
    assert not play.rotate("TOKEN", **options)["failed"], play.output
    assert world.counted("revoke") == 0
    assert "WAITING  TOKEN" in play.output


def test_a_schedule_asks_once_and_for_the_same_run(play: Play, world: World) -> None:
    run = asked(play)
    for _night in range(3):
        world.clock.pass_(days=1)
        assert not play.rotate(only_revoke=True)["failed"], play.output
    assert asked(play) == run
    assert not say_yes(play, run=run)["failed"], play.output
    assert old_of(play).revoked


def test_a_rollback_revokes_nothing_without_a_yes(play: Play, world: World) -> None:
    say_yes(play)
    world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    world.services["ci"].breaks_at = None
    pending = play.state("TOKEN").pending
    assert pending
    world.log.clear()
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert world.counted("revoke") == 0
    assert not say_yes(play)["failed"], play.output
    assert world.issued[str(pending.provider_id)].revoked


def test_an_orphan_is_revoked_with_a_yes_and_the_mint_waits_for_it(play: Play, world: World) -> None:
    say_yes(play)
    world.log.clear()
    world.fail("mint", OutcomeUnknownError("no answer"), after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert (world.counted("mint"), world.counted("revoke")) == (1, 0)
    assert not say_yes(play)["failed"], play.output
    assert (world.counted("mint"), world.counted("revoke")) == (1, 1)


def test_a_yes_for_another_run_is_refused(play: Play) -> None:
    assert_refused(play, f"nothing of TOKEN waits for a yes to run 0000; there is TOKEN:{asked(play)}", run="0000")


def test_a_yes_is_refused_once_another_rotation_has_begun(play: Play, world: World) -> None:
    run = asked(play)
    world.fail("write", UnavailableError("down"), "app")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert play.state("TOKEN").pending
    assert_refused(play, f"nothing of TOKEN waits for a yes to run {run}", run=run)


def test_a_yes_is_refused_in_the_job_that_has_asked(play: Play) -> None:
    assert_refused(play, "was rolled out in this very job", job=play.job)


def test_same_job_lets_the_job_that_has_asked_say_yes(make_play: Callable[..., Play]) -> None:
    play = make_play(secret_map={"TOKEN": confirmed(same_job=True)})
    for _turn in range(2):
        play.rotate("TOKEN", force=True)
    assert not say_yes(play, job=play.job)["failed"], play.output
    assert old_of(play).revoked


def test_all_that_is_wrong_with_several_is_said_at_once_and_none_counts(make_play: Callable[..., Play]) -> None:
    other = token_map(revoke={"confirm": True})
    for step in other["rollout"]:
        step["copies"] = [{"store": "cloud", "box": f"other-{step['name']}"}]
    play = make_play(secret_map={"TOKEN": confirmed(), "OTHER": other})
    for name in ("other-app", "other-ci"):
        play.world.put(name, {})
    for _turn in range(2):
        play.rotate("TOKEN", force=True)
    run = asked(play)
    play.job = "another job"
    given = tuple(Yes(*one) for one in (("TOKEN", run), ("TOKEN", "0000"), ("OTHER", "1111")))
    with pytest.raises(ConfigurationError) as error:
        play.rotate(approve=given)
    assert "yes to run 0000" in error.value.message
    assert "nothing of OTHER waits for a yes to run 1111" in error.value.message
    assert play.state("TOKEN").approvals[1].state == "waiting"


def test_a_yes_that_was_used_is_stale_for_the_next_rotation(play: Play, world: World) -> None:
    run = asked(play)
    say_yes(play)
    assert not play.rotate("TOKEN", force=True)["failed"]
    world.log.clear()
    with pytest.raises(ConfigurationError, match=f"nothing of TOKEN waits for a yes to run {run}"):
        say_yes(play, run=run)
    assert world.counted("revoke") == 0


def hold_after_the_yes(play: Play) -> None:
    """Say yes, and be killed before the revoke."""
    play.world.fail("show", Killed())
    with pytest.raises(Killed):
        say_yes(play)
    play.world.revive()
    assert not old_of(play).revoked


def test_a_yes_goes_on_after_a_kill(play: Play, world: World) -> None:
    hold_after_the_yes(play)
    world.clock.pass_(hours=23)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old_of(play).revoked


def test_the_job_of_a_killed_yes_may_be_launched_again(play: Play, world: World) -> None:
    run = asked(play)
    hold_after_the_yes(play)
    assert not say_yes(play, run=run)["failed"], play.output
    assert old_of(play).revoked


def test_a_yes_ends_and_another_is_asked_for(play: Play, world: World) -> None:
    run = asked(play)
    hold_after_the_yes(play)
    world.clock.pass_(hours=25)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not old_of(play).revoked
    assert asked(play) != run
    assert_refused(play, f"waits for a yes to run {run}", run=run)


def test_saying_yes_again_does_not_make_it_last_longer(play: Play, world: World) -> None:
    run = asked(play)
    for _day in range(2):
        hold_after_the_yes(play)
        world.clock.pass_(hours=13)
        play.lines.append(f"rotate_approve=TOKEN:{run}")
    assert not play.rotate("TOKEN")["failed"]
    assert not old_of(play).revoked


def test_drift_after_the_yes_withdraws_it(play: Play, world: World) -> None:
    run = asked(play)
    box = dict(world.containers["app"])
    plan = say_plan(play)
    world.put("app", {"TOKEN": "by hand"})
    assert play.through(plan, Phase.REVOKED)["failed"]
    world.containers["app"] = box
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not old_of(play).revoked
    assert asked(play) != run


def say_plan(play: Play) -> str:
    play.job = "another job"
    return str(play.plan("TOKEN", only_revoke=True, approve=(Yes("TOKEN", asked(play)),))["run"])


def test_drift_that_a_plan_finds_withdraws_a_yes(play: Play, world: World) -> None:
    hold_after_the_yes(play)
    box = dict(world.containers["app"])
    world.put("app", {"TOKEN": "by hand"})
    assert play.rotate("TOKEN")["failed"]
    world.containers["app"] = box
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not old_of(play).revoked


def test_a_failing_check_withdraws_a_yes(play: Play, world: World) -> None:
    run = asked(play)
    world.services["ci"].sick = True
    assert say_yes(play)["failed"]
    assert "self-test of ci no longer holds" in play.output
    world.services["ci"].sick = False
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not old_of(play).revoked
    assert asked(play) != run


def test_a_system_that_is_down_withdraws_no_yes(play: Play, world: World) -> None:
    plan = say_plan(play)
    world.fail("observe", UnavailableError("down"), "ci")
    assert play.through(plan, Phase.REVOKED)["failed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old_of(play).revoked


def test_a_write_after_the_question_asks_anew(play: Play, world: World) -> None:
    run = asked(play)
    world.put("app", {"TOKEN": "by hand"})
    assert not play.rotate("TOKEN", forget=("cloud:app",))["failed"], play.output
    assert asked(play) != run
    assert_refused(play, f"waits for a yes to run {run}", run=run)


def test_check_mode_records_no_yes_and_plans_with_it(play: Play) -> None:
    play.job, play.lines = "another job", [line for line in play.lines if "then:" in line]
    given = (Yes("TOKEN", asked(play)),)
    play.plan("TOKEN", only_revoke=True, approve=given, check=True)
    assert "revoke  rotor-" in play.output
    assert "approve  " not in play.output
    assert play.state("TOKEN").approvals[1].state == "waiting"


def test_a_question_after_the_grace_and_not_before_it(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": confirmed(after="48h")})
    for _turn in range(2):
        play.rotate("TOKEN", force=True)
    assert "rotate_approve=" not in play.output
    world.clock.pass_(days=3)
    assert not play.rotate(only_revoke=True)["failed"], play.output
    assert not say_yes(play)["failed"], play.output
    assert old_of(play).revoked


def test_a_freeze_asks_nothing(make_play: Callable[..., Play]) -> None:
    play = make_play(secret_map={"TOKEN": confirmed()})
    play.rotate("TOKEN", force=True)
    plan = play.plan("TOKEN", force=True)
    play.through(plan["run"], Phase.ROLLED_OUT)
    play.session().freeze("holidays", "72h", check=False)
    play.through(plan["run"], Phase.REVOKED)
    assert "rotate_approve=" not in play.output


def test_a_run_that_only_rolls_out_revokes_nothing(make_play: Callable[..., Play], world: World) -> None:
    play = make_play()
    for _turn in range(2):
        assert not play.rotate("TOKEN", force=True, only_roll_out=True)["failed"], play.output
    assert world.counted("revoke") == 0
    assert "WAITING  TOKEN\n  this run only rolls out; rotor.secrets.revoke goes on" in play.output
    assert not play.rotate(only_revoke=True)["failed"]
    assert old_of(play).revoked


def test_a_run_that_only_rolls_out_leaves_the_role_whose_turn_it_is(tmp_path: Path) -> None:
    with plays(tmp_path) as made:
        play = made("roles")
        play.rotate("TOKEN", force=True, only_roll_out=True)
        play.world.clock.pass_(days=3)
        play.world.log.clear()
        assert play.rotate("TOKEN", force=True, only_roll_out=True)["counts"] == {"waiting": 1}
        assert not play.world.mutations
        assert not play.rotate(only_revoke=True)["failed"], play.output
        assert play.rotate("TOKEN", force=True, only_roll_out=True)["counts"] == {"waiting": 1}
        assert play.world.counted("activate") == 1


def test_a_yes_outlasts_the_lists_that_are_narrowed_for_it(tmp_path: Path) -> None:
    play = turned("narrowed", tmp_path, revoke={"confirm": True}, retain="current")
    try:
        assert not play.rotate("TOKEN", force=True)["failed"], play.output
        assert not say_yes(play)["failed"], play.output
        assert play.world.counted("revoke") == 1, play.output
    finally:
        del WORLDS["narrowed"]


def test_a_run_that_only_rolls_out_asks(make_play: Callable[..., Play]) -> None:
    play = make_play(secret_map={"TOKEN": confirmed()})
    for _turn in range(2):
        assert not play.rotate("TOKEN", force=True, only_roll_out=True)["failed"], play.output
    assert not say_yes(play)["failed"], play.output
    assert old_of(play).revoked


def test_an_old_run_that_is_started_in_its_middle_revokes_nothing(play: Play, world: World) -> None:
    """As ``--start-at-task`` does, or a task after a hook that was rescued."""
    run = play.state("TOKEN").approvals[1].run
    assert not play.through(run, Phase.REVOKED)["failed"]
    assert world.counted("revoke") == 0


def test_status_tells_what_waits_for_a_yes_since_when_and_how_it_is_given(play: Play, world: World) -> None:
    run = asked(play)
    world.clock.pass_(hours=1)
    play.lines.clear()
    [row] = play.status(fail_on=("held", "overdue"))["secrets"]
    assert (row["state"], row["conditions"]) == ("awaiting_approval", ["awaiting_approval"])
    assert row["approval"]["runs"] == [run]
    assert f"rotate_approve=TOKEN:{run}" in row["approval"]["command"]
    assert row["approval"]["command"] in play.output
    assert row["approval"]["since"] in {
        f"{one.at:%Y-%m-%dT%H:%M:%SZ}" for one in play.state("TOKEN").approvals.values()
    }
    say_yes(play)
    assert play.status()["secrets"][0]["approval"] is None


def test_a_revoke_without_a_yes_is_refused_whoever_plans_it(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import planner

    monkeypatch.setattr(planner, "lacks_yes", lambda _case, _row: False)
    assert play.rotate("TOKEN")["failed"]
    assert "nobody has said yes to it" in play.output
    assert not old_of(play).revoked
