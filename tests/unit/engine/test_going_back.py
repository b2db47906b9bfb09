# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back: where every old value is known, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import UnavailableError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine.conftest import current_id, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World


def test_going_back_writes_the_old_value_where_the_new_one_was_and_revokes_the_new(
    make_play: Callable[..., Play], world: World
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    old = rotate_once(play)
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN", force=True)
    world.services["ci"].breaks_at = None
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert current_id(play) == old
    assert world.values_in("app") == world.values_in("ci") == {world.issued[old].value}
    assert [one.id for one in world.alive if one.id in world.made] == [old]


def test_there_is_no_way_back_where_the_old_value_is_not_known(play: Play, world: World) -> None:
    rotate_once(play)
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN", force=True)
    world.log.clear()
    plan = play.rotate("TOKEN", rollback=True)
    assert plan["failed"]
    assert "the old value of box app, box ci is not known here" in play.output
    assert world.mutations == []


def test_before_anything_is_written_the_way_back_is_to_revoke_the_new_one(play: Play, world: World) -> None:
    old = rotate_once(play)
    world.fail("write", UnavailableError("down"), "app")
    play.rotate("TOKEN", force=True)
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert current_id(play) == old
    assert world.counted("write", "update") == 0
    assert [one.id for one in world.alive if one.id in world.made] == [old]


def test_going_back_takes_a_half_reloaded_consumer_of_a_later_step_back_as_well(
    make_play: Callable[..., Play], world: World
) -> None:
    """Step 1 writes, step 2 reloads: the consumer's first machine is on the new value when its second one breaks."""
    check = {"type": "test.fake.selftest", "service": "app", "proves": "use", "connection": "cloud"}
    steps = [
        {"name": "write", "copies": [{"store": "cloud", "box": "app"}]},
        {"name": "reload", "copies": [{"store": "cloud", "box": "ci"}], "reload": ["app", "ci"], "verify": [check]},
    ]
    play = make_play(secret_map={"TOKEN": token_map(retain="current", revoke={"accept": "life"}) | {"rollout": steps}})
    rotate_once(play)
    world.services["app"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    world.services["app"].breaks_at = None
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert world.violations == []


def test_going_back_is_nothing_when_no_rotation_is_under_way(play: Play, world: World) -> None:
    rotate_once(play)
    assert not play.rotate("TOKEN", rollback=True)["go"]
    assert world.log == []


def test_a_plan_to_go_back_does_nothing_once_the_new_credential_stands_somewhere(play: Play, world: World) -> None:
    rotate_once(play)
    world.fail("write", UnavailableError("down"), "app")
    play.rotate("TOKEN", force=True)
    back = play.plan("TOKEN", rollback=True)
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN")
    for phase in (Phase.ISSUED, Phase.ROLLED_OUT, Phase.REVOKED):
        result = play.session().advance(back["run"], phase)
    assert result["failed"]
    world.services["ci"].breaks_at = None
    assert not play.rotate("TOKEN")["failed"], play.output


def test_what_a_half_reloaded_consumer_runs_on_lives_although_the_map_has_dropped_the_consumer(
    make_play: Callable[..., Play], world: World
) -> None:
    """Its first machine is on the new value when its second one breaks, and then it leaves the map."""
    play = make_play(secret_map={"TOKEN": token_map(retain="current", revoke={"accept": "life"})})
    rotate_once(play)
    world.services["app"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    first, second = play.map["TOKEN"]["rollout"]
    play.map["TOKEN"] = {
        **play.map["TOKEN"],
        "rollout": [{"name": "app", "copies": first["copies"]}, second],
    }
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "app may run on it" in play.output
    assert world.counted("revoke") == 0
    del world.services["app"]
    assert not play.rotate("TOKEN", forget=("app",))["failed"], play.output
    assert world.counted("revoke") == 1


def test_way_back_from_what_has_left_the_map_says_what_a_person_has_to(
    make_play: Callable[..., Play], world: World
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    old = rotate_once(play)
    world.services["ci"].breaks_at = 0
    play.rotate("TOKEN", force=True)
    world.services["ci"].breaks_at = None
    play.map["TOKEN"]["rollout"].pop(0)
    play.lines.clear()
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "If what has left the map no longer has it, forget it: -e rotate_forget=cloud:app,app" in play.output
    lines = [line for line in play.output.splitlines() if "go back:" in line]
    assert lines
    for line in lines:
        assert line.startswith("  go back:  if what has left the map no longer has the new one:  ")
        assert line.endswith("-e rotate_only=TOKEN -e rotate_resume=rollback -e rotate_forget=cloud:app,app")
    world.put("app", {"TOKEN": world.issued[old].value})  # a person sees to it
    world.serve("app", ["app"])
    assert not play.rotate("TOKEN", rollback=True, forget=("cloud:app", "app"))["failed"], play.output
    assert current_id(play) == old
    assert [one.id for one in world.alive if one.id in world.made] == [old]


def test_one_goes_back_to_nothing_that_has_ended_meanwhile(make_play: Callable[..., Play], world: World) -> None:
    """It was accepted when it was planned to go back, and its end is noticed before anything is written."""
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    old = rotate_once(play)
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN", force=True)
    world.services["ci"].breaks_at = None
    back = play.plan("TOKEN", rollback=True)
    assert back["go"], play.output
    world.end(old)
    assert play.through(back["run"], Phase.ISSUED)["failed"]
    assert "is not written: somebody else has ended it" in play.output
    assert "to go on" in play.output
    play.through(back["run"], Phase.ROLLED_OUT)
    assert world.issued[old].value not in world.values_in("app")
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.violations == []


@pytest.mark.parametrize("written", [False, True])
def test_there_is_no_way_back_to_what_was_replaced_before_another_one_was_named(
    make_play: Callable[..., Play], world: World, written: bool
) -> None:
    """The ledger has the value of what it had handed out once, and a person's own has been in use since then."""
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    named = world.issue("made by hand")
    world.named.add(named.id)
    for box in ("app", "ci"):
        world.put(box, {"TOKEN": named.value})
        world.serve(box, [box])
    world.fail("write", UnavailableError("down"), "ci" if written else "app")
    forgotten = ("cloud:app", "cloud:ci", "app", "ci")
    assert play.rotate("TOKEN", forget=forgotten, adopt={"TOKEN": named.id}, force=True)["failed"]
    world.mend()
    before = len(world.mutations)
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "there is no way back: what it would go back to was replaced by one that a person has named" in play.output
    assert world.mutations[before:] == []
    assert not play.rotate("TOKEN")["failed"], play.output
    assert named not in world.alive
    assert world.violations == []


def test_a_person_goes_back_while_the_provider_cannot_be_asked(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    old = rotate_once(play)
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN", force=True)
    world.services["ci"].breaks_at = None
    world.fail("show", UnavailableError("down"), times=99)
    play.lines.clear()
    assert play.rotate("TOKEN", rollback=True)["held"] == ["TOKEN"]
    assert "still lives cannot be asked: down" in play.output
    assert "If you know that it does, rotate_force=true beside rotate_resume=rollback" in play.output
    assert world.values_in("app") != {world.issued[old].value}
    play.rotate("TOKEN", rollback=True, force=True)
    assert world.values_in("app") == world.values_in("ci") == {world.issued[old].value}
