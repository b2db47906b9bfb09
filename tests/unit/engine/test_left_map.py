# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret has left alive that has left the map, or that nobody rotates any more."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
)
from tests.unit.engine.conftest import current_id, rotate_once
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World

NOBODY = {"issuer": {"type": "none", "why": "the platform team has it"}}
RED = ("left_alive",)


@pytest.fixture
def graced(play: Play, world: World) -> Play:
    """An old credential whose grace is over, and the one in use."""
    play.map["TOKEN"]["revoke"] = {"after": "2d"}
    rotate_once(play)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    world.clock.pass_(days=3)
    play.lines.clear()
    return play


def renamed(play: Play) -> Play:
    play.map["NEW"] = play.map.pop("TOKEN")
    return play


def unrotated(play: Play) -> Play:
    play.map["TOKEN"] = NOBODY
    return play


def commands(play: Play) -> list[dict[str, str]]:
    """The variables of each command that is printed to end something."""
    lines = [line for line in play.lines if "rotor.secrets.attest" in line]
    return [dict(re.findall(r"(attest_\w+)=(\S+)", " ".join(shlex.split(line)))) for line in lines]


def status_of(play: Play, **options: Any) -> dict[str, Any]:
    return next(dict(one) for one in play.status(**options)["secrets"] if one["name"] == "TOKEN")


@pytest.mark.parametrize(("edit", "left"), [(renamed, 2), (unrotated, 1)])
def test_what_no_run_ends_is_told_until_a_person_says_that_it_has_ended(graced: Play, edit: Any, left: int) -> None:
    edit(graced)
    graced.plan()
    asked = commands(graced)
    assert len(asked) == left
    assert "TOKEN   " in graced.output
    assert "no run ends" in graced.output
    assert graced.status(fail_on=RED)["failed"]
    assert status_of(graced)["state"] == "left_alive"
    assert len(status_of(graced)["credentials"]) == 2
    for one in asked:
        assert one["attest_secret"] == "TOKEN"
        assert graced.attest(one["attest_credential"])["changed"]
    graced.lines.clear()
    assert not graced.plan()["failed"]
    assert not graced.status(fail_on=RED)["failed"]
    assert commands(graced) == []
    assert "no run ends" not in graced.output


def test_secret_that_was_put_back_goes_on_where_it_was(graced: Play, world: World) -> None:
    old = [one.id for one in world.alive]
    entry = graced.map.pop("TOKEN")
    assert not graced.rotate()["failed"]
    assert [one.id for one in world.alive] == old
    graced.map["TOKEN"] = entry
    assert not graced.rotate()["failed"], graced.output
    assert current_id(graced) in [one.id for one in world.alive]
    assert not graced.status(fail_on=RED)["failed"]
    assert [row.state for row in graced.state("TOKEN").credentials if row.alive] == ["current"]


def test_run_that_names_secrets_tells_only_of_these(graced: Play) -> None:
    renamed(graced)
    graced.plan("NEW", check=True)
    assert [one["name"] for one in graced.status(only=("NEW",))["secrets"]] == ["NEW"]
    assert "TOKEN   " not in graced.output


def test_attesting_what_is_neither_in_the_map_nor_alive_is_an_error(graced: Play) -> None:
    renamed(graced)
    with pytest.raises(ConfigurationError, match="say which of TOKEN"):
        graced.attest()
    names = [row.name for row in graced.state("TOKEN").credentials if row.alive]
    assert graced.attest(names[0], check=True)["changed"]
    for name in names:
        graced.attest(name)
    with pytest.raises(ConfigurationError, match="there is no secret TOKEN"):
        graced.attest(names[0])


def test_secret_that_left_with_nothing_alive_is_not_told(play: Play) -> None:
    renamed(play)
    assert not play.plan()["failed"]
    assert [one["name"] for one in play.status()["secrets"]] == ["NEW"]


@pytest.mark.parametrize("edit", [renamed, unrotated])
@pytest.mark.parametrize("first", [False, True])
def test_a_lost_mint_is_told_until_a_person_says_that_it_is_not_there(
    play: Play, world: World, edit: Any, first: bool
) -> None:
    if not first:
        rotate_once(play)
    world.fail("mint", OutcomeUnknownError("no answer within 30 s"), after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    [name] = play.state("TOKEN").lost_mints
    edit(play)
    play.lines.clear()
    play.plan()
    [told] = [line for line in play.lines if f"lost {name}" in line]
    assert told.endswith(f"-e rotate_forget={name}")
    assert play.status(fail_on=RED)["failed"]
    assert "left_alive" in status_of(play)["conditions"]
    play.plan(forget=(name,), check=True)
    assert play.state("TOKEN").lost_mints == (name,)
    kept = play.state("TOKEN").holdings
    play.plan(forget=(name,))
    assert play.state("TOKEN").lost_mints == ()
    assert play.state("TOKEN").holdings == kept
    play.lines.clear()
    play.plan()
    assert f"lost {name}" not in play.output
    with pytest.raises(ConfigurationError, match="neither the map nor the ledger has"):
        play.plan(forget=("rotor-nothing",))
