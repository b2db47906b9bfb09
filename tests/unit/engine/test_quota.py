# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider with a quota: what the run revokes first takes no room, and nothing is deleted to make some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import OutcomeUnknownError
from tests.unit.engine.conftest import rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Token
from tests.unit.engine.world import World


@pytest.fixture
def quota(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def allow(number: int) -> None:
        monkeypatch.setattr(Token, "quota", lambda _issuer: number)

    return allow


def test_quota_that_is_full_is_refused_with_the_keys_and_their_ages(
    play: Play, world: World, quota: Callable[[int], None]
) -> None:
    rotate_once(play)
    quota(2)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert world.mutations == []
    old = next(iter(world.issued.values()))
    assert "token has 2 keys, and there can be 2. None is deleted to make room" in play.output
    assert f'{old.id} "made by hand" (1d old), ' in play.output


def test_plan_says_how_many_keys_are_left(play: Play, quota: Callable[[int], None]) -> None:
    rotate_once(play)
    quota(16)
    assert play.plan("TOKEN", force=True)["go"]
    assert "note: quota: 14 of 16 keys are left before this mint" in play.output


@pytest.mark.parametrize("found_before", [False, True])
def test_lost_mint_that_took_the_last_place_is_revoked_and_made_anew(
    play: Play, world: World, quota: Callable[[int], None], *, found_before: bool
) -> None:
    first = rotate_once(play)
    quota(3)
    world.fail("mint", OutcomeUnknownError("no answer"), after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    world.issued[first].name = list(world.issued.values())[-1].name  # the one in use stays, whatever it is called
    if found_before:  # the ledger knows its id, and it was not revoked
        world.fail("revoke", OutcomeUnknownError("no answer"))
        assert play.rotate("TOKEN")["failed"]
    assert len(world.alive) == 3
    play.lines.clear()
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert "quota: 1 of 3 keys are left" in play.output
    assert len(world.alive) == 2


def test_revoked_key_takes_no_room(play: Play, world: World, quota: Callable[[int], None]) -> None:
    rotate_once(play)
    quota(2)
    next(iter(world.issued.values())).revoked = True
    assert not play.rotate("TOKEN", force=True)["failed"], play.output


def test_mints_of_one_plan_share_the_room(
    make_play: Callable[..., Play], world: World, quota: Callable[[int], None]
) -> None:
    def entry(name: str) -> dict[str, Any]:
        world.put(name, {})
        copies = [{"store": "cloud", "box": name}]
        return {"issuer": token_map()["issuer"], "copies": copies, "revoke": {"accept": "life"}}

    play = make_play(secret_map={name: entry(name) for name in ("A", "B", "C")})
    quota(3)
    result = play.rotate("A", "B", "C")
    assert result["held"] == ["C"]
    assert "there can be 3, and this run is to make 2 before it" in play.output
    assert world.counted("mint") == 2
