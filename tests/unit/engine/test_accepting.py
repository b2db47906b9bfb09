# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lets credentials in knows the new one before anyone uses it, and the old one until it ends."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import OutcomeUnknownError, UnavailableError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import planner
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from tests.unit.engine.conftest import machines
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import BOXES, assert_at_rest, assert_nothing_is_left_to_do, play_of
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.test_kill import killed_at
from tests.unit.engine.world import WORLDS, World

FILE = "/etc/pool/list"
KEYS = {"one": "${token}", "two": "${token}"}
ACCEPT = {
    "copies": [
        {"store": "cloud", "box": "list", "keys": KEYS},
        {"store": "hosts", "host": "app1", "path": FILE, "keys": KEYS},
    ],
    "reload": ["pool", "host_pool"],
}
STRIDE = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 13


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_runs():
        yield


def opened(name: str, folder: Path, **more: Any) -> Play:
    """Two roles take turns behind two pools, whose lists have what a person has put there."""
    world = World(name)
    play = play_of("roles", world, folder, accept=ACCEPT, **more)
    old = world.containers["app"]["TOKEN"][0]
    for place in ("list", FILE):
        world.put(place, {"one": old, "somebody else": "of no concern"})
    world.serve("pool", ["list"])
    play.consumers |= {
        "pool": machines("pool"),
        "host_pool": {"type": "test.plain.script", "command": "reload", "host": "app1"},
    }
    play.connections["hosts"] = {"type": "test.fake.hosts"}
    return play


def turned(name: str, folder: Path, **more: Any) -> Play:
    """The same, after a first rotation."""
    play = opened(name, folder, **more)
    assert not play.rotate("TOKEN")["failed"], play.output
    play.world.clock.pass_(days=1)
    play.world.log.clear()
    play.lines.clear()
    return play


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    made: list[str] = []

    def make(how: Callable[..., Play] = turned, **more: Any) -> Play:
        made.append(f"accepting-{len(made)}")
        return how(made[-1], tmp_path / made[-1], **more)

    tmp_path.joinpath("accepting-0").mkdir()
    yield make
    for name in made:
        assert not WORLDS[name].violations, WORLDS[name].violations
        del WORLDS[name]


def listed(play: Play) -> list[set[str]]:
    """Who is let in, of our roles, by each list."""
    return [set(play.world.containers[place]) & {"one", "two"} for place in ("list", FILE)]


def effects(play: Play) -> list[str]:
    kinds = {"write": "write", "activate": "activate", "revoke": "revoke", "update": "update", "execute": "run"}
    shown = [f"{kinds[kind]} {what}" for kind, what in play.world.log if kind in kinds]
    return [what for what in shown if "look" not in what and not what.startswith("activate")]


def assert_let_in(play: Play) -> None:
    """Whoever runs on a role is let in with it, at any moment."""
    world = play.world
    used = {value for box in BOXES for value in world.values_in(box)}
    assert used <= world.values_in("pool")
    assert used <= {value for value, _at in world.containers[FILE].values()}


def assert_narrow(play: Play) -> None:
    """The new one is let in, and nobody else of ours; others are as they were."""
    current = play.state("TOKEN").current
    assert current
    value = play.ledger().unseal(current).fields["token"].reveal()
    for place in ("list", FILE):
        held = {key: value for key, (value, _at) in play.world.containers[place].items()}
        assert held == {"somebody else": "of no concern", str(current.provider_id): value}
    assert play.world.values_in("pool") == {"of no concern", value}


def test_lists_are_written_first_and_narrowed_before_the_revoke(begun: Callable[..., Play]) -> None:
    play = begun()
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    pools = ["update pool/0", "update pool/1", "run reload"]
    lists, services = ["write list", f"run put {FILE}", *pools], [f"update {box}/{n}" for box in BOXES for n in (0, 1)]
    copies = ["write app", *services[:2], "write ci", *services[2:]]
    assert effects(play) == [*lists, *copies, *lists, "revoke two"]
    assert_narrow(play)
    assert_at_rest(play)


def test_both_are_let_in_during_the_grace(begun: Callable[..., Play]) -> None:
    play = begun(revoke={"after": "2d"})
    play.world.clock.pass_(days=3)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert play.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}
    assert listed(play) == [{"one", "two"}] * 2
    assert_let_in(play)
    play.world.clock.pass_(days=3)
    assert play.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}, play.output
    assert listed(play) == [{"one", "two"}] * 2, "the old one has ended before its role was given another value"
    play.world.clock.pass_(days=3)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_narrow(play)
    assert_nothing_is_left_to_do(play)


@pytest.mark.parametrize("days", [1, 3])
def test_role_that_leaves_the_map_in_its_grace_is_let_in_until_its_end(begun: Callable[..., Play], days: int) -> None:
    play = begun(revoke={"after": "2d"})
    play.world.clock.pass_(days=3)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert play.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}
    current = play.state("TOKEN").current
    assert current
    issuer, roles = play.map["TOKEN"]["issuer"], [str(current.provider_id), "three"]
    play.map["TOKEN"]["issuer"] = {**issuer, "roles": roles}
    play.map["TOKEN"]["issuer"].pop("current_id", None)
    accept = play.map["TOKEN"]["accept"]
    copies = [{**copy, "keys": dict.fromkeys(roles, "${token}")} for copy in accept["copies"]]
    play.map["TOKEN"]["accept"] = {**accept, "copies": copies}
    play.world.clock.pass_(days=days)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert listed(play) == [{"one", "two"} if days < 2 else {roles[0]}] * 2
    state = play.state("TOKEN")
    kept = {name: state.credential(mark.credential) for name, mark in state.holdings.items() if "#" in name}
    assert all(row and name.endswith(f"#{row.provider_id}") for name, row in kept.items())
    assert len(kept) == (2 if days < 2 else 0)
    play.world.clock.pass_(days=3)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert listed(play) == [{roles[0]}] * 2
    assert set(play.state("TOKEN").holdings) == {"cloud:app", "cloud:ci", "cloud:list", f"hosts:app1:{FILE}"}
    assert_nothing_is_left_to_do(play)


