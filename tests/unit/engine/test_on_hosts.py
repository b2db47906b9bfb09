# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies on inventory hosts: Ansible looks at them before anything is minted, and writes them in their turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import OutcomeUnknownError, UnavailableError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import assert_at_rest, settled
from tests.unit.engine.world import World

PATH = "/opt/nova/.env"


@pytest.fixture
def play(make_play: Callable[..., Play], world: World) -> Play:
    """One secret in a box of the cloud, then in a file on app1."""
    world.put("box", {})
    world.put(PATH, {})
    secret = {
        "issuer": {"type": "test.fake.token", "connection": "cloud"},
        "rollout": [
            {"name": "cloud", "copies": [{"store": "cloud", "box": "box"}]},
            {"name": "file", "copies": [{"store": "hosts", "host": "app1", "path": PATH}]},
        ],
        "revoke": {"accept": "life"},
    }
    connections = {"cloud": {"type": "test.fake.cloud", "world": world.name}, "hosts": {"type": "test.fake.hosts"}}
    return make_play(secret_map={"TOKEN": secret}, connections=connections)


def executed(world: World) -> list[str]:
    return [what for kind, what in world.log if kind == "execute"]


def in_file(world: World) -> str:
    return world.containers[PATH]["TOKEN"][0]


def test_a_file_on_a_host_gets_the_value_of_every_other_copy(play: Play, world: World) -> None:
    assert not play.rotate("TOKEN")["failed"], play.output

    assert executed(world) == [f"look {PATH}", f"look {PATH}", f"put {PATH}"]
    assert in_file(world) == world.containers["box"]["TOKEN"][0]
    assert f"file app1:{PATH}: TOKEN, by Ansible" in play.output


def test_a_host_is_looked_at_before_anything_is_minted(play: Play, world: World) -> None:
    def unreachable(command: HostCommand) -> HostAnswer:
        raise UnavailableError("host app1 cannot be reached")

    play.execute = unreachable
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]

    assert world.counted("mint") == 0
    assert f"file app1:{PATH}, on its host: its reach and state, which nobody has seen yet" in play.output
    assert "host app1 cannot be reached" in play.output


def test_each_run_looks_for_itself(play: Play, world: World) -> None:
    first = play.plan("TOKEN")
    play.through(first["run"], Phase.ISSUED)
    world.put(PATH, {"TOKEN": "somebody else's"})

    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert f"file app1:{PATH} was changed by somebody else" in play.output
    assert in_file(world) == "somebody else's"


def test_a_persons_change_to_the_file_is_noticed_before_the_next_mint(play: Play, world: World) -> None:
    play.rotate("TOKEN")
    world.put(PATH, {"TOKEN": "somebody else's"})

    assert play.rotate("TOKEN", force=True)["held"] == ["TOKEN"]
    assert world.counted("mint") == 1
    assert in_file(world) == "somebody else's"

    forgotten = play.rotate("TOKEN", force=True, forget=(f"hosts:app1:{PATH}",))
    assert not forgotten["failed"], play.output
    assert world.counted("mint") == 2
    assert in_file(world) == world.containers["box"]["TOKEN"][0]


def test_a_lost_answer_of_a_host_is_made_right_by_the_next_run(play: Play, world: World) -> None:
    world.fail("execute", OutcomeUnknownError("the connection broke"), f"put {PATH}", after=True)

    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 1
    assert in_file(world) == world.containers["box"]["TOKEN"][0]


def test_a_file_that_is_not_in_its_turn_is_not_written(play: Play, world: World) -> None:
    world.fail("write", UnavailableError("the box is shut"))

    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert world.containers[PATH] == {}


def test_the_plan_of_a_check_looks_at_no_host(play: Play, world: World) -> None:
    play.plan("TOKEN", check=True)

    assert executed(world) == []
    assert world.counted("mint") == 0


def test_a_host_that_is_not_in_the_inventory_is_a_mistake_in_the_map(play: Play) -> None:
    play.map["TOKEN"]["rollout"][1]["copies"][0]["host"] = "app2"

    with pytest.raises(Exception, match=r"copies\[0\]\.host: there is no such host in the inventory"):
        play.plan("TOKEN")


def test_a_copy_on_a_host_is_looked_at_before_the_cut_and_its_failure_stops_nothing_after(
    tmp_path: Path,
) -> None:
    play = settled("reset", World("cut-on-hosts"), tmp_path)
    play.connections["files"] = {"type": "test.fake.hosts", "world": play.world.name}
    play.world.put("/env", {"TOKEN": play.world.alive[-1].value})
    first, second = play.map["TOKEN"]["rollout"]
    copies = [*first["copies"], {"store": "files", "host": "app1", "path": "/env"}]
    play.map["TOKEN"]["rollout"] = [{**first, "copies": copies}, second]
    play.world.fail("execute", UnavailableError("unreachable"), "look")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert play.world.counted("mint") == 0
    play.world.fail("execute", UnavailableError("unreachable"), "put")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "CUTOVER INCOMPLETE  TOKEN" in play.output
    assert [what for kind, what in play.world.log if kind == "test"] == ["app", "ci"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert play.world.containers["/env"]["TOKEN"][0] == play.world.alive[-1].value
    assert_at_rest(play)
