# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A credential that ends before its time: the one in use, or the new one in the middle of its rotation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    OutcomeUnknownError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine import printed
from tests.unit.engine.conftest import rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Token
from tests.unit.engine.kinds import BOXES, assert_at_rest, plays
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.world import Issued, Killed, World

DOWN = UnavailableError("down (status 503)")
FORCE = "-e rotate_only=TOKEN -e rotate_force=true"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with quick_runs() as folder:
        yield folder


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    with plays(tmp_path) as make:
        yield make


def made(play: Play) -> list[Issued]:
    """What the engine has minted, in that order."""
    return [play.world.issued[str(row.provider_id)] for row in play.state("TOKEN").credentials]


def hold(play: Play) -> Issued:
    """A rotation that is held when its first copy is written; the new credential."""
    play.world.fail("write", DOWN, "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    play.lines.clear()
    play.world.mend()
    play.world.clock.pass_(hours=1)
    return made(play)[-1]


def ended(play: Play, one: Issued, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a credential so that its provider lists it as ended, or only refuses it."""
    really = Token.listed
    if how == "expired":
        late = play.world.clock.now() - timedelta(hours=1)
        monkeypatch.setattr(
            Token, "listed", lambda self: [replace(o, expires_at=late) if o.id == one.id else o for o in really(self)]
        )
        play.world.ended_by_others.add(one.id)
        return
    play.world.end(one.id)
    if how != "revoked":
        monkeypatch.setattr(Token, "listed", lambda self: [o for o in really(self) if o.id != one.id])


# -- the one in use -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("revoked", "is listed as revoked"),
        ("expired", "is listed as expired"),
        ("refused", "is refused by its provider"),
    ],
)
def test_a_dead_credential_in_use_turns_a_nightly_run_red_and_is_rotated_once_it_is_named(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch, how: str, said: str
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    ended(play, made(play)[0], how, monkeypatch)
    for service in world.services.values():
        service.sick = True
    assert play.rotate()["failed"]
    assert f"production runs on a dead credential: {made(play)[0].name} {said}" in play.output
    assert "go on:    ansible-playbook rotate.yml -e rotate_only=TOKEN" in play.output
    assert world.mutations == []

    plan = play.plan("TOKEN")
    assert plan["go"], play.output
    assert "note: app is not well" in play.output
    for service in world.services.values():
        service.sick = False
    play.through(plan["run"], Phase.ISSUED)
    play.through(plan["run"], Phase.ROLLED_OUT)
    assert not play.through(plan["run"], Phase.REVOKED)["failed"], play.output
    assert made(play)[-1].value in world.values_in("ci")
    assert not play.rotate()["failed"], play.output


def test_absence_from_a_list_is_no_end(play: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate_once(play)
    ended(play, made(play)[0], "absent", monkeypatch)
    assert not play.rotate()["failed"], play.output
    assert not play.rotate("TOKEN")["go"]
    assert "dead" not in play.output


def test_one_refusal_is_no_end(make_play: Callable[..., Play], monkeypatch: pytest.MonkeyPatch) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    answers, really = iter([Answer.REFUSED]), Token.verify
    monkeypatch.setattr(Token, "verify", lambda self, shown: next(answers, None) or really(self, shown))
    assert not play.rotate()["failed"], play.output
    assert next(answers, None) is None, "it was asked"
    assert "dead" not in play.output


def test_one_that_is_not_listed_is_replaced_by_a_persons_word(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate_once(play)
    ended(play, made(play)[0], "absent", monkeypatch)
    monkeypatch.setattr(Token, "preflight", lambda _self, current: [f"no {current}"] if current else [])
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert "is not listed by its provider" in play.output


def test_an_unanswered_question_says_nothing_about_a_life(play: Play, world: World) -> None:
    rotate_once(play)
    world.end(made(play)[0].id)
    world.fail("list", DOWN)
    assert not play.rotate("TOKEN")["failed"], play.output


def test_copies_that_hold_something_else_are_drift_and_no_dead_production(play: Play, world: World) -> None:
    rotate_once(play)
    world.end(made(play)[0].id)
    for box in BOXES:
        world.put(box, {"TOKEN": world.issue("made by hand").value})
    assert not play.rotate()["failed"]
    assert "dead" not in play.output
    assert play.rotate("TOKEN")["failed"]
    assert "box app was changed by somebody else" in play.output
    assert "box ci was changed by somebody else" in play.output
    assert world.mutations == []


def test_one_copy_that_still_holds_it_is_dead_production(play: Play, world: World) -> None:
    rotate_once(play)
    world.end(made(play)[0].id)
    world.put("ci", {"TOKEN": world.issue("made by hand").value})
    assert play.rotate()["failed"]
    assert "production runs on a dead credential" in play.output


def test_a_dead_credential_that_is_named_as_the_one_in_use_is_replaced(play: Play, world: World) -> None:
    old = next(iter(world.issued.values()))
    world.named.add(old.id)
    world.end(old.id)
    assert play.rotate(adopt={"TOKEN": old.id})["failed"]
    assert "the credential named as the one in use is dead: made by hand is listed as revoked" in play.output
    assert not play.rotate("TOKEN", adopt={"TOKEN": old.id})["failed"], play.output
    assert made(play)[-1].value in world.values_in("ci")


def test_a_guard_stays_though_the_one_in_use_is_dead(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(guard={"reason": "careful"})})
    play.rotate("TOKEN", confirm=("TOKEN",))
    world.end(made(play)[0].id)
    assert play.rotate("TOKEN")["failed"]
    assert "-e rotate_confirm=TOKEN" in play.output
    assert world.counted("mint") == 1
    assert not play.rotate("TOKEN", confirm=("TOKEN",))["failed"], play.output


def test_nobody_goes_back_to_a_dead_credential(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    world.end(made(play)[0].id)
    hold(play)
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "there is no way back: the old value is dead" in play.output
    assert not play.rotate("TOKEN")["failed"], play.output


def test_a_lost_mint_is_no_reason_to_stay_on_a_dead_credential(play: Play, world: World) -> None:
    rotate_once(play)
    world.fail("mint", OutcomeUnknownError("no answer"), after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    world.end(made(play)[0].id)
    assert play.rotate()["failed"]
    assert "production runs on a dead credential" in play.output
    assert not play.rotate("TOKEN")["failed"], play.output
    assert [one.value for one in world.alive if one.id in world.made] == list(world.values_in("ci"))


def test_where_old_and_new_are_both_dead_another_takes_their_place(play: Play, world: World) -> None:
    rotate_once(play)
    dead = hold(play)
    for one in (dead, made(play)[0]):
        world.end(one.id)
    assert not play.rotate()["failed"], play.output
    assert made(play)[-1].value in world.values_in("ci")


# -- the new one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["revoked", "expired", "refused"])
def test_a_new_credential_that_has_ended_is_given_up_and_replaced_by_a_run_that_names_nobody(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """One is in use whose value is kept: where the list does not tell, the same call accepts it."""
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    dead = hold(play)
    ended(play, dead, how, monkeypatch)
    assert not play.rotate()["failed"], play.output
    assert f"give up {dead.name} ({dead.id}), which is" in play.output
    old, given_up, new = play.state("TOKEN").credentials
    assert (given_up.provider_id, str(given_up.state), given_up.given_up_at is None) == (dead.id, "revoked", False)
    assert made(play)[2].value in world.values_in("ci")
    assert [one.id for one in world.alive if one.id in world.made] == [new.provider_id]
    assert str(old.state) == "revoked"


def test_one_that_its_provider_still_spreads_is_not_given_up(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    dead = hold(play)
    world.clock.pass_(minutes=-59.5)
    ended(play, dead, "refused", monkeypatch)
    play.rotate("TOKEN")
    assert world.counted("mint") == 1


@pytest.mark.parametrize("held", ["refused without another", "never accepted", "a second one", "refused once"])
def test_what_is_not_known_to_have_ended_is_held_until_a_person_says_so(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="none" if held == "refused without another" else "current")})
    rotate_once(play)
    if held == "never accepted":
        monkeypatch.setattr(Token, "verify", lambda _issuer, _what: Answer.UNCLEAR)
    dead = hold(play)
    monkeypatch.undo()
    if held == "a second one":
        world.end(dead.id)
        dead = hold(play)
    if held == "refused once":
        world.clock.pass_(hours=1)  # or else its provider may have yet to spread it
        answers = iter([Answer.REFUSED])
        really = Token.verify

        def once(issuer: Token, shown: Credential) -> Answer:
            return (shown.id == dead.id and next(answers, None)) or really(issuer, shown)

        monkeypatch.setattr(Token, "verify", once)
    else:
        ended(play, dead, "refused" if held == "refused without another" else "revoked", monkeypatch)
    minted = world.counted("mint")
    play.rotate()
    assert world.counted("mint") == minted
    if held == "refused once":
        assert next(answers, None) is None, "it was asked"
        assert "given up" not in play.output
        return
    assert FORCE in play.output, play.output
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert world.counted("mint") == minted + 1
    assert made(play)[-1].value in world.values_in("ci")


def test_the_printed_command_overwrites_a_changed_copy_and_replaces_what_is_dead(play: Play, world: World) -> None:
    """One without the word that it is dead would lead to a run that asks for that word, and so round and round."""
    world.end(hold(play).id)
    world.fail("write", DOWN, "ci")
    assert play.rotate("TOKEN")["failed"], "the dead one is given up, and another made"
    world.mend()
    world.end(made(play)[-1].id)
    world.put("app", {"TOKEN": world.issue("by hand").value})
    play.lines.clear()
    for _turn in range(3):
        options = printed.way_on(play.lines) or {}
        play.lines.clear()
        result = play.rotate(*options.pop("only", ()), **options)
    assert not result["failed"], play.output
    assert made(play)[-1].value in world.values_in("app")


def test_force_leaves_a_new_credential_that_lives(play: Play, world: World) -> None:
    rotate_once(play)
    hold(play)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert world.counted("mint") == 1


def test_one_that_lives_again_is_not_given_up_after_all(play: Play, world: World) -> None:
    rotate_once(play)
    dead = hold(play)
    world.end(dead.id)
    plan = play.plan("TOKEN")
    dead.revoked = False
    world.ended_by_others.clear()
    play.through(plan["run"], Phase.ISSUED)
    play.through(plan["run"], Phase.REVOKED)
    assert "is not given up: it lives" in play.output
    assert world.counted("mint") == 1
    assert not play.rotate("TOKEN")["failed"], play.output


@pytest.mark.parametrize("crash", ["mint", "accept"])
def test_a_give_up_that_was_interrupted_is_followed_by_the_next_run(play: Play, world: World, crash: str) -> None:
    rotate_once(play)
    dead = hold(play)
    world.end(dead.id)
    world.fail("mint" if crash == "mint" else "show", DOWN, times=99)
    assert play.rotate()["failed"]
    world.mend()
    assert not play.rotate()["failed"], play.output
    assert world.counted("mint") == 2
    assert [one.id for one in world.alive if one.id in world.made] == [made(play)[-1].id]


def test_going_back_takes_what_was_given_up_out_of_the_copies_too(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    rotate_once(play)
    dead = hold(play)
    world.end(dead.id)
    world.fail("mint", DOWN)
    assert play.rotate()["failed"]
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert world.values_in("app") == {made(play)[0].value}
    assert not play.plan()["go"], play.output
    assert world.counted("mint") == 1


def test_there_is_no_way_back_past_what_was_given_up_where_the_old_value_is_not_known(play: Play, world: World) -> None:
    rotate_once(play)
    world.end(hold(play).id)
    world.fail("mint", DOWN)
    assert play.rotate()["failed"]
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "the old value of box app is not known here" in play.output


def die(play: Play) -> None:
    """Somebody ends the new credential; where there is only ever one value, by making another."""
    world, row = play.world, play.state("TOKEN").pending
    assert row
    value = play.ledger().unseal(row).fields["token"].reveal()
    one = next(one for one in world.issued.values() if one.value == value)
    world.end(one.id)
    if play.map["TOKEN"]["issuer"]["type"] == "test.fake.reset":
        world.ended_by_others.add(world.issue("reset by hand").id)
    world.clock.pass_(minutes=5)


@pytest.mark.parametrize("kind", ["reset", "replaced"])
def test_a_cut_over_to_one_that_has_ended_is_followed_by_a_new_cut_over(ready: Callable[..., Play], kind: str) -> None:
    play = ready(kind)
    play.world.fail("write", DOWN, "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    die(play)
    assert not play.rotate()["failed"], play.output
    assert "another takes its place, in a new cut-over" in play.output
    assert_at_rest(play)


@pytest.mark.parametrize("kind", ["shown", "chosen", "unlisted", "queued", "mute"])
def test_where_nothing_but_a_refusal_tells_a_person_does(ready: Callable[..., Play], kind: str) -> None:
    play = ready(kind)
    play.world.fail("test", CheckFailedError("no"), times=99)
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.mend()
    die(play)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    play.world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


def test_a_failed_check_names_the_way_past_a_new_one_of_which_nobody_can_tell_whether_it_lives(
    ready: Callable[..., Play],
) -> None:
    play = ready("mute")
    play.world.fail("test", CheckFailedError("no"), times=99)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert f"does not say that it lives:  ansible-playbook rotate.yml {FORCE}" in play.output
    play.world.mend()
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.world.counted("mint") == 2


@pytest.mark.parametrize("before", ["nothing", "one that was given up"])
def test_forced_run_resumes_what_nobody_calls_dead(ready: Callable[..., Play], before: str) -> None:
    """A run is killed in a check, and the very same command is given again."""
    play = ready("mute")
    if before != "nothing":
        play.world.fail("test", CheckFailedError("no"), times=99)
        assert play.rotate("TOKEN", force=True)["failed"]
        play.world.mend()
    play.world.fail("test", Killed())
    with pytest.raises(Killed):
        play.rotate("TOKEN", force=True)
    minted = play.world.counted("mint")
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.world.counted("mint") == minted


@pytest.mark.parametrize("checked", [True, False])
def test_failed_reload_counts_against_a_new_one_without_checks(ready: Callable[..., Play], checked: bool) -> None:
    play = ready("mute")
    if not checked:
        steps = play.map["TOKEN"]["rollout"]
        play.map["TOKEN"] |= {"rollout": [{**step, "verify": []} for step in steps], "revoke": {"accept": "life"}}
    play.world.services["ci"].breaks_at = 0
    assert play.rotate("TOKEN", force=True)["failed"]
    assert ("does not say that it lives" in play.output) is not checked, play.output
    play.world.services["ci"].breaks_at = None
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.world.counted("mint") == (1 if checked else 2)


@pytest.mark.parametrize("which", ["new", "in use"])
def test_the_identity_of_one_that_is_dead_is_given_anew_and_never_revoked(
    ready: Callable[..., Play], which: str
) -> None:
    play = ready("roles")
    if which == "new":
        play.world.fail("write", DOWN, "ci")
        assert play.rotate("TOKEN", force=True)["failed"]
        die(play)
    else:
        current = play.state("TOKEN").current
        assert current
        value = play.ledger().unseal(current).fields["token"].reveal()
        play.world.end(next(one.id for one in play.world.issued.values() if one.value == value))
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)
