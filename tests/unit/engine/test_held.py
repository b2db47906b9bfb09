# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hold lasts until a run has gone on past its cause, and the printed command goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import UnavailableError
from tests.unit.engine import printed
from tests.unit.engine.conftest import current_id, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World

DOWN = UnavailableError("down (status 503)")
PATH = "/etc/app.env"


@pytest.fixture
def on_host(make_play: Callable[..., Play], world: World) -> Play:
    """One secret in a file on app1, which somebody has changed since its rotation."""
    world.put(PATH, {})
    entry = token_map(rollout=[{"name": "file", "copies": [{"store": "hosts", "host": "app1", "path": PATH}]}])
    connections = {"cloud": {"type": "test.fake.cloud", "world": world.name}, "hosts": {"type": "test.fake.hosts"}}
    play = make_play(secret_map={"TOKEN": entry | {"revoke": {"accept": "life"}}}, connections=connections)
    rotate_once(play)
    world.put(PATH, {"TOKEN": world.issue("by hand").value})
    return play


def follow(play: Play) -> None:
    """Run the command that was printed last; it has to rotate."""
    options = printed.way_on(play.lines) or {}
    play.lines.clear()
    assert play.rotate(*options.pop("only", ()), **options).get("changed"), play.output


def is_held(play: Play) -> bool:
    return bool(play.status(fail_on=["held"])["failed"])


def test_hold_outlasts_runs_that_do_not_look_at_its_cause(on_host: Play) -> None:
    play = on_host
    assert play.rotate("TOKEN", force=True)["failed"]
    for options in ({}, {"only_revoke": True}, {"rollback": True}, {"check": True}):
        play.lines.clear()
        assert not play.plan(**options)["failed"]
        assert ": nothing to do, still held since 2026-11-02 00:00:00Z: file app1:" in play.output
        assert is_held(play)
    follow(play)
    assert not is_held(play)


@pytest.mark.parametrize("told_by", ["hold", "night", "status"])
def test_printed_command_goes_on_before_the_mint(play: Play, world: World, told_by: str) -> None:
    rotate_once(play)
    world.fail("probe", DOWN, times=99)
    assert play.rotate("TOKEN", force=True)["failed"]
    world.mend()
    if told_by != "hold":
        play.lines.clear()
    if told_by == "night":
        assert not play.rotate()["failed"]
        assert "nothing to do, still held" in play.output
    if told_by == "status":
        assert is_held(play)
    follow(play)
    assert world.counted("mint") == 1
    assert not is_held(play)


def test_hold_ends_once_a_plan_finds_its_cause_gone(play: Play, world: World) -> None:
    rotate_once(play)
    current = world.issued[current_id(play)]
    world.end(current.id)
    assert play.rotate()["failed"]
    assert is_held(play)
    current.revoked = False
    world.ended_by_others.clear()
    assert not play.rotate()["failed"], play.output
    assert not is_held(play)


def test_hold_of_what_nobody_rotates_any_more_ends(play: Play, world: World) -> None:
    rotate_once(play)
    world.fail("probe", DOWN, times=99)
    assert play.rotate("TOKEN", force=True)["failed"]
    world.mend()
    play.map["TOKEN"] = {"description": "of a job", "issuer": {"type": "none", "why": "its vendor does"}}
    assert not play.rotate()["failed"], play.output
    assert not is_held(play)


def test_no_way_back_is_told_where_nothing_is_under_way(play: Play) -> None:
    rotate_once(play)
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "there is no way back: no rotation of it is under way" in play.output
    assert "rotate_force" not in play.output
    assert not is_held(play)


@pytest.mark.parametrize("how", ["revoke", "back", "guarded"])
def test_force_is_advised_only_where_it_would_mint(play: Play, how: str) -> None:
    rotate_once(play)
    if how == "guarded":
        play.map["TOKEN"]["guard"] = {"reason": "used by all"}
    play.plan(only_revoke=how == "revoke", rollback=how == "back")
    assert ": nothing to do" in play.output
    assert "rotate_force" not in play.output


def test_go_on_repeats_the_credential_that_was_named(play: Play, world: World) -> None:
    world.fail("probe", DOWN, times=99)
    assert play.rotate("TOKEN", adopt={"TOKEN": next(iter(world.issued))})["failed"]
    assert "rotate_adopt" in next(line for line in play.lines if "go on:" in line)


def test_same_environment_again_is_partial_as_before(make_play: Callable[..., Play]) -> None:
    entry = token_map()
    entry["rollout"] = [{**step, "environment": step["name"]} for step in entry["rollout"]]
    play = make_play(secret_map={"TOKEN": entry})
    for _turn in range(2):
        play.lines.clear()
        assert not play.rotate("TOKEN", environments=("app",))["failed"]
        assert "PARTIAL  TOKEN: left out by rotate_environments: 2 ci" in play.output
        assert "  go on:    ansible-playbook rotate.yml -e rotate_only=TOKEN" in play.lines
        assert "rotate_force" not in play.output


@pytest.mark.parametrize("allow", ["confirmed", "compromised"])
def test_go_on_confirms_what_is_guarded(play: Play, world: World, allow: str) -> None:
    rotate_once(play)
    play.map["TOKEN"]["guard"] = {"reason": "used by all", "allow": allow}
    assert play.rotate("TOKEN", force=True)["failed"]
    told = next(line for line in reversed(play.lines) if "go on:" in line)
    assert ("-e 'rotate_reason=…'" in told) == (allow == "compromised")
    follow(play)
    assert world.counted("mint") == 1
