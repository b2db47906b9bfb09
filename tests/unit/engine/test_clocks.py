# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock can only delay: a grace is over when ours, the issuer's and the ledger database's say so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import UnavailableError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import clocks
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import postgres
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Cloud
from tests.unit.engine.graces import in_grace, play_of
from tests.unit.engine.kinds import settled
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.world import World


@pytest.fixture
def world() -> World:
    return World("clocks")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with quick_runs() as folder:
        yield folder


@pytest.fixture
def play(world: World, tmp_path: Path) -> Play:
    return play_of(world, tmp_path)


def our_clock_jumps(world: World, **duration: float) -> None:
    """The provider's stays as it is."""
    world.clock.pass_(**duration)
    world.ahead -= timedelta(**duration)


def test_a_clock_that_is_a_day_ahead_revokes_nothing_after_a_grace(play: Play, world: World) -> None:
    old, _new = in_grace(play)
    our_clock_jumps(world, days=2)
    assert play.rotate("TOKEN")["failed"]
    assert "this controller's clock is 2d ahead of that of connection cloud" in play.output
    assert "Set this controller's clock right" in play.output
    assert not old.revoked

    our_clock_jumps(world, days=-2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not old.revoked
    world.clock.pass_(days=1)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


def test_a_plan_says_that_clocks_are_apart(play: Play, world: World) -> None:
    in_grace(play)
    world.ahead = timedelta(hours=1)
    plan = play.plan("TOKEN", check=True)
    assert plan["go"]
    assert "note: this controller's clock is 1h behind that of connection cloud" in play.output


def test_a_grace_lasts_until_the_issuers_clock_says_so(play: Play, world: World) -> None:
    old, _new = in_grace(play)
    our_clock_jumps(world, minutes=4)
    world.clock.pass_(hours=23, minutes=57)  # by ours it is over by a minute
    result = play.rotate("TOKEN")
    assert not result["failed"], play.output
    assert result["counts"] == {"waiting": 1}
    assert "WAITING  TOKEN: the old credential is revoked after 2026-11-02 00:04:00Z" in play.output
    assert "by the clock of connection cloud" in play.output
    assert not old.revoked

    world.clock.pass_(minutes=3)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


def test_a_close_waits_for_an_issuer_whose_time_is_needed(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its time at the beginning, nobody could say that a grace is over by it."""
    play.rotate("TOKEN")
    monkeypatch.setattr(Cloud, "server_time", lambda self: None)
    plan = play.plan("TOKEN", force=True)
    play.through(plan["run"], Phase.ISSUED)
    world.fail("probe", UnavailableError("down (status 503)"))
    assert play.through(plan["run"], Phase.ROLLED_OUT)["counts"] == {"held": 1}
    assert "down (status 503)" in play.output
    assert not play.rotate("TOKEN")["failed"], play.output


def test_a_system_that_tells_no_time_is_not_waited_for(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cloud, "server_time", lambda self: None)
    old, _new = in_grace(play)
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


@pytest.mark.parametrize("why", ["no grace", "compromise"])
def test_what_does_not_wait_is_revoked_by_any_clock(play: Play, world: World, why: str) -> None:
    play.rotate("TOKEN")
    world.ahead = timedelta(days=9)
    if why == "no grace":
        play.map["TOKEN"]["revoke"]["after"] = "0s"
    else:
        play.map["TOKEN"]["guard"] = {"reason": "production", "allow": "compromised"}
    options: dict[str, Any] = {"force": True, "confirm": ("TOKEN",), "reason": "it was found in a log"}
    assert not play.rotate("TOKEN", **options)["failed"], play.output
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN", confirm=("TOKEN",))["failed"], play.output
    assert world.counted("revoke") == 1
    assert "this controller's clock" not in play.output


@pytest.mark.parametrize("ahead", [timedelta(minutes=-4), timedelta(days=-2)])
def test_the_databases_clock_counts_as_well(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    database = [timedelta()]
    monkeypatch.setattr(postgres, "server_time", lambda _tx: world.clock.now() + database[0])
    old, _new = in_grace(play)
    database[0] = ahead
    world.clock.pass_(days=1, minutes=1)
    held = play.rotate("TOKEN")["failed"]
    assert held == (ahead < -clocks.MOST_APART)
    assert "that of the ledger's database" in play.output or "the clock of the ledger's database" in play.output
    assert not old.revoked

    database[0] = timedelta()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


@pytest.mark.parametrize("kind", ["rolled", "queued"])
@pytest.mark.parametrize("whose", ["issuer", "database"])
def test_an_end_by_the_provider_waits_for_every_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, whose: str
) -> None:
    world = World(f"clocks-{kind}-{whose}")
    database = [timedelta()]
    monkeypatch.setattr(postgres, "server_time", lambda _tx: world.clock.now() + database[0])
    play = settled(kind, world, tmp_path)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    old = play.state("TOKEN").credentials[-2].id

    for apart, ends in ((timedelta(minutes=4), "waiting"), (timedelta(days=1), "held")):
        if whose == "issuer":
            world.ahead = -apart
        else:
            database[0] = -apart
        world.clock.pass_(days=1 if ends == "waiting" else 0, minutes=1)
        assert play.rotate("TOKEN")["counts"] == {ends: 1}, play.output
        row = play.state("TOKEN").credential(old)
        assert row is not None
        assert row.alive

    world.ahead = database[0] = timedelta()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not play.state("TOKEN").credentials[-2].alive


NOW = datetime(2026, 11, 21, tzinfo=UTC)


def reading(now: timedelta, ends: timedelta | None = None) -> clocks.Reading:
    return clocks.Reading("theirs", NOW + now, None if ends is None else NOW + ends)


@pytest.mark.parametrize("now", [timedelta(minutes=-5), timedelta(0), timedelta(minutes=5)])
def test_five_minutes_are_no_difference(now: timedelta) -> None:
    assert clocks.apart(NOW, [reading(now)]) == []


@pytest.mark.parametrize("now", [timedelta(minutes=-5, seconds=-1), timedelta(minutes=5, seconds=1)])
def test_more_than_five_minutes_are_said(now: timedelta) -> None:
    [said] = clocks.apart(NOW, [reading(now)])
    assert said == f"this controller's clock is 5m1s {'ahead of' if now < timedelta() else 'behind'} that of theirs"


def test_the_latest_clock_decides() -> None:
    readings = [reading(timedelta(), timedelta(minutes=end)) for end in (-1, 3, 2)]
    with pytest.raises(clocks.NotYetError) as caught:
        clocks.demand_over("rotor-1", NOW, readings)
    assert caught.value.until == NOW + timedelta(minutes=3)


def test_a_clock_that_was_not_read_in_the_beginning_does_not_measure() -> None:
    clocks.demand_over("rotor-1", NOW, [reading(timedelta(minutes=1))])
