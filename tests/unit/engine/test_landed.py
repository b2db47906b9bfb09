# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mint whose answer was lost, and which lands after its provider was asked: later runs find and revoke it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Maker, Recover
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    OutcomeUnknownError,
    PermissionDeniedError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind
from tests.unit.engine.conftest import current_id, rotate_once
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_issuers import KINDS
from tests.unit.engine.fakes import Token
from tests.unit.engine.kinds import assert_at_rest, assert_nothing_is_left_to_do, plays
from tests.unit.engine.world import Issued, World

UNREADABLE = [
    kind
    for kind, issuer in KINDS.items()
    if issuer.traits.ends_the_old and issuer.traits.recover is not Recover.READABLE
]
LOST = OutcomeUnknownError("no answer within 30 s")


def mint_later(play: Play, world: World) -> Issued:
    """A mint gets no answer, and is not listed when the next run looks for it; then its provider makes it."""
    world.fail("mint", LOST)
    assert play.rotate("TOKEN", force=True)["failed"]
    lost = play.state("TOKEN").intent(ActionKind.MINT)
    assert lost
    assert not play.rotate("TOKEN")["failed"], play.output
    assert f"lost {lost.target}   was not listed by its provider" in play.output
    play.lines.clear()
    return world.issue(lost.target, engine=True)


def test_a_mint_that_lands_late_is_found_and_revoked_by_a_run_that_names_nobody(play: Play, world: World) -> None:
    rotate_once(play)
    late = mint_later(play, world)
    world.clock.pass_(hours=47)
    minted = world.counted("mint")
    assert not play.rotate()["failed"], play.output
    assert late.revoked
    assert world.counted("mint") == minted, "nothing else is wanted"
    assert len([one for one in world.alive if one.id in world.made]) == 1
    assert not play.rotate()["go"]


def test_a_lost_mint_is_told_as_long_as_it_is_looked_for(play: Play, world: World) -> None:
    rotate_once(play)
    world.fail("mint", LOST)
    play.rotate("TOKEN", force=True)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not play.rotate()["go"], "nothing has landed"
    world.issued[current_id(play)].name = play.state("TOKEN").sought[0].target
    assert not play.rotate()["go"], "the one in use is no lost one, whatever it is called"
    play.lines.clear()
    play.status()
    assert "every run until 2026-11-0" in play.output
    world.clock.pass_(days=3)
    play.lines.clear()
    play.status()
    assert "was not listed" not in play.output
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.state("TOKEN").sought == ()


def test_a_lost_mint_is_looked_for_once_more_after_its_time(play: Play, world: World) -> None:
    rotate_once(play)
    late = mint_later(play, world)
    world.clock.pass_(days=9)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert late.revoked


def test_a_lost_mint_is_forgotten_by_its_name(play: Play, world: World) -> None:
    rotate_once(play)
    late = mint_later(play, world)
    world.named.add(late.id)
    play.rotate(forget=(late.name,))
    assert play.state("TOKEN").sought == ()
    assert not late.revoked


def test_a_landed_mint_is_revoked_though_its_rotation_was_the_first(play: Play, world: World) -> None:
    world.fail("mint", LOST)
    assert play.rotate("TOKEN")["failed"]
    world.fail("mint", LOST)
    assert play.rotate("TOKEN")["failed"]
    name = play.state("TOKEN").sought[0].target
    late = world.issue(name, engine=True)
    assert not play.rotate()["failed"], play.output
    assert late.revoked
    assert current_id(play) != late.id


@pytest.mark.parametrize("kind", ["shelved", "switched"])
def test_a_late_mint_beside_others_is_found_though_it_could_be_read_back(kind: str, tmp_path: Path) -> None:
    with plays(tmp_path) as ready:
        play = ready(kind)
        late = mint_later(play, play.world)
        play.world.clock.pass_(hours=2)
        assert not play.rotate("TOKEN")["failed"], play.output
        assert late.revoked
        assert_nothing_is_left_to_do(play)


def test_an_orphan_that_somebody_has_put_into_a_copy_lives_until_that_is_overwritten(play: Play, world: World) -> None:
    world.fail("mint", LOST, after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    [orphan] = [one for one in world.issued.values() if one.id in world.made]
    world.put("ci", {"TOKEN": orphan.value})
    world.fail("write", PermissionDeniedError("no (status 403)"), "ci")
    assert play.rotate("TOKEN", forget=("cloud:ci",))["held"] == ["TOKEN"]
    world.mend()
    world.fail("write", PermissionDeniedError("no (status 403)"), "ci")
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert not orphan.revoked
    world.mend()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert orphan.revoked


@pytest.mark.parametrize("found", [False, True], ids=["sought", "found"])
def test_no_other_accounts_list_says_what_became_of_a_lost_mint(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch, found: bool
) -> None:
    """As where the connection was given another account's token: that account does not list the one in use either."""
    rotate_once(play)
    world.fail("mint", LOST, after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    orphan = next(one for one in world.alive if one.id in world.made and one.id != current_id(play))
    if found:
        world.fail("revoke", PermissionDeniedError("no (status 403)"))
        assert play.rotate("TOKEN")["failed"]
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(Token, "listed", lambda _issuer: [])
        elsewhere.setattr(Token, "revoke", lambda _issuer, _credential: None)
        assert play.rotate("TOKEN")["held"] == ["TOKEN"]
        assert f"nobody can tell what became of {orphan.name}" in play.output
    assert not play.rotate("TOKEN")["failed"], play.output
    assert orphan.revoked


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_lost_mint_that_ends_the_old_one_is_under_way_until_one_succeeds(kind: str, tmp_path: Path) -> None:
    """It may have begun the end of what production runs on: a run that names nobody has to go on with it."""
    with plays(tmp_path) as ready:
        play = ready(kind)
        effect = "mint" if KINDS[kind].traits.value is Maker.PROVIDER else "activate"
        play.world.fail(effect, LOST, after=True, times=3)
        assert play.rotate("TOKEN", force=True)["failed"]
        play.world.mend()
        for call in ("mint", "activate"):
            play.world.fail(call, PermissionDeniedError("no (status 403)"))
        play.rotate()
        play.world.mend()
        assert not play.rotate()["failed"], play.output
        play.world.clock.pass_(days=2)
        assert not play.rotate()["failed"], play.output
        assert_at_rest(play)
