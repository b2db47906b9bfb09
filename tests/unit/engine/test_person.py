# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a person makes: awaited, deposited, rolled out like any other, and their end seen or attested."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError, UnavailableError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.selection import RunOptions
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind, Proof
from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import BOXES, done
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.test_kill import killed_at
from tests.unit.engine.world import WORLDS, Issued, World

STRIDE = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 7
AWAITED = "console.test, Keys: press New"
DEPOSIT = "ansible-playbook rotor.secrets.deposit -e deposit_secret=TOKEN"
ATTEST = "ansible-playbook rotor.secrets.attest -e attest_secret=TOKEN"
ASKED = RunOptions(only=("TOKEN",))
PAIRED = [{"copies": [{"store": "cloud", "box": "pair", "keys": {"ID": "${id}", "BOTH": "${id}:${secret}"}}]}]
MakePlay = Callable[..., Play]


def by_hand(kind: str = "handmade", **more: Any) -> dict[str, Any]:
    issuer = {"type": f"test.fake.{kind}", "connection": "cloud"}
    return token_map(**{"issuer": issuer, "retain": "current", "max_age": "90d", **more})


@pytest.fixture
def make(make_play: MakePlay) -> MakePlay:
    return lambda kind="handmade", **more: make_play(secret_map={"TOKEN": by_hand(kind, **more)})


@pytest.fixture
def play(make: MakePlay) -> Play:
    """Two services run on a key that a person made, and that this ledger has rolled out."""
    return rolled_out(make())


def nobody(_handwork: Any, _fields: Any) -> Any:
    pytest.fail("a person was asked for a value")


def press_new(play: Play) -> Issued:
    """A person makes a key; to this ledger it is one of its own once it is deposited."""
    return play.world.issue("by hand", engine=True)


def rolled_out(play: Play) -> Play:
    assert play.deposit(press_new(play).value)["changed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    play.world.clock.pass_(days=91)
    play.world.log.clear()
    play.lines.clear()
    return play


def end_all_but(play: Play, kept: Issued) -> None:
    """A person ends whatever else is alive."""
    for one in play.world.alive:
        if one.value != kept.value:
            play.world.end(one.id)


def assert_holds(play: Play, value: str) -> None:
    for box in BOXES:
        assert play.world.values_in(box) == {value}
        assert play.world.containers[box]["TOKEN"][0] == value
    assert not any(one.value in play.output for one in play.world.issued.values())


# The wait


def test_plan_says_where_the_value_is_made_and_how_it_comes(play: Play) -> None:
    plan = play.plan()
    assert (plan["failed"], plan["secrets"][0]["mints"]) == (False, False)
    assert f"await   a value that a person makes: {AWAITED}; then: {DEPOSIT}" in play.output
    assert "a person does it; best proof possible: refused" in play.output
    assert play.world.mutations == []


def test_run_ends_green_and_others_go_on(make_play: MakePlay, world: World) -> None:
    world.put("other", {})
    one = by_hand(rollout=[{"copies": [{"store": "cloud", "box": "other"}]}])
    del one["max_age"]
    one |= {"revoke": {"accept": "life"}}
    play = make_play(secret_map={"KEY": one, "TOKEN": token_map()})
    result = play.rotate("KEY", "TOKEN")
    assert (result["failed"], result["counts"]) == (False, {"awaiting": 1, "done": 1})
    assert f"AWAITING  KEY: a value that a person makes: {AWAITED}\n" in play.output
    assert f"  then:     {DEPOSIT.replace('TOKEN', 'KEY')}\n" in play.output
    assert "HELD" not in play.output


def test_status_is_red_only_if_asked_to_be(play: Play) -> None:
    assert not play.status()["failed"]
    result = play.status(fail_on=["awaiting_value"])
    assert result["failed"]
    assert "awaiting_value" in result["secrets"][0]["conditions"]
    assert "TOKEN   overdue, awaiting value: " in play.output
    assert play.deposit(press_new(play).value)["changed"]
    assert not play.status(fail_on=["awaiting_value"])["failed"]


# The value


def test_deposited_value_is_rolled_out_and_its_end_seen(play: Play, world: World) -> None:
    new = press_new(play)
    old = play.state("TOKEN").current
    assert old
    assert play.deposit(new.value)["changed"]
    assert "DEPOSITED  TOKEN   rotor-" in play.output
    assert world.mutations == []
    result = play.rotate()
    assert (result["failed"], result["counts"]) == (False, {"awaiting": 1})
    assert_holds(play, new.value)
    assert f"a person ends {old.name}: console.test, Keys: press Delete" in play.output
    assert f"  then:     {ATTEST}" in play.output
    assert play.state("TOKEN").hold is None

    end_all_but(play, new)
    assert not play.rotate()["failed"]
    assert [row.proof for row in play.state("TOKEN").credentials] == [Proof.REFUSED, None]
    assert not play.rotate()["go"]


def test_value_comes_although_the_secret_is_not_due(make: MakePlay, world: World) -> None:
    play = rolled_out(make(max_age="1000d"))
    assert not play.plan()["go"]
    new = press_new(play)
    play.deposit(new.value)
    assert not play.rotate()["failed"]
    assert_holds(play, new.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("else", "it does not fit the pattern"),
        ("value-x\n", "it begins or ends with a blank or a line end"),
        (" value-x", "it begins or ends with a blank or a line end"),
        ("value-x\nvalue-y", "it has several lines"),
        ("value-never-issued", "its provider refuses it"),
    ],
)
def test_value_that_is_none_is_refused_and_nothing_kept(play: Play, world: World, value: str, said: str) -> None:
    one = world.issue("ended")
    one.value, one.revoked = "value-never-issued", True
    before = play.state("TOKEN")
    with pytest.raises(RotorError, match=said) as raised:
        play.deposit(value)
    assert play.state("TOKEN") == before
    assert world.mutations == []
    assert value not in str(raised.value)
    assert play.deposit(press_new(play).value)["changed"]


