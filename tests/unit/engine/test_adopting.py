# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Existing values come under management as they are: nothing is rotated, and no age is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError, UnavailableError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Origin, Proof
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import Issued, World

MakePlay = Callable[..., Play]


@pytest.fixture
def in_use(world: World) -> Issued:
    [made] = world.issued.values()
    world.named.add(made.id)
    return made


def windows(make_play: MakePlay, world: World) -> Play:
    """Two copies that show fingerprints."""
    steps = [{"name": box, "copies": [{"store": "window", "box": box}]} for box in ("app", "ci")]
    there = {name: {"type": f"test.fake.{name}", "world": world.name} for name in ("cloud", "window")}
    return make_play(secret_map={"TOKEN": token_map(rollout=steps, revoke={"accept": "life"})}, connections=there)


def test_value_is_adopted_as_it_is(play: Play, world: World, in_use: Issued) -> None:
    world.clock.pass_(days=30)
    assert play.adopt("TOKEN", adopt={"TOKEN": in_use.id})["changed"]
    assert world.mutations == []
    current = play.state("TOKEN").current
    assert current
    assert (current.origin, current.provider_id, current.minted_at) == (Origin.ADOPTED, in_use.id, in_use.created_at)
    assert {mark.credential for mark in play.state("TOKEN").holdings.values()} == {current.id}
    assert f"ADOPTED  TOKEN   made by hand ({in_use.id}), created 2026-11-01 00:00:00Z; nothing was rot" in play.output
    (row,) = play.status()["secrets"]
    assert (row["age"], row["credentials"][0]["origin"]) == (30 * 86400, "adopted")
    assert not play.plan()["go"]


def test_copy_of_a_lost_ledger_is_adopted_by_the_run_that_rotates(play: Play, world: World, in_use: Issued) -> None:
    world.stamps["app"] = "7f3a0000"
    with pytest.raises(RotorError, match=r"another ledger, .* rotate_adopt and -e rotate_forget=cloud:app"):
        play.adopt("TOKEN", adopt={"TOKEN": in_use.id})
    result = play.rotate("TOKEN", adopt={"TOKEN": in_use.id}, forget=("cloud:app",), force=True)
    assert not result["failed"], play.output


def test_adopted_credential_is_rotated_and_revoked_like_any_other(play: Play, world: World, in_use: Issued) -> None:
    play.adopt("TOKEN", adopt={"TOKEN": in_use.id})
    assert not play.rotate("TOKEN")["failed"], play.output
    assert [row.proof for row in play.state("TOKEN").credentials] == [Proof.PROVIDER, None]


def test_what_its_provider_gives_no_name_is_called_by_its_id(play: Play, world: World, in_use: Issued) -> None:
    world.issued[in_use.id] = replace(in_use, name="")
    play.adopt("TOKEN", adopt={"TOKEN": in_use.id})
    assert f"ADOPTED  TOKEN   {in_use.id}, created" in play.output


def test_age_that_nobody_knows_is_unknown_and_never_zero(play: Play, world: World) -> None:
    play.adopt("TOKEN")
    world.clock.pass_(days=1)
    (row,) = play.status()["secrets"]
    assert row["age"] is None
    assert "of unknown age, adopted, never rotated by this ledger" in play.output


def test_credential_without_an_id_is_ended_by_a_person(play: Play, world: World, in_use: Issued) -> None:
    play.adopt("TOKEN")
    assert play.rotate("TOKEN")["counts"] == {"awaiting": 1}
    assert "a person ends adopted at its provider: its id is not known here" in play.output
    assert not in_use.revoked
    world.end(in_use.id)
    assert play.attest()["changed"]
    assert not play.rotate()["go"]


def test_id_in_the_map_is_the_one_in_use(make_play: MakePlay, in_use: Issued) -> None:
    issuer = {"type": "test.fake.token", "connection": "cloud", "current_id": in_use.id}
    play = make_play(secret_map={"TOKEN": token_map(issuer=issuer)})
    assert play.adopt("TOKEN")["changed"]
    current = play.state("TOKEN").current
    assert current
    assert (current.provider_id, current.minted_at) == (in_use.id, in_use.created_at)


def test_evidence_has_fingerprints_where_values_can_be_read(make_play: MakePlay, world: World, in_use: Issued) -> None:
    play = windows(make_play, world)
    play.adopt("TOKEN")
    shown = {mark.evidence["keys"]["TOKEN"]["fingerprint"] for mark in play.state("TOKEN").holdings.values()}
    assert shown == {play.ledger().fingerprints(SecretValue(in_use.value))}
    world.put("ci", {"TOKEN": world.issue("another").value})
    assert play.status(fail_on=["drifted"])["failed"]


