# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name of the map comes to lead elsewhere: what it led to before is neither forgotten nor asked about in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import OutcomeUnknownError
from tests.unit.engine.conftest import current_id, machines, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Token
from tests.unit.engine.world import WORLDS, World


def account(world: World) -> dict[str, Any]:
    return {"type": "test.fake.cloud", "world": world.name, "url": f"https://{world.name}.example"}


@pytest.fixture
def other(world: World) -> Iterator[World]:
    """Another account, with boxes and services of the same names."""
    made = World(f"{world.name}-other")
    made.clock = world.clock
    old = made.issue("made by hand, too")
    for name in ("app", "ci"):
        made.put(name, {"TOKEN": old.value})
        made.serve(name, [name])
    yield made
    for one in (world, made):  # each knows what is in its own boxes, and takes a line about the other's for untrue
        one.violations = [line for line in one.violations if not line.startswith("said ")]
    assert not made.violations, made.violations
    del WORLDS[made.name]


@pytest.fixture
def play(make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Its issuer has a connection of its own, and takes a key that is not there for one that is gone."""
    really = Token.revoke
    monkeypatch.setattr(Token, "revoke", lambda one, old: really(one, old) if old.id in one.world.issued else None)
    play = make_play(connections={"cloud": account(world), "maker": account(world)})
    play.map["TOKEN"]["issuer"]["connection"] = "maker"
    rotate_once(play)
    return play


def ended(play: Play) -> list[str | None]:
    return [row.provider_id for row in play.state("TOKEN").credentials if not row.alive]


# -- issuers --------------------------------------------------------------------------------------------------------


def test_credential_of_another_account_is_neither_dead_nor_due(play: Play, other: World) -> None:
    play.map["TOKEN"]["retain"] = "current"
    assert not play.rotate("TOKEN", force=True)["failed"]
    play.connections["maker"] = account(other)
    play.lines.clear()
    assert not play.rotate()["go"]
    assert "dead" not in play.output
    play.plan("TOKEN", check=True)
    assert f"through test.fake.cloud url https://{other.name}.example" in play.output


def test_old_credential_of_another_account_waits_for_a_person_to_end_it(play: Play, other: World) -> None:
    old = current_id(play)
    play.connections["maker"] = account(other)
    result = play.rotate("TOKEN", force=True)
    assert not result["failed"], play.output
    assert f"where it was made, by test.fake.token through test.fake.cloud url https://{play.world.name}" in play.output
    assert current_id(play) in other.issued
    assert ended(play) == []
    play.attest(reason="ended there")
    assert ended(play) == [old]


def test_new_credential_of_another_account_is_not_rolled_out_further(play: Play, world: World, other: World) -> None:
    world.fail("write", OutcomeUnknownError("no answer"), "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    new = play.state("TOKEN").pending
    play.connections["maker"] = account(other)
    play.lines.clear()
    assert play.rotate("TOKEN")["failed"]
    assert f"{new and new.name}, the new one, was made by another issuer than the map's" in play.output
    play.rotate("TOKEN", force=True)
    assert ended(play) == []
    assert current_id(play) in other.issued


def test_lost_mint_in_another_account_is_looked_for_by_a_person(play: Play, world: World, other: World) -> None:
    world.fail("mint", OutcomeUnknownError("no answer"), after=True)
    play.rotate("TOKEN", force=True)
    [lost] = play.state("TOKEN").intents
    play.connections["maker"] = account(other)
    play.lines.clear()
    play.rotate("TOKEN")
    assert f"a person looks for {lost.target} where its mint was begun" in play.output
    assert "was never minted" not in play.output
    play.rotate("TOKEN", forget=(lost.target,))
    assert current_id(play) in other.issued


def test_connection_says_that_it_leads_to_the_same_system(play: Play, world: World) -> None:
    before = f"test.fake.cloud url https://{world.name}.example"
    for connection in play.connections.values():
        connection |= {"url": "https://new.example", "formerly": [before]}
    play.lines.clear()
    assert not play.rotate()["go"], play.output
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert len(ended(play)) == 1
    for connection in play.connections.values():
        del connection["formerly"]  # once all that was made there has ended
    assert not play.rotate()["go"], play.output
    assert not play.rotate("TOKEN", force=True)["failed"], play.output


@pytest.mark.parametrize("kind", ["chosen", "reset"])
def test_credential_of_another_type_does_not_end_by_that_types_traits(
    play: Play, world: World, other: World, kind: str
) -> None:
    play.connections["maker"] = account(other)
    play.map["TOKEN"]["issuer"]["type"] = f"test.fake.{kind}"
    play.rotate("TOKEN", force=True)
    assert ended(play) == []
    other.violations.clear()  # its own one ended with that, which its boxes hold
    assert "a person ends" in play.output


def test_value_that_nobody_issued_ends_with_its_last_copy_under_any_issuer(
    make_play: Callable[..., Play], world: World
) -> None:
    issuer = {"type": "test.plain.password", "world": world.name}
    play = make_play(secret_map={"TOKEN": token_map() | {"issuer": issuer}})
    rotate_once(play)
    play.map["TOKEN"]["issuer"] = token_map()["issuer"]
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.state("TOKEN").credentials[0].proof == "gone from every copy"


# -- stores and consumers -------------------------------------------------------------------------------------------


def lead(play: Play, world: World) -> None:
    """Point all but the issuer's connection at another account."""
    play.connections["cloud"] = account(world)


def test_copies_that_a_connection_led_to_before_block_the_revoke(play: Play, world: World, other: World) -> None:
    lead(play, other)
    play.lines.clear()
    assert play.rotate()["failed"]
    assert f"connection cloud led to test.fake.cloud url https://{world.name}.example" in play.output
    assert play.rotate("TOKEN", force=True)["failed"]
    assert ended(play) == []
    assert "cloud:app holds it" not in play.output
    assert not world.broken()
    assert not play.rotate("TOKEN", forget=("cloud:app", "cloud:ci", "app", "ci"))["failed"], play.output
    assert len(ended(play)) == 1
    world.violations.clear()  # a person has said that they no longer have it


def test_copies_that_were_adopted_are_not_taken_for_those_of_another_place(
    make_play: Callable[..., Play], world: World, other: World
) -> None:
    play = make_play(connections={"cloud": account(world), "maker": account(world)})
    play.map["TOKEN"]["issuer"] |= {"connection": "maker", "current_id": next(iter(world.issued))}
    play.adopt("TOKEN")
    lead(play, other)
    play.lines.clear()
    play.rotate()
    assert f"connection cloud led to test.fake.cloud url https://{world.name}.example" in play.output
    assert play.rotate("TOKEN", force=True)["failed"]
    assert ended(play) == []


def test_connection_that_is_put_back_is_what_it_was(play: Play, world: World, other: World) -> None:
    before = account(world)
    lead(play, other)
    play.rotate("TOKEN", force=True)
    play.connections["cloud"] = before
    play.lines.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not world.broken()
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "rotate_forget=cloud@2:app,cloud@2:ci,app@2,ci@2" in play.output
    assert not play.rotate("TOKEN", forget=("cloud@2:app", "cloud@2:ci", "app@2", "ci@2"))["failed"], play.output


def test_address_that_nothing_was_ever_written_to_is_no_place(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(connections={"cloud": account(world) | {"url": "https://typo.example"}})
    world.services["app"].sick = True
    world.fail("write", OutcomeUnknownError("down"))
    world.fail("mint", OutcomeUnknownError("down"))
    assert play.rotate("TOKEN")["failed"]
    world.mend()
    world.services["app"].sick = False
    play.connections["cloud"] = account(world)
    play.map["TOKEN"]["issuer"]["connection"] = "maker"
    play.connections["maker"] = account(world) | {"url": "https://typo.example"}
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "cloud:app" in play.state("TOKEN").holdings


def test_consumer_that_has_become_another_service_leaves_the_one_before(play: Play, world: World) -> None:
    world.serve("app2", ["app"])
    play.consumers["app"] = machines("app2")
    play.map["TOKEN"]["rollout"][0]["verify"][0]["service"] = "app2"
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "app runs on it" in play.output
    assert ended(play) == []
    assert not play.rotate("TOKEN", forget=("app",))["failed"], play.output
    world.violations.clear()  # a person has said that it is gone


# -- what providers say ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["connections", "issuers", "consumers"])
def test_where_something_is_is_said_by_its_options(kind: str) -> None:
    for name in registry.names(kind):
        cls = registry.find(kind, name)
        said = {*cls.where} - {"url"} if kind == "connections" else {*cls.where}
        assert said <= cls.schema.properties.keys(), name


def test_whereabouts_have_no_credential_and_no_default() -> None:
    fly = registry.find("connections", "fly")
    assert fly.whereabouts({"url": fly.schema.properties["url"]["default"]}) == ""
    vault = registry.find("connections", "vault")
    found = vault.whereabouts({"url": "https://user:word@bao.example/", "namespace": "team", "token": {"env": "T"}})
    assert found == "url https://bao.example, namespace team"