def test_old_value_is_refused_whoever_knows_it(play: Play, make: MakePlay, world: World) -> None:
    current = play.state("TOKEN").current
    assert current
    with pytest.raises(RotorError, match=f"it is that of {current.name}"):
        play.deposit(play.ledger().unseal(current).fields["token"].reveal())


def test_value_that_a_copy_shows_is_refused_by_a_ledger_that_knows_nothing(make_play: MakePlay, world: World) -> None:
    entry = by_hand(rollout=[{"copies": [{"store": "window", "box": "app"}]}], revoke={"accept": "life"})
    there = {name: {"type": f"test.fake.{name}", "world": world.name} for name in ("cloud", "window")}
    play = make_play(secret_map={"TOKEN": entry}, connections=there)
    with pytest.raises(RotorError, match="it is in box app already"):
        play.deposit(world.containers["app"]["TOKEN"][0])
    assert play.deposit(press_new(play).value)["changed"]


def test_value_that_lies_in_a_store_is_read_there(make_play: MakePlay, world: World) -> None:
    there = {name: {"type": f"test.fake.{name}", "world": world.name} for name in ("cloud", "window")}
    session = make_play(connections=there).session()
    world.put("inbox", {"NEW": "value-of-a-person"})
    assert session.stored({"store": "window", "box": "inbox"}, ["NEW"]) == (
        [SecretValue("value-of-a-person")],
        "box inbox: NEW",
    )
    world.put("inbox", {"ID": "value-of-another"})
    values, where = session.stored({"store": "window", "box": "inbox"}, ["ID", "NEW"])
    assert ([value.reveal() for value in values], where) == (
        ["value-of-another", "value-of-a-person"],
        "box inbox: ID, NEW",
    )
    with pytest.raises(RotorError, match="box inbox has no OTHER"):
        session.stored({"store": "window", "box": "inbox"}, ["NEW", "OTHER"])
    with pytest.raises(RotorError, match="no value is read from box inbox"):
        session.stored({"store": "cloud", "box": "inbox"}, ["NEW"])
    with pytest.raises(RotorError, match=r"deposit_from\.store: there is no such connection"):
        session.stored({"store": "cellar", "box": "inbox"}, ["NEW"])
    for keys in (["NEW"], ["ID", "NEW"]):
        with pytest.raises(RotorError, match="missing option box"):
            session.stored({"store": "window"}, keys)