def test_evidence_is_what_a_write_only_copy_shows(play: Play, world: World) -> None:
    play.adopt("TOKEN")
    marks = play.state("TOKEN").holdings
    assert {mark.evidence["keys"]["TOKEN"] for mark in marks.values()} == {
        world.containers[box]["TOKEN"][1] for box in ("app", "ci")
    }


def test_provider_that_lists_no_date_leaves_the_age_unknown(play: Play, world: World, in_use: Issued) -> None:
    in_use.created_at = None  # type: ignore[assignment]
    play.adopt("TOKEN", adopt={"TOKEN": in_use.id})
    (row,) = play.status()["secrets"]
    assert (row["age"], row["due_at"], row["conditions"]) == (None, None, ["unknown"])


@pytest.mark.parametrize("current_id", ["", "key-7"])
def test_value_of_a_person_is_adopted_and_replaced_by_a_deposit(
    make_play: MakePlay, world: World, in_use: Issued, current_id: str
) -> None:
    issuer = {"type": "test.fake.untold", "connection": "cloud", **({"current_id": current_id} if current_id else {})}
    play = make_play(secret_map={"TOKEN": token_map(issuer=issuer, retain="current")})
    assert play.adopt("TOKEN")["changed"]
    assert world.mutations == []
    old = play.state("TOKEN").current
    assert old
    assert (old.provider_id, old.minted_at) == (current_id or None, None)
    play.deposit(world.issue("by hand", engine=True).value)
    assert play.rotate()["counts"] == {"awaiting": 1}, play.output
    world.end(in_use.id)
    assert play.attest()["changed"]
    assert [row.proof for row in play.state("TOKEN").credentials] == [Proof.ATTESTED, None]


def test_rotation_takes_a_persons_word_for_what_nobody_lists(make_play: MakePlay, world: World) -> None:
    """Named in the map, and not adopted before."""
    issuer = {"type": "test.fake.untold", "connection": "cloud", "current_id": "key-7"}
    play = make_play(secret_map={"TOKEN": token_map(issuer=issuer)})
    assert play.deposit(world.issue("by hand", engine=True).value)["changed"], play.output
    old, new = play.state("TOKEN").credentials
    assert (old.provider_id, old.origin, new.origin) == ("key-7", Origin.ADOPTED, Origin.MINTED)


def test_change_after_adopting_is_noticed(play: Play, world: World, in_use: Issued) -> None:
    play.adopt("TOKEN", adopt={"TOKEN": in_use.id})
    world.put("app", {"TOKEN": in_use.value})
    assert play.plan("TOKEN")["failed"]
    assert "box app was changed by somebody else" in play.output


def test_copies_that_show_different_values_are_not_adopted(make_play: MakePlay, world: World, in_use: Issued) -> None:
    play = windows(make_play, world)
    world.put("ci", {"TOKEN": world.issue("another").value})
    with pytest.raises(RotorError, match="box ci does not hold in TOKEN what box app holds"):
        play.adopt("TOKEN")
    world.put("ci", {"TOKEN": in_use.value})
    assert play.adopt("TOKEN")["changed"]


def test_everything_in_the_way_is_said_at_once_and_nothing_kept(play: Play, world: World) -> None:
    world.containers["app"].clear()
    world.fail("observe", UnavailableError("no answer"), "ci")
    said = "TOKEN: the credential 7, .* is not listed as valid .*; TOKEN: box app has no TOKEN.*; TOKEN: no answer"
    with pytest.raises(RotorError, match=said):
        play.adopt("TOKEN", adopt={"TOKEN": "7"})
    assert play.state("TOKEN").credentials == ()


@pytest.mark.parametrize("options", [{}, {"adopt": {"TOKEN": "7"}}])
def test_what_the_ledger_knows_is_not_adopted(play: Play, options: dict[str, Any]) -> None:
    assert not play.rotate("TOKEN")["failed"]
    before = play.state("TOKEN")
    with pytest.raises(RotorError, match="this ledger knows it already, as rotor-"):
        play.adopt("TOKEN", **options)
    assert play.state("TOKEN") == before


def test_check_keeps_nothing(play: Play) -> None:
    assert play.adopt("TOKEN", check=True)["changed"]
    assert play.state("TOKEN").credentials == ()
    assert "ADOPTED  TOKEN" in play.output
