# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consumers that others release: a rotation waits until what runs there has read its copies anew."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Written
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine import printed
from tests.unit.engine.conftest import current_id, machines, token_map
from tests.unit.engine.driver import Play, quick_ledgers
from tests.unit.engine.fakes import Machines
from tests.unit.engine.maps import BASE, DESIGN, changed, errors_in, parsed, read
from tests.unit.engine.world import WORLDS, Killed, World, commits_as_points

AWAITED = {"app": {**machines("app"), "reload": "await"}, "ci": machines("ci")}


@pytest.fixture
def play(make_play: Callable[..., Play], world: World) -> Play:
    """One rotation is over; the next one has its copy written, and waits."""
    play = make_play(secret_map={"TOKEN": token_map(retain="current")}, consumers=AWAITED)
    play.rotate("TOKEN")
    world.release("app")
    assert not play.rotate("TOKEN")["failed"], play.output
    world.clock.pass_(days=1)
    world.log.clear()
    play.lines.clear()
    return play


def state_of(play: Play) -> Any:
    [secret] = play.status()["secrets"]
    return secret


def test_run_waits_for_others_and_ends_well(play: Play, world: World) -> None:
    old = current_id(play)
    result = play.rotate("TOKEN", force=True)
    assert (result["failed"], result["counts"]) == (False, {"waiting": 1})
    assert world.counted("update", "revoke", "test") == 0
    assert world.mutations[-1] == "write app"
    assert world.values_in("app") == {world.issued[old].value}
    first, second = (str(machine.id) for machine in world.services["app"].machines)
    which = f"others have yet to release service app (app): 2 of 2 are without it: {first}, {second}"
    assert f"WAITING  TOKEN: {which}" in play.lines
    assert "  go on:    ansible-playbook rotate.yml -e rotate_only=TOKEN" in play.lines
    assert "app may run on it" in play.output


def test_run_goes_on_once_others_have_released_all(play: Play, world: World) -> None:
    old = current_id(play)
    play.rotate("TOKEN", force=True)
    world.release("app", 1)
    assert play.rotate()["counts"] == {"waiting": 1}
    assert "service app (app): 1 of 2 are without it: " in play.output
    assert not world.issued[old].revoked
    world.release("app")
    play.lines.clear()
    result = play.rotate()
    assert (result["failed"], result["counts"]) == (False, {"done": 1}), play.output
    assert "app: released by others, 2 have it" in play.output
    assert world.issued[old].revoked
    assert world.values_in("app") == world.values_in("ci") == {world.issued[current_id(play)].value}


def test_second_look_commits_no_second_intent(play: Play) -> None:
    play.rotate("TOKEN", force=True)
    before = [one.id for one in play.state("TOKEN").intents]
    play.rotate()
    assert [one.id for one in play.state("TOKEN").intents] == before


def test_other_secrets_go_on(make_play: Callable[..., Play], world: World) -> None:
    world.put("more", {"MORE": world.issue("made by hand").value})
    world.serve("more", ["more"])
    step = token_map()["rollout"][0]
    step |= {"copies": [{"store": "cloud", "box": "more"}], "reload": ["more"]}
    step["verify"] = [{"type": "test.fake.selftest", "service": "more", "proves": "use"}]
    play = make_play(
        secret_map={"TOKEN": token_map(), "MORE": {**token_map(), "rollout": [step]}},
        consumers={**AWAITED, "more": machines("more")},
    )
    assert play.rotate("TOKEN", "MORE")["counts"] == {"waiting": 1, "done": 1}, play.output


def test_revoke_due_goes_on_where_all_is_released(play: Play, world: World) -> None:
    both = play.map["TOKEN"]["rollout"][::-1]  # what is awaited comes last
    play.map["TOKEN"] = {**play.map["TOKEN"], "rollout": both}
    old = current_id(play)
    play.rotate("TOKEN", force=True)
    assert play.rotate(only_revoke=True)["counts"] == {"waiting": 1}
    world.release("app")
    assert play.rotate(only_revoke=True)["counts"] == {"done": 1}, play.output
    assert world.issued[old].revoked


def test_revoke_due_rolls_nothing_out(play: Play, world: World) -> None:
    play.rotate("TOKEN", force=True)
    world.release("app")
    before = len(world.mutations)
    assert not play.rotate(only_revoke=True)["go"]
    assert "since this run only revokes" in play.output
    assert world.mutations[before:] == []


def test_roll_out_alone_waits_too(play: Play, world: World) -> None:
    assert play.rotate("TOKEN", force=True, only_roll_out=True)["counts"] == {"waiting": 1}
    world.release("app")
    assert play.rotate("TOKEN", only_roll_out=True)["counts"] == {"waiting": 1}
    assert "rotor.secrets.revoke goes on" in play.output


