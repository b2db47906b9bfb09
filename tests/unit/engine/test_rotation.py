# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole rotations of one secret in the world in memory, as a user runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    ConfigurationError,
    OutcomeUnknownError,
    PermissionDeniedError,
    StoppedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine.conftest import current_id, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World

LOST = OutcomeUnknownError("no answer within 30 s")


def test_effects_come_in_the_maps_order_and_each_step_is_proven_before_the_next(play: Play, world: World) -> None:
    old = rotate_once(play)
    assert play.rotate("TOKEN", force=True)["changed"]
    name = play.state("TOKEN").current.name  # type: ignore[union-attr]
    assert [what for what in world.log if what[0] not in ("ask", "probe", "observe", "list")] == [
        ("mint", name),
        ("show", name),
        ("write", "app"),
        ("update", "app/0"),
        ("update", "app/1"),
        ("test", "app"),
        ("write", "ci"),
        ("update", "ci/0"),
        ("update", "ci/1"),
        ("test", "ci"),
        ("show", name),
        ("revoke", old),
        ("test", "app"),
        ("test", "ci"),
    ]


def test_an_unknown_secret_is_left_alone_until_it_is_named(play: Play, world: World) -> None:
    assert not play.rotate()["go"]
    assert world.log == []
    assert play.rotate("TOKEN")["changed"]


def test_a_run_without_anything_due_asks_for_the_life_of_what_is_in_use_and_changes_nothing(
    play: Play, world: World
) -> None:
    rotate_once(play)
    assert not play.rotate("TOKEN")["go"]
    assert world.log == [("list", "tokens")]


def test_the_first_rotation_revokes_nothing_and_lists_what_may_be_in_use(play: Play, world: World) -> None:
    assert not play.rotate("TOKEN")["failed"]
    assert world.counted("revoke") == 0
    foreign = next(one for one in world.issued.values() if one.name == "made by hand")
    assert foreign.id in play.output
    assert "rotate_adopt" in play.output


def test_a_credential_named_before_the_first_rotation_is_the_only_one_revoked(play: Play, world: World) -> None:
    old, bystander = next(iter(world.issued.values())), world.issue("somebody else's")
    world.named.add(old.id)
    assert not play.rotate("TOKEN", adopt={"TOKEN": old.id})["failed"], play.output
    assert old.revoked
    assert not bystander.revoked


def test_a_credential_named_after_the_first_rotation_is_revoked_then(play: Play, world: World) -> None:
    old = next(iter(world.issued.values()))
    rotate_once(play)
    world.named.add(old.id)
    assert not play.rotate("TOKEN", adopt={"TOKEN": old.id})["failed"], play.output
    assert old.revoked
    assert world.counted("mint", "write", "update") == 0


def test_the_map_may_name_the_credential_in_use(make_play: Callable[..., Play], world: World) -> None:
    old = next(iter(world.issued.values()))
    issuer = {"type": "test.fake.token", "connection": "cloud", "current_id": old.id}
    play = make_play(secret_map={"TOKEN": token_map() | {"issuer": issuer}})
    world.named.add(old.id)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked
    assert not play.rotate("TOKEN")["go"]


def test_a_named_credential_that_is_not_there_stops_the_plan(play: Play, world: World) -> None:
    assert play.rotate("TOKEN", adopt={"TOKEN": "nobody-knows"})["failed"]
    assert world.mutations == []


def test_check_mode_plans_everything_makes_no_file_and_changes_nothing(play: Play, world: World, tmp_path: Any) -> None:
    plan = play.plan("TOKEN", check=True)
    assert plan["go"]
    assert world.mutations == []
    assert list(tmp_path.iterdir()) == []


def test_a_lost_answer_of_a_mint_leaves_one_orphan_which_is_found_and_revoked(play: Play, world: World) -> None:
    world.fail("mint", LOST, after=True)
    assert play.rotate("TOKEN")["failed"]
    orphan = next(one for one in world.alive if one.id in world.made)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert orphan.revoked
    assert [one.id for one in world.alive if one.id in world.made] == [current_id(play)]