def test_value_of_several_fields_is_deposited_and_judged_by_field(make: MakePlay, world: World) -> None:
    world.put("pair", {})
    play = make("handpair", revoke={"accept": "life"}, rollout=PAIRED)
    with pytest.raises(
        RotorError, match=r"not taken: id: it does not fit the pattern .*; secret: it has several lines"
    ):
        play.deposit_fields({"id": "else", "secret": "a\nb"})
    assert play.state("TOKEN").pending is None
    assert play.deposit_fields({"id": "id-1", "secret": "value-x"})["changed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    kept = {key: value for key, (value, _at) in world.containers["pair"].items()}
    assert kept == {
        "ID": "id-1",
        "BOTH": "id-1:value-x",
    }
    with pytest.raises(RotorError, match="it is that of rotor-"):
        play.deposit_fields({"id": "id-1", "secret": "value-x"})


def test_everything_wrong_with_a_value_is_said_at_once(play: Play) -> None:
    with pytest.raises(RotorError, match="a blank or a line end; it has several lines; it does not fit the pattern"):
        play.deposit(" a\nb ")


def test_provider_that_cannot_be_asked_keeps_nothing(play: Play, world: World) -> None:
    new = press_new(play)
    world.fail("show", UnavailableError("no answer"), times=9)
    with pytest.raises(RotorError, match="no answer"):
        play.deposit(new.value)
    assert not play.state("TOKEN").pending
    world.mend()
    assert play.deposit(new.value)["changed"]


def test_second_value_is_refused_before_anybody_is_asked(play: Play) -> None:
    play.deposit(press_new(play).value)
    with pytest.raises(RotorError, match="has a new value already"):
        play.session().deposit(ASKED, nobody, check=False)


def test_value_that_came_while_another_was_typed_is_the_one(play: Play) -> None:
    first, second = press_new(play), press_new(play)

    def typed(_handwork: Any, _fields: Any) -> dict[str, SecretValue]:
        play.deposit(first.value)
        return {"token": SecretValue(second.value)}

    with pytest.raises(RotorError, match="has a new value already"):
        play.session().deposit(ASKED, typed, check=False)
    assert not play.rotate()["failed"]
    assert_holds(play, first.value)


def test_nobody_is_asked_where_something_stands_in_the_way(play: Play, world: World) -> None:
    world.put("app", {"TOKEN": "changed by hand"})
    result = play.session().deposit(ASKED, nobody, check=False)
    assert result["failed"]
    assert "was changed by somebody else" in play.output
    world.put("app", {"TOKEN": world.containers["ci"]["TOKEN"][0]})
    world.violations.clear()


def test_check_asks_nobody_and_keeps_nothing(play: Play) -> None:
    before = play.state("TOKEN")
    result = play.session().deposit(ASKED, nobody, check=True)
    assert result["changed"]
    assert play.state("TOKEN") == before


def test_value_of_a_provider_comes_from_no_person(make_play: MakePlay) -> None:
    with pytest.raises(RotorError, match="no person makes the value of TOKEN"):
        make_play().deposit("value-x")


def test_value_comes_over_the_copy_of_a_lost_ledger_that_is_forgotten(make: MakePlay, world: World) -> None:
    play, forget = make(), ("cloud:app",)
    world.stamps["app"] = "7f3a0000"
    assert play.deposit(press_new(play).value)["failed"]
    assert play.deposit(press_new(play).value, forget=forget)["changed"]
    assert "go on:    ansible-playbook rotate.yml -e rotate_only=TOKEN -e rotate_forget=cloud:app" in play.output
    assert not play.rotate("TOKEN", forget=forget)["failed"], play.output


def test_misspelt_secret_is_told_in_the_variable_of_the_playbook(play: Play) -> None:
    asked = RunOptions(only=("TOKNE",))
    with pytest.raises(RotorError, match=r"deposit_secret: there is no secret TOKNE in secret_map\. .*mean TOKEN"):
        play.session().deposit(asked, nobody, check=False)
    with pytest.raises(RotorError, match=r"attest_secret: there is no secret TOKNE in secret_map\. .*mean TOKEN"):
        play.session().attest(asked, "", check=False)


def test_guard_is_asked_for_a_value_too(make: MakePlay) -> None:
    play = make(guard={"reason": "everybody signs in with it"})
    assert play.deposit(press_new(play).value)["failed"]
    assert "it is guarded" in play.output
    assert play.deposit(press_new(play).value, confirm=("TOKEN",))["changed"]


def test_deposited_value_is_taken_back(play: Play, world: World) -> None:
    old = next(iter(world.values_in("app")))
    world.services["ci"].breaks_at = 1
    play.deposit(press_new(play).value)
    assert play.rotate()["failed"]
    world.services["ci"].breaks_at = None
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert_holds(play, old)


def test_key_that_is_listed_is_known_by_its_id_and_ended_by_a_call(make: MakePlay, world: World) -> None:
    play = rolled_out(make("handlisted"))
    new = press_new(play)
    play.deposit(new.value)
    assert not play.rotate()["failed"], play.output
    assert_holds(play, new.value)
    states = [(row.provider_id, row.proof) for row in play.state("TOKEN").credentials]
    assert states == [(states[0][0], Proof.REFUSED), (new.id, None)]
    assert done(play)[-3:] == ["revoke", "test app", "test ci"]
    with pytest.raises(RotorError, match="no key of the account is this value"):
        play.deposit("value-elsewhere")


# A person's word


def test_word_of_a_person_ends_what_nobody_can_ask(make: MakePlay, world: World) -> None:
    play = rolled_out(make("untold"))
    play.deposit(press_new(play).value)
    assert play.rotate()["counts"] == {"awaiting": 1}
    assert play.attest(reason="deleted it")["changed"]
    assert [row.proof for row in play.state("TOKEN").credentials] == [Proof.ATTESTED, None]
    assert "has ended, by the word of a test; proof: attested" in play.output
    assert not play.rotate()["go"]
    play.session().verify("", "TOKEN")
    assert "retired" in play.output
    assert "by a test; reason: deleted it" in play.output


def test_word_counts_only_when_nobody_has_it(play: Play, world: World) -> None:
    with pytest.raises(RotorError, match="no such credential of TOKEN"):
        play.attest()
    world.services["ci"].breaks_at = 1
    play.deposit(press_new(play).value)
    assert play.rotate()["failed"]
    with pytest.raises(RotorError, match="ci runs on it; ci does not run on "):
        play.attest()
    world.services["ci"].breaks_at = None
    assert not play.rotate()["failed"]
    with pytest.raises(RotorError, match="its provider says that it lives"):
        play.attest()
    with pytest.raises(RotorError, match="no such credential"):
        play.attest("another")


def test_word_is_not_kept_in_check_mode(make: MakePlay) -> None:
    play = rolled_out(make("untold"))
    play.deposit(press_new(play).value)
    play.rotate()
    before = play.state("TOKEN")
    assert play.attest(check=True)["changed"]
    assert play.state("TOKEN") == before


# Killed


@pytest.mark.no_cover
@pytest.mark.parametrize("when", ["before", "after"])
def test_deposit_and_rotation_killed_anywhere_are_finished_by_the_next(tmp_path: Path, when: str) -> None:
    with quick_runs():
        world = World(f"hand-{when}")
        old = world.issue("before this ledger")
        for box in BOXES:
            world.put(box, {"TOKEN": old.value})
            world.serve(box, [box])
        first = rolled_out(Play(world, tmp_path, {"TOKEN": by_hand()}, consumers={box: machines(box) for box in BOXES}))
        for point in itertools.count(1 if when == "before" else 2, STRIDE):
            play = first.clone(f"hand-{when}-{point}", tmp_path / str(point))
            new = press_new(play)

            def whole(play: Play = play, new: Issued = new) -> None:
                play.deposit(new.value)
                play.rotate()

            killed = killed_at(play, point, when, whole)
            if killed:
                if len(play.state("TOKEN").credentials) == 1:
                    play.deposit(new.value)
                assert not play.rotate()["failed"], play.output
            assert_holds(play, new.value)
            assert play.state("TOKEN").intent(ActionKind.MINT) is None
            assert len([row for row in play.state("TOKEN").credentials if row.alive]) == 2, "a person ends the old one"
            end_all_but(play, new)
            assert not play.rotate()["failed"], play.output
            assert [row.proof for row in play.state("TOKEN").credentials] == [Proof.REFUSED, None]
            assert not play.world.violations
            del WORLDS[play.world.name]
            if not killed:
                assert point > 20, "the sweep has met every call and commit"
                break
        del WORLDS[world.name]
