# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody rotates stands in the map, the plan and the status, and nothing is ever tried; and what has no age."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import UnavailableError
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.maps import changed, errors_in, parsed
from tests.unit.engine.world import World

NOBODY = {"description": "of a job", "issuer": {"type": "none", "why": "GitHub makes a new one for each job"}}
ASKED: dict[str, dict[str, Any]] = {
    "by itself": {},
    "by name": {"only": ("JOB_TOKEN",)},
    "by force": {"only": ("JOB_TOKEN",), "force": True},
    "back": {"only": ("JOB_TOKEN",), "rollback": True},
}


@pytest.fixture
def play(make_play: Callable[..., Play]) -> Play:
    return make_play(secret_map={"JOB_TOKEN": NOBODY, "TOKEN": token_map()})


@pytest.mark.parametrize("how", ASKED)
def test_nothing_is_tried_with_what_nobody_rotates(play: Play, world: World, how: str) -> None:
    options = dict(ASKED[how])
    plan = play.plan(*options.pop("only", ()), **options)
    assert (plan["failed"], plan["go"]) == (False, False)
    assert (
        "JOB_TOKEN   nobody rotates it here: GitHub makes a new one for each job: nothing to do\n" in play.output + "\n"
    )
    assert world.mutations == []


def test_others_of_the_map_are_rotated_beside_it(play: Play, world: World) -> None:
    assert not play.rotate("JOB_TOKEN", "TOKEN", force=True)["failed"], play.output
    assert len([one for one in world.mutations if "mint" in one]) == 1


def test_status_tells_why_and_gives_no_command(play: Play) -> None:
    (row,) = play.status(only=("JOB_TOKEN",))["secrets"]
    assert (row["state"], row["credentials"]) == ("unrotated", [])
    assert "JOB_TOKEN   unrotated: nobody rotates it here" in play.output
    assert "go on:" not in play.output


def test_rotation_under_way_is_not_gone_on_with(play: Play, make_play: Callable[..., Play], world: World) -> None:
    world.fail("write", UnavailableError("no answer"))
    assert play.rotate("TOKEN")["failed"]
    world.mend()
    world.log.clear()
    changed_mind = make_play(secret_map={"TOKEN": NOBODY})
    assert not changed_mind.plan("TOKEN", force=True)["go"]
    assert world.mutations == []


def test_adopting_what_nobody_rotates_is_a_problem(play: Play) -> None:
    assert play.plan("JOB_TOKEN", adopt={"JOB_TOKEN": "7"})["failed"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"issuer": {"type": "none"}}, "missing option why"),
        ({**NOBODY, "copies": [{"store": "cloud", "folder": "/a"}]}, "copies: unknown option"),
        ({**NOBODY, "max_age": "90d"}, "max_age: unknown option"),
        ({"issuer": {"type": "random"}}, "give exactly one of copies, rollout"),
    ],
)
def test_entry_that_nobody_rotates_has_nothing_else(entry: dict[str, Any], said: str) -> None:
    assert any(said in line for line in errors_in(changed("secret_map/KEY", entry)))


# What has no age


@pytest.mark.parametrize("event", ["never", "on_change", "on_compromise", "on_provider_change"])
def test_what_has_no_age_is_never_due(make_play: Callable[..., Play], world: World, event: str) -> None:
    entry = token_map(max_age=event, max_age_reason="a device keeps it")
    play = make_play(secret_map={"TOKEN": entry})
    assert not play.rotate("TOKEN")["failed"], play.output
    world.clock.pass_(days=5000)
    assert not play.plan()["go"]
    assert f"5000d old, renewed {event} (a device keeps it): nothing to do" in play.output
    assert play.plan("TOKEN", force=True)["go"]


def test_what_has_no_age_needs_a_reason() -> None:
    assert parsed(changed("secret_map/KEY/max_age", "90d")).secrets["KEY"].ageless == ""
    assert any("max_age_reason" in line for line in errors_in(changed("secret_map/KEY/max_age", "on_change")))
    assert any("is no duration" in line for line in errors_in(changed("secret_map/KEY/max_age", "sometimes")))