def test_a_mint_that_was_never_made_is_made_anew(play: Play, world: World) -> None:
    world.fail("mint", LOST)
    assert play.rotate("TOKEN")["failed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 1


def test_an_answer_that_cannot_be_read_counts_as_lost(play: Play, world: World) -> None:
    world.fail("mint", UnexpectedAnswerError("no token in the answer"), after=True)
    assert play.rotate("TOKEN")["failed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert len([one for one in world.alive if one.id in world.made]) == 1


def test_an_orphan_is_never_mistaken_for_a_credential_of_the_same_name_that_the_ledger_knows(
    play: Play, world: World
) -> None:
    first = rotate_once(play)
    world.fail("mint", LOST, after=True)
    play.rotate("TOKEN", force=True)
    orphan = next(one for one in world.alive if one.id in world.made and one.id != first)
    world.issued[first].name = orphan.name
    assert not play.rotate("TOKEN")["failed"], play.output
    assert orphan.revoked


def test_a_mint_that_was_refused_is_reported_and_no_orphan_is_looked_for(play: Play, world: World) -> None:
    world.fail("mint", PermissionDeniedError("this token may not mint"))
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert "this token may not mint" in play.output
    world.log.clear()
    assert not play.rotate("TOKEN")["failed"]


def test_where_a_lost_mint_cannot_be_found_the_rotation_goes_on_and_names_what_may_be_left(
    make_play: Callable[..., Play], world: World
) -> None:
    issuer = {"type": "test.fake.blind", "connection": "cloud"}
    play = make_play(secret_map={"TOKEN": token_map() | {"issuer": issuer}})
    world.fail("mint", LOST, after=True)
    assert play.rotate("TOKEN")["failed"]
    assert "should the answer to the mint be lost, it cannot be found" in play.output
    lost = next(one for one in world.alive if one.id in world.made)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert f"lost {lost.name}   may be valid at its provider" in play.output
    assert not play.rotate("TOKEN")["go"]
    assert not lost.revoked, "nothing is revoked that cannot be told"
    play.rotate("TOKEN", forget=(lost.name,))
    play.lines.clear()
    play.status()
    assert lost.name not in play.output, "a person has said that it is ended"


def test_a_credential_that_its_provider_never_accepts_is_written_nowhere(play: Play, world: World) -> None:
    world.unclear.add(f"{world.name}-4")
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert "does not accept it" in play.output
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert world.counted("mint") == 1
    assert world.counted("write") == 0
    world.unclear.clear()
    assert not play.rotate("TOKEN")["failed"]
    assert world.counted("mint") == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_of_a_write_is_put_right_by_writing_again(play: Play, world: World, after: bool) -> None:
    world.fail("write", LOST, "ci", after=after)
    assert play.rotate("TOKEN")["failed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 1
    assert world.violations == []


def test_a_write_that_may_have_had_its_effect_is_remembered_through_a_refused_attempt(
    make_play: Callable[..., Play], world: World
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    world.fail("write", LOST, "app", after=True)
    play.rotate("TOKEN", force=True)
    world.fail("write", UnavailableError("down"), "app")
    play.rotate("TOKEN")
    world.fail("write", UnavailableError("down"), "app", times=9)
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert world.counted("revoke") == 0
    world.mend()
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert world.counted("revoke") == 1


def test_a_bad_machine_holds_the_rotation_with_both_credentials_alive_and_the_next_run_goes_on(
    play: Play, world: World
) -> None:
    old = rotate_once(play)
    world.services["ci"].breaks_at = 1
    result = play.rotate("TOKEN", force=True)
    assert result["held"] == ["TOKEN"]
    assert "go on:    ansible-playbook rotate.yml -e rotate_only=TOKEN" in play.output
    assert not world.issued[old].revoked
    world.services["ci"].breaks_at = None
    world.log.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint", "write") == 0
    assert ("update", "ci/0") not in world.log, "what was done before is not done again"
    assert world.issued[old].revoked


def test_what_failed_in_a_run_is_not_tried_again_in_its_later_phases(play: Play, world: World) -> None:
    world.services["app"].breaks_at = 0
    plan = play.plan("TOKEN")
    for phase in (Phase.ISSUED, Phase.ROLLED_OUT, Phase.REVOKED):
        result = play.session().advance(plan["run"], phase)
    assert result["failed"]
    assert world.counted("update") == 0, "it raised before it was logged, and was tried once"


def test_a_service_without_machines_is_written_and_proven_once_one_has_started(play: Play, world: World) -> None:
    world.services["ci"].machines.clear()
    assert play.rotate("TOKEN")["failed"]
    assert "HELD  TOKEN at 2 ci, verify" in play.output
    world.start_machine(world.services["ci"])
    assert not play.rotate()["failed"], play.output
    assert world.counted("mint") == 1


def test_a_service_without_machines_needs_no_proof_where_the_map_says_so(
    make_play: Callable[..., Play], world: World
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(revoke={"accept": "life"})})
    for step in play.map["TOKEN"]["rollout"]:
        del step["verify"]
        world.services[step["name"]].machines.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "DONE  TOKEN" in play.output


def test_a_failing_check_holds_before_the_next_step(play: Play, world: World) -> None:
    world.fail("test", CheckFailedError("workflow concluded failure"), "app")
    assert play.rotate("TOKEN")["failed"]
    assert ("write", "ci") not in world.log
    assert "workflow concluded failure" in play.output
    assert not play.rotate("TOKEN")["failed"]
    assert world.counted("mint") == 1


def test_the_old_credential_lives_through_its_grace_and_ends_with_a_later_run(
    make_play: Callable[..., Play], world: World
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(revoke={"after": "2d"})})
    old = rotate_once(play)
    result = play.rotate("TOKEN", force=True)
    assert not result["failed"]
    assert result["counts"] == {"waiting": 1}
    assert not world.issued[old].revoked
    world.clock.pass_(days=1)
    assert play.rotate()["counts"] == {"waiting": 1}
    world.clock.pass_(days=2)
    assert not play.rotate()["failed"]
    assert world.issued[old].revoked
    assert not play.rotate()["go"]


def test_stopping_ends_the_run_before_its_next_effect(play: Play, world: World) -> None:
    plan = play.plan("TOKEN")
    play.session().advance(plan["run"], Phase.ISSUED)
    before = list(world.log)
    world.clock.stop()
    with pytest.raises(StoppedError):
        play.session().advance(plan["run"], Phase.ROLLED_OUT)
    assert world.log == before


def test_an_effect_that_is_stopped_in_the_middle_is_taken_up_by_the_next_run(play: Play, world: World) -> None:
    plan = play.plan("TOKEN")
    play.session().advance(plan["run"], Phase.ISSUED)
    world.fail("write", StoppedError("stop"), "app", after=True)
    play.session().advance(plan["run"], Phase.ROLLED_OUT)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 1


def test_an_unforeseen_error_holds_the_secret_without_quoting_it(play: Play, world: World) -> None:
    world.fail("write", KeyError("value-of-a-secret"), "app")
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert "unexpected KeyError" in play.output
    assert "value-of-a-secret" not in play.output
    assert not play.rotate("TOKEN")["failed"], play.output


def test_an_unknown_run_is_refused(play: Play) -> None:
    with pytest.raises(ConfigurationError, match="knows no run"):
        play.session().advance("00000000", Phase.ISSUED)


def test_no_value_is_ever_said(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    world.fail("test", CheckFailedError("no"), "ci")
    play.rotate("TOKEN", force=True)
    play.rotate("TOKEN", rollback=True)
    play.status()
    assert not [one for one in world.issued.values() if one.value in play.output]


def test_a_value_that_is_not_kept_any_more_cannot_be_written_and_the_message_says_what_to_do(
    play: Play, world: World
) -> None:
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN")
    world.services["ci"].breaks_at = None
    plan = play.plan("TOKEN")
    pending = play.state("TOKEN").pending
    assert pending
    play.ledger().value_dropped("a test", "TOKEN", pending.id)
    play.ledger().forgotten("a test", "TOKEN", "cloud:ci", {})
    result = play.session().advance(plan["run"], Phase.ROLLED_OUT)
    assert result["held"] == ["TOKEN"]
    assert "is not kept here. Rotate the secret to write it anywhere else" in play.output