def test_status_names_what_is_awaited(play: Play, world: World) -> None:
    assert state_of(play)["waits_for_release"] is None
    play.rotate("TOKEN", force=True)
    play.lines.clear()
    secret = state_of(play)
    assert (secret["state"], secret["waits_for_release"]) == ("awaiting_release", "app")
    assert "  waits     for others to release app: a run then goes on" in play.lines
    new = play.state("TOKEN").pending
    assert new
    assert [one["name"] for one in secret["consumers"][0]["may_run_on"]] == [new.name]
    world.release("app")
    play.rotate("TOKEN")
    assert state_of(play)["state"] == "up_to_date"


def test_plan_says_that_others_release(play: Play, world: World) -> None:
    play.plan("TOKEN", check=True, force=True)
    what = "reload  app: by others, who release service app; 2 run now, and the rotation waits for all of them"
    assert what in play.output
    assert world.mutations == []


def test_release_that_is_not_well_is_held_and_its_look_is_kept(play: Play, world: World) -> None:
    play.rotate("TOKEN", force=True)
    world.release("app")
    world.services["app"].sick = True
    assert play.rotate("TOKEN")["failed"]
    assert "app is not well since others have released it: app is sick" in play.output
    world.services["app"].sick = False
    assert play.rotate("TOKEN")["counts"] == {"done": 1}, play.output


def test_release_before_a_second_write_does_not_count(play: Play, world: World) -> None:
    """Somebody overwrites the copy, and releases that; a person then says that it may be overwritten."""
    play.rotate("TOKEN", force=True)
    world.put("app", {"TOKEN": world.issue("by hand").value})
    world.release("app")
    assert play.rotate("TOKEN", forget=("cloud:app",))["counts"] == {"waiting": 1}, play.output
    world.release("app")
    assert play.rotate("TOKEN")["counts"] == {"done": 1}, play.output


def test_way_back_is_open_at_once_where_nothing_was_released(play: Play, world: World) -> None:
    old = current_id(play)
    play.rotate("TOKEN", force=True)
    assert printed.way_back(play.lines)
    result = play.rotate("TOKEN", rollback=True)
    assert (result["failed"], result["counts"]) == (False, {"done": 1}), play.output
    assert [one.id for one in world.alive if one.id in world.made] == [old]
    assert world.counted("update") == 0


def test_way_back_waits_for_what_was_released(play: Play, world: World) -> None:
    old = current_id(play)
    play.rotate("TOKEN", force=True)
    new = play.state("TOKEN").pending
    assert new
    world.release("app", 1)
    assert play.rotate("TOKEN", rollback=True)["counts"] == {"waiting": 1}
    assert "1 of 2 are without it: " in play.output
    assert not world.issued[str(new.provider_id)].revoked
    world.release("app", 1)
    assert play.rotate("TOKEN", rollback=True)["counts"] == {"done": 1}, play.output
    assert [one.id for one in world.alive if one.id in world.made] == [old]


def test_new_key_is_awaited_after_a_way_back(play: Play, world: World) -> None:
    play.rotate("TOKEN", force=True)
    play.rotate("TOKEN", rollback=True)
    play.map["TOKEN"]["rollout"][0]["copies"][0]["keys"] = {"TOKEN": "${token}", "SPARE": "${token}"}
    assert play.rotate("TOKEN")["counts"] == {"waiting": 1}, play.output
    world.release("app")
    assert play.rotate("TOKEN")["counts"] == {"done": 1}, play.output


def test_way_back_trusts_nobody_after_a_hand(play: Play, world: World) -> None:
    world.put("app", {"TOKEN": world.issue("by hand").value})
    world.release("app")
    play.rotate("TOKEN", force=True, forget=("cloud:app",))
    assert play.rotate("TOKEN", rollback=True)["counts"] == {"waiting": 1}, play.output
    world.release("app")
    assert play.rotate("TOKEN", rollback=True)["counts"] == {"done": 1}, play.output


def test_consumer_that_left_the_map_meanwhile_holds_the_old_one(play: Play, world: World) -> None:
    old = current_id(play)
    play.rotate("TOKEN", force=True)
    for step in play.map["TOKEN"]["rollout"]:
        step["reload"] = [name for name in step["reload"] if name != "app"]
    world.release("app")
    assert play.rotate("TOKEN")["failed"]
    assert "-e rotate_forget=" in play.output
    assert not world.issued[old].revoked


def test_map_that_reloads_again_ends_the_wait(play: Play, world: World) -> None:
    play.rotate("TOKEN", force=True)
    play.consumers = {"app": machines("app"), "ci": machines("ci")}
    assert play.rotate("TOKEN")["counts"] == {"done": 1}, play.output
    assert world.counted("update") == 4


