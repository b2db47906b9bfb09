# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside of its window, and in a freeze, nothing is begun; production gets what it needs all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    PermissionDeniedError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import windows
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import RotationWindow
from tests.unit.engine.conftest import rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import plays
from tests.unit.engine.world import World

BERLIN = "Europe/Berlin"
NIGHT = RotationWindow(BERLIN, opens=22 * 60, closes=4 * 60)
SATURDAY_NIGHT = RotationWindow(BERLIN, frozenset({5}), 22 * 60, 4 * 60)
SMALL_HOURS = RotationWindow(BERLIN, opens=2 * 60 + 15, closes=2 * 60 + 45)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        (RotationWindow(BERLIN, opens=9 * 60, closes=17 * 60), "2026-07-01T06:59:59", False),
        (RotationWindow(BERLIN, opens=9 * 60, closes=17 * 60), "2026-07-01T07:00:00", True),  # 09:00, in summer
        (RotationWindow(BERLIN, opens=9 * 60, closes=17 * 60), "2026-12-01T07:00:00", False),  # 08:00, in winter
        (RotationWindow(BERLIN, opens=9 * 60, closes=17 * 60), "2026-12-01T16:00:00", False),
        (RotationWindow(BERLIN, frozenset({6})), "2026-11-01T22:59:59", True),  # Sunday, until midnight there
        (RotationWindow(BERLIN, frozenset({6})), "2026-11-01T23:00:00", False),
        (NIGHT, "2026-11-01T20:59:00", False),
        (NIGHT, "2026-11-01T21:00:00", True),
        (NIGHT, "2026-11-01T23:00:00", True),  # midnight
        (NIGHT, "2026-11-02T02:59:00", True),
        (NIGHT, "2026-11-02T03:00:00", False),
        (SATURDAY_NIGHT, "2026-11-01T02:59:00", True),  # Sunday, 03:59
        (SATURDAY_NIGHT, "2026-11-01T21:30:00", False),  # Sunday, 22:30
        (SATURDAY_NIGHT, "2026-10-31T02:00:00", False),  # Saturday, 03:00: it is Friday's night
        (SMALL_HOURS, "2026-10-25T00:30:00", True),  # 02:30, for the first time
        (SMALL_HOURS, "2026-10-25T01:30:00", True),  # 02:30, for the second time
        (SMALL_HOURS, "2027-03-28T01:30:00", False),  # 03:30: there was no 02:30
    ],
)
def test_window_goes_by_the_wall_clock_of_its_zone(window: RotationWindow, now: str, is_open: bool) -> None:
    assert windows.is_open(window, at(now)) is is_open


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        (NIGHT, "2026-11-01T12:00:00", "2026-11-01T22:00:00+01:00"),
        (NIGHT, "2026-07-01T12:00:00", "2026-07-01T22:00:00+02:00"),
        (SATURDAY_NIGHT, "2026-11-01T03:00:00", "2026-11-07T22:00:00+01:00"),
        (RotationWindow(BERLIN, frozenset({6})), "2026-11-02T12:00:00", "2026-11-08T00:00:00+01:00"),
        (SMALL_HOURS, "2027-03-27T12:00:00", "2027-03-29T02:15:00+02:00"),  # the 28th has no such time
        (SMALL_HOURS, "2026-10-24T12:00:00", "2026-10-25T02:15:00+02:00"),  # twice: the first one
    ],
)
def test_next_opening_is_found_by_the_wall_clock(window: RotationWindow, now: str, opens: str) -> None:
    found = windows.next_opening(window, at(now))
    assert found
    assert found.astimezone(UTC) == datetime.fromisoformat(opens)


def test_no_minute_of_a_year_is_open_after_a_closed_one_but_at_an_opening() -> None:
    now, minute = at("2026-06-01T00:00:00"), timedelta(minutes=15)
    for _quarter in range(400 * 24 * 4):
        before, now = now, now + minute
        if windows.is_open(SATURDAY_NIGHT, now) and not windows.is_open(SATURDAY_NIGHT, before):
            assert windows.next_opening(SATURDAY_NIGHT, before) == now


# In a run, which begins on a Sunday at midnight in London


@pytest.fixture
def play(make_play: Callable[..., Play]) -> Play:
    play = make_play()
    rotate_once(play)
    window = {"days": ["mon"], "from": "22:00", "to": 4 * 60, "tz": "UTC"}
    play.map = {"TOKEN": token_map(window=window, max_age="1d")}
    return play


def minted(play: Play) -> list[str]:
    return [what for kind, what in play.world.log if kind == "mint"]


