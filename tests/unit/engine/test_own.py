# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The credential under rotation is the one that a connection is opened with."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PermissionDeniedError, RotorError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Token
from tests.unit.engine.kinds import plays
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.test_kill import killed_at, settled_play
from tests.unit.engine.world import WORLDS, World

VARIABLE = "ROTOR_TEST_OWN"
WAITS = "give the job the new credential (it is at box app: TOKEN; box ci: TOKEN)"
OWN = token_map(retain="current", connections=["cloud"])


def held(world: World) -> str:
    return world.containers["app"]["TOKEN"][0]


def revoked(world: World) -> list[str]:
    return [what for kind, what in world.log if kind == "revoke"]


def opened_with(play: Play, reference: Any) -> Play:
    play.connections = {**play.connections, "cloud": {**play.connections["cloud"], "token": reference}}
    return play


def delivered_to(play: Play, file: Path) -> Play:
    """Open the connection with a file that box ``app`` is, as an agent or a mount makes it."""
    world, put = play.world, play.world.put
    file.write_text(held(world))

    def deliver(container: str, values: dict[str, str]) -> None:
        put(container, values)
        file.write_text(held(world))

    world.put = deliver  # type: ignore[method-assign]
    return opened_with(play, {"file": str(file)})


@pytest.fixture
def own(make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A connection that lives on the credential that this ledger minted last."""
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    assert not play.rotate("TOKEN")["failed"], play.output
    play.map = {"TOKEN": OWN}
    world.log.clear()
    play.lines.clear()
    monkeypatch.setenv(VARIABLE, held(world))
    return opened_with(play, {"env": VARIABLE})


def test_a_run_with_the_old_credential_waits_and_one_with_the_new_one_revokes(
    own: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = own.rotate("TOKEN", force=True)
    assert not result["failed"], own.output
    assert result["counts"] == {"waiting": 1}
    assert WAITS in own.output
    assert "connection cloud uses it" in own.output
    assert world.lives(os.environ[VARIABLE])
    assert revoked(world) == []

    own.rotate()
    assert revoked(world) == []

    monkeypatch.setenv(VARIABLE, held(world))
    result = own.rotate()
    assert result["counts"] == {"done": 1}, own.output
    assert len(revoked(world)) == 1
    assert world.counted("mint") == 1


def test_status_names_what_a_revoke_waits_for(own: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = own.status()["secrets"]
    own.rotate("TOKEN", force=True)
    own.lines.clear()
    (row,) = own.status()["secrets"]
    assert (before["waits_for_connections"], row["waits_for_connections"]) == ([], ["cloud"])
    assert "  waits     for a run whose connection has the new one: cloud\n" in own.output
    monkeypatch.setenv(VARIABLE, held(world))
    (row,) = own.status()["secrets"]
    assert row["waits_for_connections"] == []
    own.rotate()
    own.lines.clear()
    assert own.status()["secrets"][0]["waits_for_connections"] == []
    assert "  waits " not in own.output


def test_credential_of_a_connection_that_expires_soon_is_told(own: Play, world: World) -> None:
    world.connection_ends = world.clock.now() + timedelta(days=13, hours=23)
    own.plan("TOKEN", force=True)
    told = "  expires:  the credential of connection cloud, 2026-11-14 23:00:00Z: give it another one before"
    assert told in own.output
    own.lines.clear()
    assert own.status()["connections"] == [{"name": "cloud", "expires_at": "2026-11-14T23:00:00Z"}]
    assert told in own.output
    own.lines.clear()
    world.connection_ends = world.clock.now() + timedelta(days=14)
    own.plan("TOKEN", force=True)
    assert own.status()["connections"] != []
    assert "expires:" not in own.output
    world.connection_ends = None
    assert own.status()["connections"] == []


def test_grace_ends_with_a_run_that_has_the_new_one(own: Play, world: World) -> None:
    own.map = {"TOKEN": {**OWN, "revoke": {"after": "2d"}}}
    assert own.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}, own.output
    assert re.search(r"is revoked after \S+ \S+Z, by a run whose connection has the new one\n", own.output)


def test_a_file_is_read_anew_and_the_new_one_revokes_the_old_one(
    own: Play, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered_to(own, tmp_path / "token")
    used, revoke = [], Token.revoke

    def noted(self: Token, credential: Credential) -> None:
        used.append(self.connection.token)
        revoke(self, credential)

    monkeypatch.setattr(Token, "revoke", noted)
    run = own.plan("TOKEN", force=True)["run"]
    assert own.advance(run, Phase.REVOKED)["counts"] == {"done": 1}, own.output
    assert used == [SecretValue(held(world))]
    assert len(revoked(world)) == 1


def test_a_third_credential_is_no_proof_where_the_map_says_whose_it_is(
    own: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "somebody-elses")
    assert own.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}, own.output
    assert revoked(world) == []


def test_a_known_value_is_found_without_a_word_in_the_map(own: Play, world: World) -> None:
    own.map = {"TOKEN": token_map(retain="current")}
    assert own.rotate("TOKEN", force=True)["counts"] == {"waiting": 1}, own.output
    assert revoked(world) == []


def test_what_the_provider_calls_the_connections_own_is_not_revoked(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = world.issued
    world.named.add(old)
    monkeypatch.setattr(Token, "is_own", lambda self, credential_id: credential_id == old)
    assert play.rotate("TOKEN", adopt={"TOKEN": old})["counts"] == {"waiting": 1}, play.output
    assert revoked(world) == []


def test_a_new_one_that_may_not_revoke_leaves_both_alive(own: Play, world: World, tmp_path: Path) -> None:
    delivered_to(own, tmp_path / "token")
    world.fail("revoke", PermissionDeniedError("may not revoke"))
    assert own.rotate("TOKEN", force=True)["held"] == ["TOKEN"]
    assert "may not revoke" in own.output
    assert len([one for one in world.alive if one.id in world.made]) == 2


@pytest.fixture
def by_hand(make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A connection that lives on a key that a person made, and another one that the person has deposited."""
    issuer = {"type": "test.fake.handmade", "connection": "cloud"}
    play = make_play(secret_map={"TOKEN": token_map(issuer=issuer, connections=["cloud"], retain="current")})
    play.deposit(world.issue("first by hand", engine=True).value)
    assert not play.rotate("TOKEN")["failed"], play.output
    monkeypatch.setenv(VARIABLE, held(world))
    opened_with(play, {"env": VARIABLE})
    play.deposit(world.issue("second by hand", engine=True).value)
    play.lines.clear()
    return play


def test_person_is_sent_to_end_the_old_one_by_a_run_that_has_the_new_one(
    by_hand: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert by_hand.rotate()["counts"] == {"waiting": 1}, by_hand.output
    assert WAITS in by_hand.output
    assert "press Delete" not in by_hand.output.partition("WAITING")[2]

    monkeypatch.setenv(VARIABLE, held(world))
    assert by_hand.rotate()["counts"] == {"awaiting": 1}, by_hand.output
    assert "a person ends" in by_hand.output
    [old] = [one for one in world.alive if one.name == "first by hand"]
    world.end(old.id)
    assert by_hand.rotate()["counts"] == {"done": 1}, by_hand.output


def test_word_of_a_person_counts_in_a_run_that_has_the_new_one(
    by_hand: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand.rotate()
    [old] = [one for one in world.alive if one.name == "first by hand"]
    world.end(old.id)
    before = by_hand.state("TOKEN")
    for check in (True, False):
        with pytest.raises(RotorError, match="give the job the new credential") as raised:
            by_hand.attest(check=check)
        assert "may still use it (cloud)" in str(raised.value)
    assert by_hand.state("TOKEN") == before
    monkeypatch.setenv(VARIABLE, held(world))
    assert by_hand.attest()["changed"]
    assert not by_hand.rotate()["go"]


def test_going_back_ends_the_new_one_that_no_connection_has(own: Play, world: World) -> None:
    world.services["ci"].breaks_at = 1
    assert own.rotate("TOKEN", force=True)["failed"]
    world.services["ci"].breaks_at = None
    assert not own.rotate("TOKEN", rollback=True)["failed"], own.output
    assert len(revoked(world)) == 1
    assert world.lives(held(world))


def test_a_cut_over_of_a_connections_own_credential_is_refused(tmp_path: Path) -> None:
    with plays(tmp_path) as make:
        play = make("reset")
        play.map["TOKEN"]["connections"] = ["cloud"]
        assert play.rotate("TOKEN", force=True)["failed"]
        assert "connection cloud uses the credential that is to be rotated, and the old one ends" in play.output
        assert play.world.mutations == []


def test_a_connection_that_nobody_describes_is_an_error(play: Play) -> None:
    play.map["TOKEN"]["connections"] = ["cloudy"]
    with pytest.raises(MapError, match=r"secret_map.TOKEN.connections\[0\]: there is no such connection.*cloud"):
        play.plan("TOKEN")


def test_no_connection_has_the_name_of_the_ledgers_own(own: Play, world: World) -> None:
    """Else a revoke would take one for the other."""
    with_connections(own, secret_ledger=own.connections["cloud"])
    own.map["TOKEN"] = {**OWN, "issuer": {"type": "test.fake.token", "connection": "secret_ledger"}}
    with pytest.raises(
        MapError, match=r"secret_connections\.secret_ledger: is what the ledger's own connection is call"
    ):
        own.plan("TOKEN")
    assert world.log == []


def test_a_new_one_that_may_less_is_held_before_any_copy(
    own: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = ["the policy admin"]
    monkeypatch.setattr(Token, "shortfall", lambda self, credential: lacking)
    before = held(world)
    assert own.rotate("TOKEN", force=True)["held"] == ["TOKEN"]
    assert "is not handed out: it lacks what the connection has now: the policy admin" in own.output
    assert held(world) == before
    lacking.clear()
    assert own.rotate()["counts"] == {"waiting": 1}, own.output
    assert held(world) != before
    assert world.counted("mint") == 1


def test_what_is_no_connections_own_is_compared_with_none(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Token, "shortfall", lambda self, credential: ["everything"])
    assert not play.rotate("TOKEN")["failed"], play.output


def in_a_store(play: Play, **more: Any) -> Play:
    """Open the connection with what its credential's first copy holds, read through another connection."""
    window = {"type": "test.fake.window", "world": play.world.name}
    return opened_with(with_connections(play, window=window, **more), {"store": "window", "box": "app", "key": "TOKEN"})


def with_connections(play: Play, **more: Any) -> Play:
    play.connections = {**play.connections, **more}
    return play


def test_what_is_in_a_store_is_read_anew_and_the_plan_says_where(own: Play, world: World) -> None:
    play = in_a_store(own)
    old = held(world)
    run = play.plan("TOKEN", force=True)["run"]
    assert "cloud with box app: TOKEN" in play.output
    assert play.advance(run, Phase.REVOKED)["counts"] == {"done": 1}, play.output
    assert len(revoked(world)) == 1
    assert not {old, held(world)} & {*play.output.split()}


def test_a_place_in_a_store_that_holds_nothing_is_told_by_its_path(own: Play, world: World) -> None:
    play = opened_with(in_a_store(own), {"store": "window", "box": "app", "key": "OTHER"})
    assert play.plan("TOKEN", force=True)["failed"]
    assert "connection cloud: secret_connections.cloud.token: box app has no OTHER" in play.output
    assert world.mutations == []


def test_every_circle_of_references_is_refused_beside_other_mistakes(own: Play, world: World) -> None:
    play = in_a_store(own)
    kind = {"type": "test.fake.window", "world": world.name}
    there = {name: {"store": name, "box": "app", "key": "TOKEN"} for name in ("window", "far")}
    window, far = ({**kind, "token": there[other]} for other in ("far", "window"))
    play = with_connections(play, window=window, far=far, narrow={**kind, "token": {**there["far"], "key": ""}})
    play.map["TOKEN"] = {**OWN, "connections": ["cloud", "narrow"], "owner": 7}
    with pytest.raises(MapError) as raised:
        play.plan("TOKEN")
    problems = "\n".join(raised.value.errors)
    circle = "a connection is not opened with what is read through itself: window -> far -> window"
    assert f"secret_connections.far.token.store: {circle}" in problems
    assert "secret_connections.narrow.token" in problems
    assert "secret_map.TOKEN.owner" in problems
    assert world.log == []


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"store": "dark", "box": "app"}, "secret_connections.cloud.token.store: there is no such connection"),
        ({"store": "narrow", "box": "app"}, "secret_connections.cloud.token: no value is read from box app"),
        (
            {"store": "files", "host": "app1", "path": "/b"},
            "secret_connections.cloud.token: a file on a host is not read",
        ),
        ({"store": "window", "bix": "app"}, "secret_connections.cloud.token.bix: unknown option; did you mean box?"),
    ],
)
def test_a_reference_to_a_store_that_cannot_be_read_is_an_error(
    own: Play, world: World, place: dict[str, str], problem: str
) -> None:
    there = {"narrow": {"type": "test.fake.cloud", "world": world.name}, "files": {"type": "test.fake.hosts"}}
    play = opened_with(in_a_store(own, **there), {**place, "key": "TOKEN"})
    with pytest.raises(MapError, match=re.escape(problem)):
        play.plan("TOKEN")


@pytest.fixture(scope="module")
def _quick() -> Iterator[None]:
    with quick_runs():
        yield


@pytest.mark.no_cover
@pytest.mark.usefixtures("_quick")
def test_the_reference_works_wherever_the_run_was_killed(tmp_path: Path) -> None:
    settled, when = settled_play("own", tmp_path), "after"
    settled.map = {"TOKEN": OWN}
    for point in itertools.count(1, 1 if os.environ.get("ROTOR_SWEEP") == "all" else 5):
        play = delivered_to(settled.clone(f"own-{when}-{point}", tmp_path / str(point)), tmp_path / "token")
        world = play.world
        killed = killed_at(play, point, when, partial(play.rotate, "TOKEN", force=True))
        assert world.lives((tmp_path / "token").read_text()), f"killed {when} {point}"
        if killed:
            assert not play.rotate("TOKEN", force=not world.counted("mint"))["failed"], play.output
        assert [one.value for one in world.alive if one.id in world.made] == [(tmp_path / "token").read_text()]
        assert world.violations == []
        del WORLDS[world.name]
        if not killed:
            assert point > 50
            return
