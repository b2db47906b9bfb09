# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies on inventory hosts: Ansible looks at them before anything is minted, and writes them in their turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    BusyError,
    OutcomeUnknownError,
    StoppedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.writer import Ledger
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

    assert executed(world) == [f"look {PATH}", f"put {PATH}"]
    assert in_file(world) == world.containers["box"]["TOKEN"][0]
    assert (
        f"file app1:{PATH}: TOKEN (over what nobody has seen, and a value there is then lost), by Ansible"
        in play.output
    )


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
    assert f"writing to file {PATH}: somebody else has changed it. If what is there may be overwritten" in play.output
    assert f"rotate_forget=hosts:app1:{PATH}" in play.output
    assert in_file(world) == "somebody else's"


@pytest.mark.parametrize("changed", [False, True])
def test_key_that_is_new_to_the_map_and_in_the_file_already_is_as_the_look_has_seen_it(
    play: Play, world: World, changed: bool
) -> None:
    world.put(PATH, {"OTHER": "by hand"})
    assert not play.rotate("TOKEN")["failed"], play.output
    play.map["TOKEN"]["rollout"][1]["copies"][0]["keys"] = {"TOKEN": "${token}", "OTHER": "${token}"}
    plan = play.plan("TOKEN", force=True)
    told = f"file app1:{PATH}: TOKEN, OTHER (over what nobody has seen, and a value there is then lost: OTHER)"
    assert told in play.output
    play.through(plan["run"], Phase.ISSUED)
    if changed:
        world.put(PATH, {"OTHER": "somebody else's"})
    result = play.through(plan["run"], Phase.ROLLED_OUT)
    assert (result["held"] == ["TOKEN"]) is changed, play.output
    assert (world.containers[PATH]["OTHER"][0] == in_file(world)) is not changed


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


def shared(make_play: Callable[..., Play], world: World, count: int, **more: Any) -> Play:
    """Secrets with a key each in one file on app1, and one consumer there."""
    world.put(PATH, {})

    def one(number: int) -> dict[str, Any]:
        copies = [{"store": "hosts", "host": "app1", "path": PATH, "keys": {f"KEY_{number:02}": "${token}"}}]
        issuer = {"type": "test.fake.token", "connection": "cloud"}
        return {"issuer": issuer, "copies": copies, "reload": ["script"], "revoke": {"accept": "life"}, **more}

    return make_play(
        secret_map={f"S{number:02}": one(number) for number in range(count)},
        connections={"cloud": {"type": "test.fake.cloud", "world": world.name}, "hosts": {"type": "test.fake.hosts"}},
        consumers={"script": {"type": "test.plain.script", "command": "restart", "host": "app1"}},
    )


def test_many_secrets_in_one_file_are_one_look_one_write_and_one_reload_a_wave(
    make_play: Callable[..., Play], world: World
) -> None:
    play = shared(make_play, world, 12)

    assert not play.rotate(*play.map, max_failures=20)["failed"], play.output

    look, put = f"look {PATH}", f"put {PATH}"
    assert executed(world) == [look, put, "restart"] * 3, "in waves of 1, 10 and 1"
    assert len(play.pieces) == 9
    assert sum(len(piece["work"]) for piece in play.pieces) == 12 + 12 + 3
    assert play.pieces[1]["what"] == f"write file app1:{PATH}"
    assert play.pieces[4]["what"] == f"write file app1:{PATH}, and 9 more"
    assert len(world.containers[PATH]) == 12
    world.log.clear()
    assert not play.rotate(*play.map, force=True, max_failures=20)["failed"], play.output
    assert executed(world).count(put) == executed(world).count("restart") == 3
    assert executed(world).count(look) == 4, "the looks before a revoke come with those of the next wave"


def test_what_others_changed_in_a_shared_file_holds_their_secret_alone(
    make_play: Callable[..., Play], world: World
) -> None:
    play = shared(make_play, world, 3)
    run = play.plan(*play.map, max_failures=20)["run"]
    play.through(run, Phase.ISSUED)
    world.put(PATH, {"KEY_01": "somebody else's"})

    assert play.through(run, Phase.ROLLED_OUT)["held"] == ["S01"]

    assert world.containers[PATH]["KEY_01"][0] == "somebody else's"
    assert executed(world) == [f"look {PATH}", f"put {PATH}", "restart"]
    assert play.state("S00").current
    assert play.state("S02").current


