# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside of its window no rotation is begun; what is under way goes on, and so does what production needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PermissionDeniedError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import windows
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import RotationWindow
from tests.unit.engine.conftest import rotate_once, token_map
from tests.unit.engine.driver import Play
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
    found = windows.opening(window, at(now))
    assert found
    assert found.astimezone(UTC) == datetime.fromisoformat(opens)


def test_no_minute_of_a_year_is_open_after_a_closed_one_but_at_an_opening() -> None:
    now, minute = at("2026-06-01T00:00:00"), timedelta(minutes=15)
    for _quarter in range(400 * 24 * 4):
        before, now = now, now + minute
        if windows.is_open(SATURDAY_NIGHT, now) and not windows.is_open(SATURDAY_NIGHT, before):
            assert windows.opening(SATURDAY_NIGHT, before) == now


# In a run; it begins on a Sunday at midnight in London


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
