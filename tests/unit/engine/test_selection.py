# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets a run works on, and whether it mints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.extra_vars import names_in
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import selection
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.job import Job
from tests.unit.engine.conftest import current_id, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World


def going(plan: Any) -> dict[str, bool]:
    return {item["name"]: item["mints"] for item in plan["secrets"] if item["goes"]}


@pytest.fixture
def aged(make_play: Callable[..., Play], world: World) -> Play:
    """Rotated a hundred days ago, with a limit of ninety."""
    play = make_play(secret_map={"TOKEN": token_map(max_age="90d", owner="platform")})
    assert not play.rotate("TOKEN")["failed"]
    world.clock.pass_(days=100)
    play.lines.clear()
    return play


def test_what_is_due_goes_without_being_named(aged: Play) -> None:
    plan = aged.plan()
    assert going(plan) == {"TOKEN": True}
    assert plan["secrets"][0]["status"] == "due"
    assert "100d old, limit 90d" in aged.output


def test_what_is_fresh_stays_unless_it_is_forced(play: Play, world: World) -> None:
    play.rotate("TOKEN")
    assert going(play.plan("TOKEN")) == {}
    assert going(play.plan("TOKEN", force=True)) == {"TOKEN": True}
    assert "-e rotate_force=true" in play.output


@pytest.mark.parametrize(("life", "left"), [({"days": 90}, {"days": 14}), ({"hours": 48}, {"hours": 12})])
def test_what_its_provider_is_about_to_end_is_due(
    play: Play, world: World, life: dict[str, int], left: dict[str, int]
) -> None:
    play.rotate("TOKEN")
    one = world.issued[current_id(play)]
    one.ends_at = one.created_at + timedelta(**life)
    world.clock.pass_(**life)
    world.clock.pass_(minutes=-5, **{unit: -number for unit, number in left.items()})
    assert not play.plan()["go"]
    assert not play.status(fail_on=["overdue"])["failed"]
    world.clock.pass_(minutes=6)
    one.ends_at = one.ends_at.astimezone(timezone(timedelta(hours=5)))  # a provider may tell the time of anywhere
    assert going(play.plan()) == {"TOKEN": True}
    assert f"old, its provider ends it {one.ends_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" in play.output
    assert play.status(fail_on=["overdue"])["failed"]
    assert not play.rotate()["failed"], play.output


def test_an_adopted_credential_is_due_by_what_its_provider_says(play: Play, world: World) -> None:
    old = next(iter(world.issued.values()))
    old.ends_at = world.clock.now() + timedelta(days=30)
    world.named.add(old.id)
    play.adopt("TOKEN", adopt={"TOKEN": old.id})
    assert not play.plan()["go"]
    world.clock.pass_(days=23)
    world.fail("list", UnavailableError("down"), times=9)  # it was heard when it was adopted
    assert going(play.plan()) == {"TOKEN": True}
    world.mend()
    old.ends_at += timedelta(days=90)
    assert not play.plan()["go"], "its provider says another end now"


def test_a_rotation_under_way_goes_on_without_being_named_and_without_a_mint(play: Play, world: World) -> None:
    world.services["ci"].breaks_at = 0
    play.rotate("TOKEN")
    world.services["ci"].breaks_at = None
    assert going(play.plan()) == {"TOKEN": False}


def test_an_orphan_of_a_first_rotation_is_unfinished_business(play: Play, world: World) -> None:
    world.fail("mint", OutcomeUnknownError("no answer"), after=True)
    play.rotate("TOKEN")
    world.fail("revoke", UnavailableError("down"))
    play.rotate()
    assert going(play.plan()) == {"TOKEN": True}
    assert not play.rotate()["failed"]
    assert len([one for one in world.alive if one.id in world.made]) == 1


@pytest.mark.parametrize(
    ("where", "reached"),
    [
        ({"owner": "platform"}, ["TOKEN"]),
        ({"owner": "billing"}, ["OTHER"]),
        ({"store": "cloud"}, ["TOKEN", "OTHER"]),
        ({"connection": "cloud"}, ["TOKEN", "OTHER"]),
        ({"consumer": "app"}, ["TOKEN"]),
        ({"consumer": "app", "owner": "billing"}, []),
        ({"environment": "staging"}, ["OTHER"]),
    ],
)
def test_criteria_reach_what_they_name(
    make_play: Callable[..., Play], world: World, where: dict[str, str], reached: list[str]
) -> None:
    world.put("spare", {})
    step = {"name": "one", "environment": "staging", "copies": [{"store": "cloud", "box": "spare"}]}
    other = {"issuer": token_map()["issuer"], "owner": "billing", "rollout": [step], "revoke": {"accept": "life"}}
    play = make_play(secret_map={"TOKEN": token_map(owner="platform"), "OTHER": other})
    assert list(going(play.plan("TOKEN", "OTHER", where=where))) == reached