def test_a_wave_waits_for_the_work_on_hosts_of_the_one_before(make_play: Callable[..., Play], world: World) -> None:
    play = shared(make_play, world, 11)
    world.fail("execute", UnavailableError("unreachable"), "restart")

    assert play.rotate(*play.map, max_failures=0)["counts"] == {"held": 1, "skipped": 10}

    assert world.counted("mint") == 1


def test_secrets_are_locked_while_a_host_is_worked_on(make_play: Callable[..., Play], world: World) -> None:
    play = shared(make_play, world, 2)
    other = open_ledger(play.setting, clock=world.clock, holder="run 1234 (somebody)")
    seen: list[str] = []

    def execute(command: HostCommand) -> HostAnswer:
        for name in play.map:
            with pytest.raises(BusyError), other.locks.hold(f"secret {name}"):
                pass
        seen.append(command.command)
        return play._execute(command)

    play.execute = execute
    assert not play.rotate(*play.map)["failed"], play.output
    assert len(seen) == 3


def test_a_secret_that_another_run_has_locked_is_left_out_on_its_host(
    make_play: Callable[..., Play], world: World
) -> None:
    play = shared(make_play, world, 2)
    run = play.plan(*play.map, max_failures=20)["run"]
    (todo,) = play.advance(run, Phase.ROLLED_OUT)["todo"]
    other = open_ledger(play.setting, clock=world.clock, holder="run 1234 (somebody)")

    with other.locks.hold("secret S00"):
        result = play.session().host_work(run, todo["work"], "app1", play.execute)

    assert result == {"changed": False, "done": 1, "left": 1}
    assert "secret S00 is being worked on by run 1234 (somebody) since" in play.output
    assert play.state("S00").probes == {}
    assert not play.through(run, Phase.REVOKED)["failed"], play.output
    assert world.counted("mint") == 2


def test_work_that_another_run_has_done_meanwhile_is_not_done_again(
    make_play: Callable[..., Play], world: World
) -> None:
    """The first run is killed after it has handed out its writes; the second does them; the first's role goes on."""
    play = shared(make_play, world, 2)
    first = play.plan(*play.map)["run"]
    play.through(first, Phase.ISSUED)
    (todo,) = play.advance(first, Phase.ROLLED_OUT)["todo"]
    assert not play.rotate()["failed"], play.output
    world.log.clear()

    result = play.session().host_work(first, todo["work"], "app1", play.execute)

    assert result == {"changed": False, "done": 0, "left": 2}
    assert executed(world) == []


def test_work_that_another_run_has_handed_out_anew_is_left_to_it(make_play: Callable[..., Play], world: World) -> None:
    play = shared(make_play, world, 2)
    first = play.plan(*play.map)["run"]
    play.through(first, Phase.ISSUED)
    (todo,) = play.advance(first, Phase.ROLLED_OUT)["todo"]
    second = play.plan()["run"]
    assert play.advance(second, Phase.ROLLED_OUT)["todo"] == [todo]
    world.log.clear()

    result = play.session().host_work(first, todo["work"], "app1", play.execute)

    assert result == {"changed": False, "done": 0, "left": 2}
    assert executed(world) == []


def test_a_reload_for_several_secrets_is_left_where_another_run_has_changed_one(
    make_play: Callable[..., Play], world: World
) -> None:
    play = shared(make_play, world, 2)
    first = play.plan(*play.map)["run"]
    play.through(first, Phase.ISSUED)
    for _round in ("writes", "reload"):
        (todo,) = play.advance(first, Phase.ROLLED_OUT)["todo"]
        if todo["what"] != "reload script":
            play.session().host_work(first, todo["work"], "app1", play.execute)
    assert not play.rotate("S01")["failed"], play.output
    world.log.clear()

    result = play.session().host_work(first, todo["work"], "app1", play.execute)

    assert result == {"changed": False, "done": 0, "left": 1}
    assert executed(world) == []
    assert not play.through(first, Phase.REVOKED)["failed"], play.output
    assert executed(world) == ["restart"]


class Killed(BaseException):
    """The process is gone: nothing after it is recorded."""