def test_nothing_is_begun_outside_of_a_window(play: Play, world: World) -> None:
    world.clock.pass_(hours=12)
    assert not play.rotate()["go"]
    assert "limit 1d: nothing to do, since its window is closed until Mon 2026-11-02 22:00 UTC" in play.output
    assert "-e rotate_confirm=TOKEN begins it now" in play.output
    assert not play.rotate("TOKEN", force=True)["go"]
    assert minted(play) == []

    world.clock.pass_(hours=12)
    assert not play.rotate()["failed"], play.output
    assert len(minted(play)) == 1


def test_a_confirmed_rotation_begins_at_any_time(play: Play) -> None:
    assert not play.rotate("TOKEN", force=True, confirm=("TOKEN",))["failed"], play.output
    assert len(minted(play)) == 1


def test_a_rotation_that_waited_until_its_window_closed_is_not_begun(play: Play, world: World) -> None:
    world.clock.pass_(hours=23)
    run = play.plan("TOKEN", force=True)["run"]
    world.clock.pass_(hours=8)
    assert play.through(run, Phase.REVOKED)["failed"]
    assert "SKIPPED  TOKEN: not begun: its window is closed until Mon 2026-11-09 22:00 UTC" in play.output
    assert minted(play) == []


def test_what_is_under_way_is_finished_outside_of_a_window(play: Play, world: World) -> None:
    world.clock.pass_(hours=23)
    world.fail("write", PermissionDeniedError("no (status 403)"), "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    world.mend()
    world.clock.pass_(hours=8)
    assert play.rotate()["counts"] == {"done": 1}, play.output
    assert len(minted(play)) == 1


def test_a_dead_credential_is_replaced_outside_of_a_window(play: Play, world: World) -> None:
    current = play.state("TOKEN").current
    assert current
    world.end(str(current.provider_id))
    assert not play.rotate("TOKEN")["failed"], play.output
    assert len(minted(play)) == 1


# In a freeze


@pytest.fixture
def free(make_play: Callable[..., Play]) -> Play:
    play = make_play(secret_map={"TOKEN": token_map(revoke={"after": "1d"})})
    rotate_once(play)
    return play


def freeze(play: Play, until: str = "3d") -> None:
    assert play.session().freeze("holidays", until, check=False)["changed"]


def done(play: Play) -> list[str]:
    return [kind for kind, _what in play.world.log if kind in ("mint", "write", "revoke")]


def test_nothing_is_begun_in_a_freeze_until_its_end(free: Play, world: World) -> None:
    freeze(free)
    assert not free.rotate("TOKEN", force=True, confirm=("TOKEN",))["go"]
    assert "all is frozen until 2026-11-05 00:00:00Z by a test: holidays; rotor.secrets.thaw ends that" in free.output
    free.status()
    assert "FROZEN  frozen until 2026-11-05 00:00:00Z by a test: holidays" in free.lines
    assert done(free) == []

    world.clock.pass_(days=3)
    assert not free.rotate("TOKEN", force=True)["failed"], free.output
    assert done(free) == ["mint", "write", "write"]


def test_thaw_ends_a_freeze_at_once(free: Play) -> None:
    freeze(free)
    assert free.session().thaw("it is over", check=True)["changed"]
    assert not free.rotate("TOKEN", force=True)["go"]
    assert free.status()["freeze"]["by"] == "a test"
    assert free.session().thaw("it is over", check=False)["changed"]
    assert free.status()["freeze"] is None
    assert not free.session().thaw("it is over", check=False)["changed"]
    assert not free.rotate("TOKEN", force=True)["failed"], free.output


def test_a_freeze_in_check_mode_freezes_nothing(free: Play) -> None:
    assert free.session().freeze("holidays", "2026-11-27T08:00+01:00", check=True)["changed"]
    assert free.lines[-1].endswith("frozen until 2026-11-27 07:00:00Z by a test: holidays")
    assert free.plan("TOKEN", force=True)["go"]


def test_an_old_credential_outlives_a_freeze(free: Play, world: World) -> None:
    assert not free.rotate("TOKEN", force=True)["failed"], free.output
    freeze(free)
    world.clock.pass_(days=2)
    assert not free.rotate()["go"]
    assert not free.rotate(only_revoke=True)["go"]
    assert "revoke" not in done(free)
    world.clock.pass_(days=1)
    assert not free.rotate(only_revoke=True)["failed"], free.output
    assert done(free)[-1] == "revoke"


@pytest.mark.parametrize(("before", "status"), [(Phase.ISSUED, "skipped"), (Phase.REVOKED, "waiting")])
def test_a_freeze_that_begins_in_a_run_lets_its_roll_out_end(
    play: Play, world: World, before: Phase, status: str
) -> None:
    world.clock.pass_(hours=23)
    run = play.plan("TOKEN", force=True)["run"]
    if before is Phase.REVOKED:
        play.through(run, Phase.ROLLED_OUT)
    freeze(play)
    assert play.through(run, Phase.REVOKED)["counts"] == {status: 1}
    assert done(play) == ([] if before is Phase.ISSUED else ["mint", "write", "write"])
    assert "all is frozen until" in play.output


def test_a_freeze_is_seen_by_the_run_that_it_meets_at_work(free: Play, world: World) -> None:
    assert not free.rotate("TOKEN", force=True)["failed"], free.output
    world.clock.pass_(days=1)
    run = free.plan("TOKEN", force=True)["run"]
    world.after["write"] = lambda: freeze(free)
    assert free.advance(run, Phase.REVOKED)["counts"] == {"waiting": 1}
    assert "revoke" not in done(free)


def test_a_freeze_keeps_a_role_whose_turn_was_to_come(tmp_path: Path) -> None:
    with plays(tmp_path) as made:
        play = made("roles", revoke={"after": "48h"})
        assert not play.rotate("TOKEN", force=True)["failed"], play.output
        play.world.clock.pass_(days=3)
        run = play.plan("TOKEN", force=True)["run"]
        play.world.log.clear()
        freeze(play)
        assert play.advance(run, Phase.REVOKED)["counts"] == {"waiting": 1}
        assert done(play) == []


def test_a_freeze_stops_a_rotation_whose_old_value_lives_and_no_rollback(play: Play, world: World) -> None:
    play.map["TOKEN"]["retain"] = "current"
    world.clock.pass_(hours=23)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    world.fail("write", PermissionDeniedError("no (status 403)"), "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    world.mend()
    freeze(play)
    assert not play.rotate("TOKEN")["go"]
    assert play.rotate("TOKEN", rollback=True)["counts"] == {"done": 1}, play.output


def test_a_dead_credential_is_replaced_in_a_freeze(free: Play, world: World) -> None:
    freeze(free)
    current = free.state("TOKEN").current
    assert current
    world.end(str(current.provider_id))
    assert free.rotate("TOKEN")["counts"] == {"waiting": 1}, free.output
    assert done(free) == ["mint", "write", "write"]


@pytest.mark.parametrize(("days", "goes"), [(3, True), (6, False)])
def test_a_credential_that_expires_in_a_freeze_is_replaced(free: Play, world: World, days: int, goes: bool) -> None:
    world.clock.pass_(days=30)
    freeze(free)
    current = free.state("TOKEN").current
    assert current
    world.issued[str(current.provider_id)].ends_at = world.clock.now() + timedelta(days=days)
    assert free.rotate().get("go", True) is goes
    assert bool(minted(free)) is goes


@pytest.mark.parametrize(("days", "goes"), [(3, True), (9, False)])
def test_a_credential_that_expires_before_its_window_is_replaced(
    play: Play, world: World, days: int, goes: bool
) -> None:
    play.map = {"TOKEN": {**play.map["TOKEN"], "window": {"days": ["fri"], "tz": "UTC"}}}
    current = play.state("TOKEN").current
    assert current
    world.issued[str(current.provider_id)].ends_at = world.clock.now() + timedelta(days=days)
    assert play.rotate("TOKEN", force=True).get("go", True) is goes
    assert bool(minted(play)) is goes


def test_a_cut_over_is_finished_in_a_freeze(tmp_path: Path) -> None:
    with plays(tmp_path) as ready:
        play = ready("reset")
        play.world.fail("write", PermissionDeniedError("no (status 403)"), "ci")
        assert play.rotate("TOKEN", force=True)["failed"]
        assert "CUTOVER INCOMPLETE" in play.output
        play.world.mend()
        freeze(play)
        assert play.rotate("TOKEN")["counts"] == {"done": 1}, play.output


@pytest.mark.parametrize(
    ("reason", "until", "words"),
    [
        ("", "3d", "a freeze needs a reason"),
        ("holidays", "", "freeze_until: is neither a duration nor a time with a zone"),
        ("holidays", "2026-12-27 08:00", "freeze_until: is neither a duration nor a time with a zone"),
        ("holidays", "2026-10-27T08:00Z", "freeze_until: 2026-10-27T08:00Z is over already"),
        ("holidays", "0s", "freeze_until: 0s is over already"),
    ],
)
def test_a_freeze_has_a_reason_and_an_end(play: Play, reason: str, until: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        play.session().freeze(reason, until, check=False)


def test_a_freeze_that_was_taken_out_of_the_database_is_missed(free: Play) -> None:
    freeze(free)
    with closing(sqlite3.connect(free.folder / "ledger.db")) as connection:
        connection.execute("DELETE FROM meta WHERE name = 'freeze'")
        connection.commit()
    with pytest.raises(ConfigurationError, match="own id and keys are"):
        free.plan("TOKEN", force=True)
