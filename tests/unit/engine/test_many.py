# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many secrets at once: shared consumers, waves, failures, work on hosts, locks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from threading import Barrier, Event
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger
from tests.unit.engine.conftest import machines
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_stores import Shelf
from tests.unit.engine.fakes import SelfTest
from tests.unit.engine.world import World

TOKEN = {"type": "test.fake.token", "connection": "cloud"}


def secret(*boxes: str, reload: list[Any], issuer: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A secret whose consumers' own word is enough."""
    return {
        "issuer": issuer or TOKEN,
        "copies": [{"store": "cloud", "box": box} for box in boxes],
        "reload": reload,
        "revoke": {"accept": "life"},
        **more,
    }


@pytest.fixture
def many(make_play: Callable[..., Play], world: World) -> Callable[..., Play]:
    def make(number: int, **more: Any) -> Play:
        names = [f"S{index:02}" for index in range(number)]
        for name in names:
            world.put(name, {})
        world.serve("shared", names)
        return make_play(
            secret_map={name: secret(name, reload=["shared"], **more) for name in names},
            consumers={
                "shared": machines("shared"),
                "script": {"type": "test.plain.script", "command": "restart", "host": "app1"},
            },
        )

    return make


def test_a_consumer_that_many_secrets_share_is_reloaded_once(many: Callable[..., Play], world: World) -> None:
    play = many(6)
    assert not play.rotate(*play.map, max_failures=5)["failed"], play.output
    assert world.counted("update") == len(world.services["shared"].machines)
    assert len(world.values_in("shared")) == 6


def test_a_consumer_waits_for_the_one_before_it(make_play: Callable[..., Play], world: World) -> None:
    world.put("S", {})
    for name in ("first", "second"):
        world.serve(name, ["S"])
    consumers = {name: machines(name) for name in ("first", "second")}
    play = make_play(secret_map={"S": secret("S", reload=["first", "second"])}, consumers=consumers)
    world.services["first"].breaks_at = 0
    assert play.rotate("S")["held"] == ["S"]
    assert not [what for kind, what in world.log if kind == "update" and "second" in str(what)]
    world.services["first"].breaks_at = None
    assert not play.rotate()["failed"], play.output


def test_consumers_of_one_turn_are_reloaded_at_once(make_play: Callable[..., Play], world: World) -> None:
    world.put("S", {})
    for name in ("first", "left", "right", "last"):
        world.serve(name, ["S"])
    consumers = {name: machines(name) for name in ("first", "left", "right", "last")}
    play = make_play(secret_map={"S": secret("S", reload=["first", ["left", "right"], "last"])}, consumers=consumers)
    world.services["left"].breaks_at = 0
    assert play.rotate("S")["held"] == ["S"]
    updated = [str(what) for kind, what in world.log if kind == "update"]
    assert [name for name in consumers if any(name in what for what in updated)] == ["first", "right"]
    world.services["left"].breaks_at = None
    assert not play.rotate()["failed"], play.output


def test_a_consumer_that_comes_later_in_one_secret_is_reloaded_once(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T, which reloads nothing else, is ready for it while S is still being written."""
    for name in ("S", "T", "U"):
        world.put(name, {})
    reads = {"first": ["S", "T"], "shared": ["S", "T"], "apart": ["U"]}
    for name, boxes in reads.items():
        world.serve(name, boxes)
    reloads: dict[str, list[Any]] = {"S": ["first", "shared"], "T": ["shared"], "U": ["apart"]}
    play = make_play(
        secret_map={name: secret(name, reload=reload) for name, reload in reloads.items()},
        consumers={name: machines(name) for name in reads},
    )
    t_is_written, one_is_reloaded, really = Event(), Event(), Shelf.write
    world.after["update"] = one_is_reloaded.set

    def write(store: Any, container: Any, *arguments: Any) -> Any:
        before = {"U": t_is_written, "S": one_is_reloaded}.get(container["box"])
        assert before is None or before.wait(60), "what this one waits for did not come"
        written = really(store, container, *arguments)
        if container["box"] == "T":
            t_is_written.set()
        return written

    monkeypatch.setattr(Shelf, "write", write)
    assert not play.rotate(*reloads, max_failures=3)["failed"], play.output
    assert world.counted("update") == sum(len(world.services[name].machines) for name in reads)


def test_when_a_shared_reload_fails_every_secret_that_needs_it_is_held_for_the_whole_run(
    many: Callable[..., Play], world: World
) -> None:
    play = many(3)
    world.services["shared"].breaks_at = 0
    result = play.rotate(*play.map, max_failures=2)
    assert sorted(result["held"]) == sorted(play.map)
    attempts = play.output.count("did not come up")
    world.services["shared"].breaks_at = None
    assert not play.rotate()["failed"], play.output
    assert attempts == 3, "each says it once"
    assert world.counted("mint") == 3


def test_one_held_secret_holds_up_no_other(many: Callable[..., Play], world: World) -> None:
    play = many(4)
    world.fail("write", UnavailableError("down"), "S02")
    assert play.rotate(*play.map)["held"] == ["S02"]
    assert world.counted("mint") == 4
    assert not play.rotate()["failed"], play.output
    assert world.counted("mint") == 4


def test_more_failures_than_allowed_stop_the_minting_of_the_rest(many: Callable[..., Play], world: World) -> None:
    play = many(30)
    world.fail("write", UnavailableError("down"), times=99)
    result = play.rotate(*play.map, max_failures=1)
    assert result["failed"]
    assert world.counted("mint") < 30
    assert result["counts"]["skipped"] == 30 - world.counted("mint")
    assert "not begun" in play.output


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_one_more_than_may_fail_is_minted_where_all_fail(many: Callable[..., Play], world: World, allowed: int) -> None:
    play = many(10)
    world.services["shared"].breaks_at = 0
    result = play.rotate(*play.map, max_failures=allowed)
    assert world.counted("mint") == allowed + 1
    assert result["counts"] == {"held": allowed + 1, "skipped": 9 - allowed}


def test_each_secret_that_is_proven_lets_more_be_minted(many: Callable[..., Play], world: World) -> None:
    play = many(10)
    assert not play.rotate(*play.map, max_failures=0)["failed"], play.output
    kinds = [kind for kind, _what in world.log if kind in ("mint", "update")]
    assert kinds == [one for mints in (1, 2, 4, 3) for one in (*["mint"] * mints, "update", "update")]


def test_a_failure_takes_room_from_those_that_follow(many: Callable[..., Play], world: World) -> None:
    """Of the first two one fails and one is proven: two more may be on their way, as before."""
    play = many(8)
    world.fail("write", UnavailableError("down"), "S01")
    assert play.rotate(*play.map, max_failures=1)["held"] == ["S01"]
    kinds = [kind for kind, _what in world.log if kind in ("mint", "update")]
    assert kinds[:6] == ["mint", "mint", "update", "update", "mint", "mint"]
    assert world.counted("mint") == 8


def test_no_failure_is_allowed_when_the_limit_is_none(many: Callable[..., Play], world: World) -> None:
    play = many(12)
    world.fail("write", UnavailableError("down"), "S00")
    result = play.rotate(*play.map, max_failures=0)
    assert world.counted("mint") == 1, "the first wave is one secret"
    assert result["counts"] == {"held": 1, "skipped": 11}


def test_unproven_credentials_of_a_later_wave_hold_up_no_mint(many: Callable[..., Play], world: World) -> None:
    play = many(14)
    world.services["shared"].breaks_at = 0
    assert sorted(play.rotate("S11", "S12", max_failures=1)["held"]) == ["S11", "S12"]
    world.services["shared"].breaks_at = None
    result = play.rotate(*play.map, max_failures=1)
    assert result["counts"] == {"done": 14}, play.output
    assert world.counted("mint") == 14


def test_twenty_secrets_end_with_one_line_of_sums(many: Callable[..., Play], world: World) -> None:
    play = many(20)
    world.fail("write", UnavailableError("down"), "S03")
    play.advance(play.plan(*play.map)["run"], Phase.REVOKED)
    assert play.lines[-1] == "SUM   20 secrets: 19 done, 1 held"
    assert play.output.count("HELD") == 1


def test_one_secret_ends_without_sums(many: Callable[..., Play]) -> None:
    play = many(1)
    play.advance(play.plan(*play.map)["run"], Phase.REVOKED)
    assert play.lines[-1].startswith("audit trail: ")


def test_phase_before_a_hook_ends_with_where_everything_stands(many: Callable[..., Play], world: World) -> None:
    play = many(2)
    world.fail("write", UnavailableError("down"), "S01")
    run = play.plan(*play.map)["run"]
    play.advance(run, Phase.ROLLED_OUT)
    assert "OPEN  S00   ready" in play.output
    assert "OPEN  S01   held: down" in play.output
    assert play.output.count("go on:") == 2
    assert "HELD" not in play.output
    play.advance(run, Phase.REVOKED)
    assert play.output.count("HELD") == 1


def test_phase_of_many_secrets_before_a_hook_ends_with_sums(many: Callable[..., Play]) -> None:
    play = many(11)
    play.advance(play.plan(*play.map)["run"], Phase.ROLLED_OUT)
    assert play.lines[-1] == "SO FAR  11 secrets: 11 ready"


def test_waves_grow_from_one_to_ten_to_the_rest(many: Callable[..., Play], world: World) -> None:
    play = many(14)
    assert not play.rotate(*play.map, max_failures=12)["failed"], play.output
    kinds = [kind for kind, _what in world.log if kind in ("mint", "update")]
    assert kinds == ["mint", "update", "update", *["mint"] * 10, "update", "update", *["mint"] * 3, "update", "update"]


def test_soaks_of_a_whole_wave_take_no_turns(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check of the last wave ends when all of them are under way."""
    names = [f"S{index:02}" for index in range(31)]
    for name in names:
        world.put(name, {})
        world.serve(name, [name])
    soak = {"type": "test.fake.selftest", "proves": "use"}
    play = make_play(
        secret_map={name: {**secret(name, reload=[name]), "verify": [{**soak, "service": name}]} for name in names},
        consumers={name: machines(name) for name in names},
    )
    together, really, begun = Barrier(20), SelfTest.run, itertools.count(1)

    def run(*arguments: Any) -> Any:
        if next(begun) > 11:  # the first two waves
            together.wait(60)
        return really(*arguments)

    monkeypatch.setattr(SelfTest, "run", run)
    assert not play.rotate(*names, max_failures=31)["failed"], play.output


@pytest.mark.parametrize("act", ["observe", "write"])
def test_a_connection_that_is_slow_holds_up_no_other(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """Nothing that the connection that is listed first does ends before the other has had its turn."""
    slow = [f"slow{index}" for index in range(20)]
    for box in (*slow, "quick"):
        world.put(box, {})
    copies = [*({"store": "cloud", "box": box} for box in slow), {"store": "other", "box": "quick"}]
    play = make_play(
        secret_map={"TOKEN": {"issuer": TOKEN, "copies": copies, "revoke": {"accept": "life"}}},
        connections={name: {"type": "test.fake.cloud", "world": world.name} for name in ("cloud", "other")},
        consumers={},
    )
    had_its_turn, really = Event(), getattr(Shelf, act)

    def acting(store: Any, container: Any, *arguments: Any) -> Any:
        if container["box"] == "quick":
            had_its_turn.set()
        assert had_its_turn.wait(60), "the other connection had no turn"
        return really(store, container, *arguments)

    monkeypatch.setattr(Shelf, act, acting)
    assert not play.rotate("TOKEN")["failed"], play.output


def test_work_on_a_host_is_handed_to_ansible_and_the_rotation_goes_on_after_it(
    many: Callable[..., Play], world: World
) -> None:
    play = many(2)
    for name in play.map:
        play.map[name] = secret(name, reload=["script"])
    assert not play.rotate(*play.map)["failed"], play.output
    assert [piece["host"] for piece in play.pieces] == ["app1"]
    assert play.pieces[0]["what"] == "reload script"
    assert world.log.count(("execute", "restart")) == 1


def test_waves_of_work_on_hosts_all_get_their_turn(many: Callable[..., Play], world: World) -> None:
    play = many(14)
    for name in play.map:
        play.map[name] = secret(name, reload=["script"])
    assert not play.rotate(*play.map)["failed"], play.output
    assert world.counted("mint") == 14


def test_a_command_that_fails_on_its_host_holds_every_secret_it_serves(many: Callable[..., Play], world: World) -> None:
    play = many(2)
    for name in play.map:
        play.map[name] = secret(name, reload=["script"])
    play.execute = lambda command: HostAnswer(3)
    result = play.rotate(*play.map)
    assert sorted(result["held"]) == sorted(play.map)
    assert "ended with code 3 on host app1" in play.output
    assert len(play.pieces) == 1
    play.execute = lambda command: HostAnswer(0)
    assert not play.rotate()["failed"], play.output
    assert world.counted("mint") == 2


def test_a_host_that_cannot_be_reached_is_recorded_as_well(many: Callable[..., Play]) -> None:
    play = many(1)
    play.map["S00"] = secret("S00", reload=["script"])

    def unreachable(command: HostCommand) -> HostAnswer:
        raise UnavailableError("host app1 cannot be reached")

    play.execute = unreachable
    assert play.rotate("S00")["held"] == ["S00"]
    assert "host app1 cannot be reached" in play.output


def test_a_value_goes_to_a_host_through_standard_input_only(many: Callable[..., Play], world: World) -> None:
    play = many(1)
    play.map["S00"] = secret("S00", reload=["script"], derived={"line": "TOKEN=${token}"})
    play.consumers["script"]["stdin"] = "${line}"
    seen = []
    play.execute = lambda command: seen.append(command) or HostAnswer(0)  # type: ignore[func-returns-value]
    assert not play.rotate("S00")["failed"], play.output
    value = world.containers["S00"]["S00"][0]
    assert seen[0].stdin
    assert seen[0].stdin.reveal() == f"TOKEN={value}"
    assert value not in repr(seen[0])


def test_work_on_a_host_is_done_once_and_only_when_it_waits(many: Callable[..., Play], world: World) -> None:
    play = many(1)
    play.map["S00"] = secret("S00", reload=["script"])
    play.rotate("S00")
    run = play.plan("S00", force=True)["run"]
    world.log.clear()
    for ids in (play.pieces[0]["work"], [999]):
        assert play.session().host_work(run, ids, "app1", play.execute) == {"changed": False, "done": 0, "left": 1}
    assert "reload of script: it is no longer to be done" in play.output
    assert world.counted("execute") == 0


def test_work_on_a_host_that_was_never_done_is_handed_out_again(many: Callable[..., Play], world: World) -> None:
    play = many(1)
    play.map["S00"] = secret("S00", reload=["script"])
    plan = play.plan("S00")
    play.session().advance(plan["run"], Phase.ISSUED)
    first = play.session().advance(plan["run"], Phase.ROLLED_OUT)["todo"]
    assert not play.rotate()["failed"], play.output
    assert play.pieces[0]["work"] == first[0]["work"]


def test_a_secret_that_another_run_works_on_is_left_to_it_and_the_rest_is_done(many: Callable[..., Play]) -> None:
    play = many(2)
    other = open_ledger(play.setting, clock=play.world.clock, holder="run 1234 (somebody)")
    with other.locks.hold("secret S00"):
        result = play.rotate(*play.map)
    assert (result["failed"], result["held"]) == (False, [])
    assert result["counts"] == {"locked": 1, "done": 1}
    assert "LOCKED  S00: secret S00 is being worked on by run 1234 (somebody) since" in play.output
    assert not play.rotate(*play.map)["failed"]


def test_a_copy_that_another_run_does_not_let_go_of_holds_since_nobody_else_finishes_the_secret(
    many: Callable[..., Play],
) -> None:
    play = many(1)
    other = open_ledger(play.setting, clock=play.world.clock, holder="run 1234 (somebody)")
    with other.locks.hold("cloud:S00"):
        result = play.rotate("S00")
    assert (result["failed"], result["held"]) == (True, ["S00"])
    assert "cloud:S00 is being worked on by run 1234 (somebody) since" in play.output
    assert not play.rotate("S00")["failed"]


def test_an_unhealthy_consumer_after_its_reload_holds(many: Callable[..., Play], world: World) -> None:
    play = many(1)
    play.consumers["shared"]["healthy"] = [{"type": "test.fake.selftest", "service": "shared"}]
    plan = play.plan("S00")
    play.session().advance(plan["run"], Phase.ISSUED)
    world.services["shared"].sick = True
    assert play.session().advance(plan["run"], Phase.ROLLED_OUT)["held"] == ["S00"]
    world.services["shared"].sick = False
    assert not play.rotate("S00")["failed"]


def test_an_environment_alone_is_rolled_out_and_nothing_is_closed_or_revoked(
    make_play: Callable[..., Play], world: World
) -> None:
    def step(name: str, environment: str) -> dict[str, Any]:
        copies = [{"store": "cloud", "box": name}]
        return {"name": name, "environment": environment, "copies": copies, "reload": [name]}

    steps = [step("app", "staging"), step("ci", "production")]
    play = make_play(secret_map={"TOKEN": {"issuer": TOKEN, "rollout": steps, "revoke": {"accept": "life"}}})
    assert not play.rotate("TOKEN")["failed"]
    first = play.state("TOKEN").current
    assert not play.rotate("TOKEN", force=True, environments=("staging",))["failed"], play.output
    state = play.state("TOKEN")
    assert state.current == first
    assert state.pending
    assert state.holdings["cloud:ci"].credential == first.id  # type: ignore[union-attr]
    assert not play.rotate("TOKEN")["failed"]
    assert world.counted("mint") == 2, "a shared credential is minted once"
    assert world.issued[str(first.provider_id)].revoked  # type: ignore[union-attr]


def test_a_lost_reload_is_made_again(many: Callable[..., Play], world: World) -> None:
    play = many(1)
    world.fail("update", OutcomeUnknownError("no answer"), after=True)
    with_error = play.rotate("S00")
    assert with_error["held"] == ["S00"]
    assert not play.rotate("S00")["failed"]


def test_without_a_map_of_hosts_a_piece_of_work_names_its_host(many: Callable[..., Play]) -> None:
    play = many(1)
    play.map["S00"] = secret("S00", reload=["script"])
    play.plan("S00")
    assert "on host app1, by Ansible" in play.output
    plan = play.plan("S00")
    todo = play.advance(plan["run"], Phase.ROLLED_OUT)["todo"]
    with pytest.raises(ConfigurationError, match="the reload of script is for host app1, not for app2"):
        play.session().host_work(plan["run"], todo[0]["work"], "app2", play.execute)