def test_failure_beside_the_wait_is_told(play: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the failure comes first."""
    look = Machines.instances

    def instances(self: Machines, written: Sequence[Written]) -> Mapping[str, str]:
        while written and not any(one.state == "unknown" for one in play.state("TOKEN").intents):
            pass
        return look(self, written)

    monkeypatch.setattr(Machines, "instances", instances)
    [first, second] = play.map["TOKEN"]["rollout"]
    first |= {"copies": [*first["copies"], *second["copies"]], "reload": [["app", "ci"]]}
    del play.map["TOKEN"]["rollout"][1:]
    world.fail("update", CheckFailedError("it does not come up"))
    run = play.plan("TOKEN", force=True)["run"]
    assert play.through(run, Phase.REVOKED)["failed"]
    assert "it does not come up" in play.output


# -- the map ------------------------------------------------------------------------------------------------------


WHERE = "secret_consumers/molecule-cp/reload"
RELOAD = "secret_map.FLY_API_TOKEN.rollout[0].reload[0]"


def test_fly_app_may_be_released_by_others() -> None:
    found = parsed(changed(WHERE, "await", read(DESIGN)))
    assert [name for name, consumer in found.consumers.items() if consumer.awaited] == ["molecule-cp"]


@pytest.mark.parametrize(
    ("base", "path", "value", "error"),
    [
        (DESIGN, WHERE, "now", "secret_consumers.molecule-cp.reload: unknown value; there is await"),
        (
            DESIGN,
            "secret_consumers/publish/reload",
            "await",
            (
                "secret_consumers.publish.reload: whether others have released it cannot be told of github_actions; "
                "it can of fly_app"
            ),
        ),
        (
            BASE,
            "secret_consumers/worker/reload",
            "await",
            (
                "secret_consumers.worker.reload: whether others have released it cannot be told of fake.cloud.script; "
                "it can of fly_app"
            ),
        ),
        (
            DESIGN.replace("app: molecule-cp, healthy", "app: molecule-cp, reload: await, healthy"),
            "secret_map/FLY_API_TOKEN/issuer",
            {"type": "fake.cloud.cut", "connection": "cloud"},
            (
                f"{RELOAD}: others release molecule-cp, and it would go on running on the old value, which the new one "
                "ends; leave out its reload: await"
            ),
        ),
    ],
    ids=["other value", "workflow runs", "a command", "cut-over"],
)
def test_release_that_cannot_be_awaited_is_refused(base: str, path: str, value: Any, error: str) -> None:
    raw = changed(path, value, read(base))
    raw["secret_connections"]["cloud"] = {"type": "fake.cloud.account", "token": {"env": "CLOUD_TOKEN"}}
    assert error in errors_in(raw)


def test_what_lets_old_and_new_in_is_not_left_to_others() -> None:
    raw = changed(WHERE, "await", read(DESIGN))
    raw["secret_map"]["FLY_API_TOKEN"]["accept"] = {
        "copies": [{"store": "fly", "app": "gate"}],
        "reload": ["molecule-cp"],
    }
    where = "secret_map.FLY_API_TOKEN.accept.reload[0]"
    assert (
        f"{where}: others release molecule-cp, and it has to let old and new in before anyone switches; "
        "leave out its reload: await" in errors_in(raw)
    )


# -- kills ----------------------------------------------------------------------------------------------------------


_numbers = itertools.count(1)


def _begun(folder: Path) -> Iterator[Play]:
    with quick_ledgers():
        world = World(f"released-{next(_numbers)}")
        old = world.issue("made by hand")
        for name in ("app", "ci"):
            world.put(name, {"TOKEN": old.value})
            world.serve(name, [name])
        folder.mkdir()
        play = Play(world, folder, {"TOKEN": token_map(retain="current")}, consumers=AWAITED)
        play.rotate("TOKEN")
        world.release("app")
        play.rotate("TOKEN")
        world.clock.pass_(days=1)
        yield play
        assert not world.violations, world.violations
        del WORLDS[world.name]


def _run(play: Play, point: int, **options: Any) -> bool:
    """Run, and be killed there; whether that point was reached."""
    play.world.crash_at = (point, "after")
    try:
        with commits_as_points(play.world):
            play.rotate("TOKEN", **options)
        return False
    except Killed:
        return True
    finally:
        play.world.revive()


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("released", [0, 1, 2])
def test_run_that_is_killed_anywhere_goes_on(tmp_path: Path, released: int, back: bool) -> None:
    """Whenever it dies, whoever releases meanwhile: nothing is revoked that runs, and two releases end it."""
    for point in itertools.count(1):
        for play in _begun(tmp_path / f"{released} {back} {point}"):
            world = play.world
            killed = _run(play, point, force=True)
            world.release("app", released)
            _run(play, point, rollback=back and play.state("TOKEN").pending is not None)
            for _turn in range(2):
                world.release("app")
                result = play.rotate("TOKEN")
                assert not result["failed"], play.output
            current = play.state("TOKEN").current
            assert current, play.output
            assert play.state("TOKEN").pending is None, play.output
            value = world.issued[str(current.provider_id)].value
            assert world.values_in("app") == world.values_in("ci") == {value}
            assert [one.id for one in world.alive if one.id in world.made] == [current.provider_id]
        if not killed:
            return