def test_plan_says_where_the_old_one_is_let_in_no_more(begun: Callable[..., Play]) -> None:
    play = begun(opened)
    plan = play.plan("TOKEN", check=True)
    assert plan["go"]
    for line in (
        "box list: one or two",
        "narrow",
        "box list: without one",
        f"file app1:{FILE}: without one, by Ansible",
    ):
        assert line in play.output
    assert effects(play) == []


def test_nothing_is_narrowed_while_the_old_one_may_not_end(begun: Callable[..., Play]) -> None:
    """A copy is changed by hand once everything is proven."""
    play = begun()
    world = play.world

    def change() -> None:
        world.put("ci", {"TOKEN": "somebody else's"})

    world.after["test"] = lambda: world.after.update({"test": change})
    assert play.rotate("TOKEN", force=True)["held"] == ["TOKEN"], play.output
    assert "HELD  TOKEN at revoke, disable" in play.output
    assert listed(play) == [{"one", "two"}] * 2
    assert world.counted("revoke") == 0


def test_a_persons_change_to_a_list_is_not_narrowed_over(begun: Callable[..., Play]) -> None:
    play = begun()
    world = play.world
    world.after["activate"] = lambda: world.after.update(
        {"test": lambda: world.after.update({"test": lambda: world.put("list", {"one": "somebody else's"})})}
    )
    assert play.rotate("TOKEN", force=True)["held"] == ["TOKEN"], play.output
    assert "box list was changed by somebody else" in play.output
    assert world.containers["list"]["one"][0] == "somebody else's"


def test_going_back_leaves_the_old_one_alone_and_takes_the_new_one_out(begun: Callable[..., Play]) -> None:
    play = begun()
    play.world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.services["ci"].breaks_at = None
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert_narrow(play)
    assert_at_rest(play)


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (UnavailableError("away"), False),
        (OutcomeUnknownError("the connection broke"), False),
        (OutcomeUnknownError("the connection broke"), True),
    ],
)
def test_a_list_that_does_not_answer_holds_the_revoke(
    begun: Callable[..., Play], error: Exception, after: bool
) -> None:
    play = begun()
    world = play.world
    world.after["test"] = lambda: world.after.update(
        {"test": lambda: world.fail("execute", error, f"put {FILE}", after=after)}
    )
    assert play.rotate("TOKEN", force=True)["held"] == ["TOKEN"], play.output
    assert world.counted("revoke") == 0
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_narrow(play)
    assert_at_rest(play)


@pytest.mark.parametrize("write", [1, 2])
def test_a_list_that_cannot_be_looked_at_after_its_write_is_in_doubt(begun: Callable[..., Play], write: int) -> None:
    """The first write lets the new one in, the second one takes the old one out."""
    play = begun()
    world = play.world

    def lose_the_look() -> None:
        world.fail("observe", UnavailableError("away"), "list")

    world.after["write"] = lose_the_look
    if write == 2:
        world.after["write"] = lambda: None
        world.after["test"] = lambda: world.after.update({"test": lambda: world.after.update(write=lose_the_look)})
    assert play.rotate("TOKEN", force=True)["failed"]
    kind = ActionKind.WRITE if write == 1 else ActionKind.NARROW
    assert play.state("TOKEN").intent(kind, "cloud:list"), "it may have had its effect"
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_narrow(play)
    assert_at_rest(play)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rotation_killed_anywhere_is_finished_and_locks_nobody_out(
    begun: Callable[..., Play], tmp_path: Path, when: str
) -> None:
    play = begun()
    for point in itertools.count(1 if when == "before" else 1 + STRIDE // 2, STRIDE):
        clone = play.clone(f"accepting-{when}-{point}", tmp_path / f"{when}{point}")
        killed = killed_at(clone, point, when, partial(clone.rotate, "TOKEN", force=True))
        assert_let_in(clone)
        finish(clone)
        assert_narrow(clone)
        assert_at_rest(clone)
        del WORLDS[clone.world.name]
        if not killed:
            assert point > 40
            return


def finish(play: Play) -> None:
    made = [what for kind, what in play.world.log if kind == "activate"]
    result = play.rotate("TOKEN", force=not play.state("TOKEN").pending and not made)
    assert not result["failed"], play.output


def test_nothing_is_revoked_that_is_let_in(begun: Callable[..., Play], monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that forgets to narrow meets the rule."""
    play = begun()
    monkeypatch.setattr(planner, "_narrowing", lambda *_arguments, **_when: [])
    assert play.rotate("TOKEN", force=True)["held"] == ["TOKEN"]
    assert f"is not revoked: box list lets it in; file app1:{FILE} lets it in" in play.output
    assert play.world.counted("revoke") == 0


def test_map_says_what_can_let_in(begun: Callable[..., Play]) -> None:
    play = begun(opened)
    accept: dict[str, Any] = play.map["TOKEN"]["accept"]
    play.map["TOKEN"] |= {
        "accept": {**accept, "copies": [{"store": "cloud", "box": "list", "keys": {"one": "${token}"}}]}
    }
    with pytest.raises(MapError, match=r"accept\.copies\[0\]\.keys\.two: the keys are the issuer's identities"):
        play.parsed()
    play.map["TOKEN"] |= {"accept": accept, "issuer": {"type": "test.fake.token", "connection": "cloud"}}
    with pytest.raises(MapError, match=r"accept: the issuer has one identity.*; name it in copies"):
        play.parsed()