@pytest.mark.parametrize(
    ("place", "back"),
    [("intend", False), ("command", False), ("answer", False), ("written", False), ("written", True)],
)
def test_a_kill_among_many_writes_is_made_good_by_the_next_run(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch, place: str, back: bool
) -> None:
    """It is met at the second of three writes, or before or after the one command that makes them all."""
    play = shared(make_play, world, 3, retain="current")
    assert not play.rotate(*play.map, max_failures=20)["failed"], play.output
    run = play.plan(*play.map, force=True, max_failures=20)["run"]
    play.through(run, Phase.ISSUED)
    (todo,) = play.advance(run, Phase.ROLLED_OUT)["todo"]

    def killed_at_second(ledger: Ledger, run: str, secret: str, *about: Any, **more: Any) -> Any:
        if secret == "S01":
            raise Killed
        return really(ledger, run, secret, *about, **more)

    def execute(command: HostCommand) -> HostAnswer:
        if place != "command":
            play._execute(command)
        raise Killed

    if place in ("intend", "written"):
        really = getattr(Ledger, place)
        monkeypatch.setattr(Ledger, place, killed_at_second)
    with pytest.raises(Killed):
        play.session().host_work(
            run, todo["work"], "app1", play._execute if place in ("intend", "written") else execute
        )
    monkeypatch.undo()

    assert not play.rotate(rollback=back, max_failures=20)["failed"], play.output

    assert world.counted("mint") == 6
    alive = {world.issued[made].value for made in world.made if not world.issued[made].revoked}
    assert {value for value, _at in world.containers[PATH].values()} == alive
    assert len(alive) == 3
    assert world.violations == []


def test_a_stop_before_the_command_leaves_nothing_in_doubt(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = shared(make_play, world, 2)
    run = play.plan(*play.map, max_failures=20)["run"]
    play.through(run, Phase.ISSUED)
    (todo,) = play.advance(run, Phase.ROLLED_OUT)["todo"]
    intend = Ledger.intend

    def stopping(ledger: Ledger, *about: Any, **more: Any) -> int:
        intent = intend(ledger, *about, **more)
        if "S01" in about:
            world.clock.stop()
        return intent

    monkeypatch.setattr(Ledger, "intend", stopping)
    with pytest.raises(StoppedError):
        play.session().host_work(run, todo["work"], "app1", play.execute)
    monkeypatch.undo()

    for name in play.map:
        assert play.state(name).intents == ()
    assert executed(world) == [f"look {PATH}"]


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


# -- one of many first ----------------------------------------------------------------------------------------------


@pytest.fixture
def many(make_play: Callable[..., Play], world: World) -> Play:
    """Three consumers on hosts, one of them first; what is asked after each reload is whether ``app`` is well."""
    world.put("box", {})
    world.serve("app", [])
    secret = {
        "issuer": {"type": "test.fake.token", "connection": "cloud"},
        "copies": [{"store": "cloud", "box": "box"}],
        "reload": ["web"],
        "revoke": {"accept": "life"},
    }
    healthy = [{"type": "test.fake.selftest", "connection": "cloud", "service": "app"}]
    web = {"type": "test.plain.script", "command": "restart <each>", "host": "app1", "healthy": healthy}
    return make_play(secret_map={"TOKEN": secret}, consumers={"web": {**web, "for_each": ["a", "b", "c"], "first": 1}})


def test_first_one_is_well_before_the_others_are_reloaded(many: Play, world: World) -> None:
    assert not many.rotate("TOKEN")["failed"], many.output
    assert executed(world) == ["restart a", "restart b", "restart c"]
    assert [work["what"] for work in many.pieces] == ["reload web a", "reload web b, and 1 more"]
    asked = [kind for kind, _what in world.log if kind in ("execute", "test")]
    assert asked[-6:] == ["execute", "test"] * 3


def test_first_one_that_is_not_well_holds_up_the_others(many: Play, world: World) -> None:
    def fall_ill() -> None:
        world.services["app"].sick = True

    world.after["execute"] = fall_ill
    assert many.rotate("TOKEN")["failed"]
    assert executed(world) == ["restart a"]
    assert "app is sick" in many.output
    world.services["app"].sick = False
    assert not many.rotate("TOKEN")["failed"], many.output
    assert executed(world) == ["restart a", "restart a", "restart b", "restart c"]
