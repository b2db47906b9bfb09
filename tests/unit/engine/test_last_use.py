# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``unused``: what a provider that lists the last use says of an old credential, and what is our own doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
)
from tests.unit.engine.conftest import rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_issuers import Handlisted, Handmade, Replaced
from tests.unit.engine.fakes import Cloud, Token
from tests.unit.engine.test_person import by_hand, press_new
from tests.unit.engine.world import Issued, World

UNLISTED = "is not listed, and so nobody can say whether it is in use"
USED = "after every copy had changed"


def counts_a_use(world: World, kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shows a value to the provider has used it."""
    really = kind.verify

    def verify(issuer: Any, credential: Credential) -> Answer:
        answer: Answer = really(issuer, credential)
        if answer is Answer.ACCEPTED:
            value = credential.fields["token"].reveal()
            next(one for one in world.issued.values() if one.value == value).last_used_at = world.clock.now()
        return answer

    monkeypatch.setattr(kind, "verify", verify)


@pytest.fixture
def play(make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A token is rolled out, and its value kept."""
    counts_a_use(world, Token, monkeypatch)
    revoke = {"after": "48h", "require": ["unused"]}
    play = make_play(secret_map={"TOKEN": token_map(retain="current", revoke=revoke)})
    rotate_once(play)
    return play


def old_of(play: Play) -> Issued:
    return play.world.issued[str(play.state("TOKEN").credentials[-2].provider_id)]


def graced(play: Play, after: str = "48h") -> Issued:
    """Roll out the next one; the old one has its grace."""
    play.map["TOKEN"]["revoke"]["after"] = after
    assert not play.rotate("TOKEN", force=True, only_roll_out=True)["failed"], play.output
    play.world.clock.pass_(hours=1)
    play.lines.clear()
    play.world.log.clear()
    return old_of(play)


def unlist(monkeypatch: pytest.MonkeyPatch, gone: Issued) -> None:
    really = Token.listed
    monkeypatch.setattr(Token, "listed", lambda issuer: [one for one in really(issuer) if one.id != gone.id])


# Our own looks


def test_status_does_not_use_the_old_one_in_its_grace(play: Play, world: World) -> None:
    old = graced(play)
    lives = [one["life"]["is"] for one in play.status()["secrets"][0]["credentials"]]
    assert lives == ["listed", "accepted"]
    assert ("show", old.name) not in world.log
    world.clock.pass_(days=3)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


def test_attest_does_not_use_the_old_one_in_its_grace(play: Play, world: World) -> None:
    old = graced(play)
    with pytest.raises(RotorError, match="its provider says that it lives"):
        play.attest(reason="I ended it")
    assert ("show", old.name) not in world.log


def test_attest_shows_what_its_provider_does_not_list(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    unlist(monkeypatch, graced(play))
    with pytest.raises(RotorError, match="its provider says that it lives"):
        play.attest(reason="I ended it")


def test_proof_of_a_revoke_that_spreads_late_is_no_use(play: Play, world: World) -> None:
    old = graced(play)
    world.clock.pass_(days=3)
    world.stubborn.add(old.id)
    assert play.rotate("TOKEN")["failed"]
    assert old.last_used_at == world.clock.now()
    world.stubborn.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert play.state("TOKEN").credentials[0].proof == "refused"


def test_our_use_of_a_new_one_does_not_hold_the_way_back(play: Play, world: World) -> None:
    world.fail("write", PermissionDeniedError("no (status 403)"), "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    world.clock.pass_(minutes=1)
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert [row.proof for row in play.state("TOKEN").credentials] == [None, "refused"]


def test_looking_whether_a_person_has_ended_it_is_no_use(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts_a_use(world, Handmade, monkeypatch)
    monkeypatch.setattr(Handmade, "listed", Replaced.listed)
    monkeypatch.setattr(Handmade, "reports_last_used", classmethod(lambda _kind, _options: True))
    monkeypatch.setattr(Handmade, "take", Handlisted.take)
    play = make_play(secret_map={"TOKEN": by_hand(revoke={"require": ["unused"]})})
    for _turn in range(2):
        assert play.deposit(press_new(play).value)["changed"]
        play.rotate("TOKEN", force=True)
        world.clock.pass_(days=1)
    world.log.clear()
    old = old_of(play)
    play.rotate("TOKEN")
    assert "console.test, Keys: press Delete" in play.output
    assert ("show", play.state("TOKEN").credentials[0].name) not in world.log
    world.end(old.id)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "was ended by a person, proof: refused" in play.output


# What is not listed


def test_unlisted_credential_never_passes_as_unused(play: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where only the first page is listed, or those of another project."""
    old = graced(play)
    world.clock.pass_(days=3)
    unlist(monkeypatch, old)
    assert play.rotate("TOKEN")["failed"]
    assert f"{old.name} {UNLISTED}" in play.output
    assert not old.revoked


def test_unlisted_credential_whose_value_is_refused_is_unused(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = graced(play)
    world.clock.pass_(days=3)
    unlist(monkeypatch, old)
    world.end(old.id)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert play.state("TOKEN").credentials[0].proof == "refused"


def test_revoke_with_a_lost_answer_goes_on_though_unlisted(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = graced(play)
    world.clock.pass_(days=3)
    world.unclear.add(old.id)
    world.fail("revoke", OutcomeUnknownError("no answer"), after=True)
    assert play.rotate("TOKEN")["failed"]
    assert old.revoked
    unlist(monkeypatch, old)
    assert not play.rotate("TOKEN")["failed"], play.output


# Whose clock


@pytest.mark.parametrize("tells", ["time", "no time at the close"])
def test_use_before_the_close_by_the_providers_clock_holds_nothing(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch, tells: str
) -> None:
    world.ahead = timedelta(minutes=2)
    used = world.clock.now() + world.ahead - timedelta(seconds=30)
    with monkeypatch.context() as patch:
        if tells != "time":
            patch.setattr(Cloud, "server_time", lambda _cloud: None)
        old = graced(play, after="0s")
    old.last_used_at = used
    assert not play.rotate("TOKEN")["failed"], play.output


@pytest.mark.parametrize("tells", ["time", "no time at the close"])
def test_use_after_the_close_by_the_providers_clock_holds_the_revoke(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch, tells: str
) -> None:
    world.ahead = -timedelta(hours=2)
    with monkeypatch.context() as patch:
        if tells != "time":
            patch.setattr(Cloud, "server_time", lambda _cloud: None)
        old = graced(play, after="0s")
    old.last_used_at = world.clock.now() + world.ahead - timedelta(minutes=1)
    assert play.rotate("TOKEN")["failed"]
    assert f"{USED}: " in play.output
    assert "by its provider's clock" in play.output
    assert not old.revoked


def test_time_of_the_close_is_read_off_the_providers_clock(play: Play, world: World) -> None:
    """The controller's clock was an hour behind then, and is set right since."""
    world.ahead = timedelta(hours=1)
    used = world.clock.now() + world.ahead - timedelta(seconds=30)
    old = graced(play, after="0s")
    world.clock.pass_(hours=1)
    world.ahead = timedelta()
    old.last_used_at = used
    assert not play.rotate("TOKEN")["failed"], play.output


def test_error_says_where_its_provider_tells_no_time(play: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cloud, "server_time", lambda _cloud: None)
    old = graced(play, after="0s")
    old.last_used_at = world.clock.now()
    assert play.rotate("TOKEN")["failed"]
    assert "by this controller's clock, since its provider tells no time" in play.output


def test_credential_in_use_now_is_held_whatever_the_clocks_say(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = graced(play, after="0s")
    really = Token.listed
    with monkeypatch.context() as patch:
        patch.setattr(Token, "listed", lambda issuer: [replace(one, in_use=one.id == old.id) for one in really(issuer)])
        world.ahead = -timedelta(days=1)
        assert play.rotate("TOKEN")["failed"]
    assert f"{old.name} is in use now" in play.output
    assert not old.revoked
    assert not play.rotate("TOKEN")["failed"], play.output