@pytest.mark.parametrize("options", [{"where": {"store": "cloud"}}, {"force": True}])
def test_only_a_name_rotates_what_the_ledger_does_not_know(play: Play, world: World, options: dict[str, Any]) -> None:
    assert not play.plan(**options)["go"]
    assert "name it with -e rotate_only=TOKEN" in play.output


def test_force_without_a_name_rotates_what_the_ledger_knows(play: Play, world: World) -> None:
    play.rotate("TOKEN")
    assert going(play.plan(force=True, where={"store": "cloud"})) == {"TOKEN": True}


def test_what_was_taken_back_rests_until_it_is_named(aged: Play, world: World) -> None:
    world.fail("write", UnavailableError("down"), "app")
    assert aged.rotate()["failed"]
    assert not aged.rotate("TOKEN", rollback=True)["failed"], aged.output
    assert not aged.rotate()["go"]
    assert not aged.rotate(force=True)["go"]
    assert "so it rests until it is named" in aged.output
    assert "name it with -e rotate_only=TOKEN" in aged.output
    assert going(aged.plan("TOKEN")) == {"TOKEN": True}


def test_a_rollback_that_was_interrupted_is_finished_by_a_run_that_names_nobody(aged: Play, world: World) -> None:
    world.fail("write", UnavailableError("down"), "app")
    aged.rotate()
    world.fail("revoke", UnavailableError("down"))
    assert aged.rotate("TOKEN", rollback=True)["failed"]
    assert not aged.rotate()["failed"], aged.output
    assert (world.counted("mint"), world.counted("revoke")) == (2, 1)
    assert aged.plan()["secrets"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"where": {"owner": "platfrom"}}, "no secret has the owner platfrom. Did you mean platform?"),
        ({"environments": ("production",)}, "no secret has the environment production"),
    ],
)
def test_a_criterion_that_no_secret_meets_is_a_slip(
    make_play: Callable[..., Play], options: dict[str, Any], said: str
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(owner="platform")})
    with pytest.raises(ConfigurationError) as caught:
        play.plan(**options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"only": ("TOKN",)}, "Did you mean TOKEN"),
        ({"only": ("XYZ",)}, "There are: TOKEN"),
        ({"confirm": ("TOKN",)}, "Did you mean TOKEN"),
        ({"adopt": {"TOKN": "id"}}, "Did you mean TOKEN"),
        ({"where": {"stores": "x"}}, "Did you mean store?"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_the_nearest(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        selection.check_names(selection.RunOptions(**options), ["TOKEN"])
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("allow", "options", "goes"),
    [
        ("confirmed", {}, False),
        ("confirmed", {"confirm": ("TOKEN",)}, True),
        ("compromised", {"confirm": ("TOKEN",)}, False),
        ("compromised", {"confirm": ("TOKEN",), "reason": "leaked in a log"}, True),
    ],
)
def test_a_guarded_secret_goes_only_when_it_is_confirmed(
    make_play: Callable[..., Play], world: World, allow: str, options: dict[str, Any], goes: bool
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(guard={"reason": "everybody is logged out", "allow": allow})})
    assert play.plan("TOKEN", **options)["go"] is goes
    assert ("everybody is logged out" in play.output) is not goes
    assert world.mutations == []


def test_a_guard_does_not_stop_a_rotation_from_being_finished(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(guard={"reason": "careful"})})
    world.services["ci"].breaks_at = 0
    play.rotate("TOKEN", confirm=("TOKEN",))
    world.services["ci"].breaks_at = None
    assert not play.rotate()["failed"]


def test_an_adopted_credential_is_due_by_its_age_at_the_provider(make_play: Callable[..., Play], world: World) -> None:
    old = next(iter(world.issued.values()))
    issuer = {"type": "test.fake.token", "connection": "cloud", "current_id": old.id}
    play = make_play(secret_map={"TOKEN": token_map(max_age="90d") | {"issuer": issuer}})
    assert not play.plan()["go"]
    world.clock.pass_(days=91)
    assert play.plan()["secrets"][0]["status"] == "due"


def test_waves_are_one_ten_and_the_rest() -> None:
    names = [str(number) for number in range(25)]
    assert selection.waves([]) == []
    assert selection.waves(names[:10]) == [names[:10]]
    assert [len(wave) for wave in selection.waves(names)] == [1, 10, 14]


@pytest.mark.parametrize(
    ("given", "names"),
    [(None, ()), ("", ()), ("A", ("A",)), ("A, B,", ("A", "B")), (["A", "B"], ("A", "B"))],
)
def test_names_come_as_a_list_or_with_commas_between(given: Any, names: tuple[str, ...]) -> None:
    assert names_in(given, "rotate_only") == names


@pytest.mark.parametrize("given", [5, [5], {"A": 1}])
def test_anything_else_is_no_list_of_names(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="rotate_only"):
        names_in(given, "rotate_only")


def test_the_ledger_knows_who_ran_it_and_in_which_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWX_JOB_ID", "tower_job_id", "JOB_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LOGNAME", "ada")
    assert Job.of({}).caller == "ada"
    monkeypatch.setenv("AWX_JOB_ID", "42")
    assert Job.of({}).caller == "ada, job 42"
