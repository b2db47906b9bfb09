# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps that people edit in between, and hands that write past the engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from tests.unit.engine.conftest import current_id, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World


def test_a_hand_that_was_faster_is_noticed_and_nothing_is_overwritten(play: Play, world: World) -> None:
    rotate_once(play)
    world.put("ci", {"TOKEN": "fixed at 3 a.m."})
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "changed by somebody else" in play.output
    assert world.mutations == []
    assert world.containers["ci"]["TOKEN"][0] == "fixed at 3 a.m."


def stored_in(play: Play, kind: str) -> Play:
    """The same map, with its copies in a store of another type."""
    steps = [{"name": box, "copies": [{"store": kind, "box": box}]} for box in ("app", "ci")]
    play.map["TOKEN"] = token_map(rollout=steps, revoke={"accept": "life"})
    play.connections[kind] = {"type": f"test.fake.{kind}", "world": play.world.name}
    return play


@pytest.mark.parametrize("kind", ["cloud", "window"])
def test_a_hand_between_plan_and_write_is_noticed_too(play: Play, world: World, kind: str) -> None:
    """By a look right before the write, or by the store as it writes."""
    plan = stored_in(play, kind).plan("TOKEN")
    play.session().advance(plan["run"], Phase.ISSUED)
    world.put("app", {"TOKEN": "fixed at 3 a.m."})
    assert play.session().advance(plan["run"], Phase.ROLLED_OUT)["held"] == ["TOKEN"]
    assert world.containers["app"]["TOKEN"][0] == "fixed at 3 a.m."
    assert "changed by somebody else" in play.output
    assert f"run again with -e rotate_forget={kind}:app" in play.output
    assert not play.rotate("TOKEN", forget=(f"{kind}:app",))["failed"], play.output


@pytest.mark.parametrize(("kind", "looks"), [("cloud", 2), ("window", 0)])
def test_store_that_compares_is_not_looked_at_before_its_write(play: Play, world: World, kind: str, looks: int) -> None:
    plan = stored_in(play, kind).plan("TOKEN")
    before = world.counted("observe")
    play.session().advance(plan["run"], Phase.ISSUED)
    play.session().advance(plan["run"], Phase.ROLLED_OUT)
    assert world.counted("observe") - before == looks


def test_naming_a_secret_is_no_way_to_write_a_key_of_another(play: Play, world: World) -> None:
    rotate_once(play)
    (app, _ci), keys = play.map["TOKEN"]["rollout"], {"TOKEN": "${token}"}
    play.map["OTHER"] = {**play.map["TOKEN"], "rollout": [{**app, "copies": [{**app["copies"][0], "keys": keys}]}]}
    with pytest.raises(MapError, match="writes this key, too"):
        play.rotate("OTHER")
    assert world.mutations == []


@pytest.mark.parametrize("name", ["host", "url", "other"])
def test_key_is_written_anew_where_what_it_derives_was_edited(play: Play, world: World, name: str) -> None:
    derived = {"host": "${token|url}@one.test", "url": "https://${host|raw}/", "other": "${token}"}
    play.map["TOKEN"] |= {"derived": derived, "retain": "current"}
    keys = {"TOKEN": "${token}", "URL": "${url|raw}"}
    play.map["TOKEN"]["rollout"][0]["copies"][0]["keys"] = keys
    rotate_once(play)
    old, at = world.containers["app"]["URL"]
    play.map["TOKEN"]["derived"] = {**derived, name: derived[name].replace("one.test", "two.test") + "?"}
    assert play.plan(check=True)["go"] == (name != "other")
    assert not play.rotate()["failed"], play.output
    value = str(world.containers["app"]["URL"][0])
    assert value.count("?") == (name != "other")
    assert ("two.test" in value) == (name == "host")
    assert (world.containers["app"]["URL"] == (old, at)) == (name == "other")
    assert not play.plan(check=True)["go"]


def test_label_of_two_copies_is_no_name_to_forget(play: Play, world: World) -> None:
    play.connections["us"] = dict(play.connections["cloud"])
    steps = play.map["TOKEN"]["rollout"]
    steps[0]["copies"] = [{"store": name, "box": "app", "keys": {name: "${token}"}} for name in ("cloud", "us")]
    rotate_once(play)
    steps[0]["copies"].pop()  # by mistake
    world.put("app", {"cloud": "fixed at 3 a.m."})
    with pytest.raises(ConfigurationError, match="several are called box app") as refused:
        play.rotate("TOKEN", force=True, forget=("box app",))
    assert refused.value.hint == "Give an id. box app: cloud:app, us:app"
    play.rotate("TOKEN", force=True, forget=("cloud:app",))
    assert "us:app" in play.state("TOKEN").holdings
    assert "is not revoked: box app holds it" in play.output


def grown(play: Play, kind: str) -> Play:
    """After a first rotation the map adds a key, of which a person has put one of that name there."""
    play.world.put("app", {"OTHER": "by hand"})
    assert not stored_in(play, kind).rotate("TOKEN")["failed"], play.output
    play.map["TOKEN"]["rollout"][0]["copies"][0]["keys"] = {"TOKEN": "${token}", "OTHER": "Bearer ${token}"}
    play.world.clock.pass_(days=1)
    play.lines.clear()
    return play


@pytest.mark.parametrize("kind", ["cloud", "window"])
def test_key_that_is_new_to_the_map_and_there_already_is_told_and_overwritten(
    play: Play, world: World, kind: str
) -> None:
    grown(play, kind)
    assert play.status()["secrets"][0]["copies"][0]["now"] == "unchanged"
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert "box app: TOKEN, OTHER (over a value that is not known here and then lost: OTHER)" in play.output
    value = world.issued[current_id(play)].value
    assert {key: held for key, (held, _at) in world.containers["app"].items()} == {
        "TOKEN": value, "OTHER": f"Bearer {value}",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["cloud", "window"])
@pytest.mark.parametrize("key", ["TOKEN", "OTHER"])
def test_hand_that_changes_a_copy_with_a_new_key_after_the_plan_is_noticed(
    play: Play, world: World, kind: str, key: str
) -> None:
    plan = grown(play, kind).plan("TOKEN", force=True)
    play.session().advance(plan["run"], Phase.ISSUED)
    world.put("app", {key: "fixed at 3 a.m."})
    assert play.session().advance(plan["run"], Phase.ROLLED_OUT)["held"] == ["TOKEN"]
    assert play.rotate("TOKEN").get("failed", True), "the next run has not seen it before, either"
    assert world.containers["app"][key][0] == "fixed at 3 a.m."
    assert "changed by somebody else" in play.output
    assert not play.rotate("TOKEN", forget=(f"{kind}:app",))["failed"], play.output


def test_what_a_hand_wrote_is_overwritten_once_it_is_forgotten(play: Play, world: World) -> None:
    rotate_once(play)
    world.put("ci", {"TOKEN": "fixed at 3 a.m."})
    assert not play.rotate("TOKEN", force=True, forget=("cloud:ci",))["failed"], play.output
    assert world.containers["ci"]["TOKEN"][0] == world.issued[current_id(play)].value


def test_forgetting_what_is_not_recorded_says_so(play: Play) -> None:
    play.plan("TOKEN", forget=("cloud:app",))
    assert "nothing recorded of cloud:app" in play.output


@pytest.mark.parametrize("check", [False, True])
def test_forgetting_what_nothing_is_called_is_an_error(play: Play, check: bool) -> None:
    with pytest.raises(ConfigurationError, match="has box ap, cloud:nothing") as refused:
        play.plan("TOKEN", forget=("box ap", "box ci", "cloud:nothing"), check=check)
    assert "box ap: Did you mean box app?" in str(refused.value)


def test_forgetting_by_label_reaches_a_copy_of_an_adopted_credential(play: Play, world: World) -> None:
    old = world.holder_of("app", "TOKEN")
    world.named.add(old)
    play.map["TOKEN"] = {**play.map["TOKEN"], "issuer": {**play.map["TOKEN"]["issuer"], "current_id": old}}
    world.fail("write", UnavailableError("down"), "app")
    play.rotate("TOKEN")
    assert "cloud:app" in play.state("TOKEN").credentials[0].baseline

    play.plan("TOKEN", forget=("box app",))

    assert "cloud:app" not in play.state("TOKEN").credentials[0].baseline
    assert "nothing recorded" not in play.output


def test_a_copy_that_left_the_map_keeps_the_old_credential_alive_until_it_is_forgotten(
    play: Play, world: World
) -> None:
    old = rotate_once(play)
    play.map["TOKEN"] = {**play.map["TOKEN"], "rollout": play.map["TOKEN"]["rollout"][:1]}
    result = play.rotate("TOKEN", force=True)
    assert result["failed"]
    assert "box ci holds it" in play.output
    assert not world.issued[old].revoked
    world.services.pop("ci")
    assert not play.rotate("TOKEN", forget=("cloud:ci", "ci"))["failed"], play.output
    assert world.issued[old].revoked


def test_so_does_one_that_left_after_the_old_credential_was_adopted_and_before_it_was_written(
    play: Play, world: World
) -> None:
    old = world.alive[0].id
    world.named.add(old)
    world.services["app"].breaks_at = 1
    assert play.rotate("TOKEN", adopt={"TOKEN": old})["failed"]
    world.services["app"].breaks_at = None
    play.map["TOKEN"] = {**play.map["TOKEN"], "rollout": play.map["TOKEN"]["rollout"][:1]}
    assert play.rotate("TOKEN")["failed"]
    assert "ci had it when it was adopted, and has left the map" in play.output
    assert "cloud:ci has left the map" in "\n".join(status_lines(play))
    assert not world.issued[old].revoked
    world.services.pop("ci")
    assert not play.rotate("TOKEN", forget=("cloud:ci", "ci"))["failed"], play.output
    assert world.issued[old].revoked


def status_lines(play: Play) -> list[str]:
    play.lines.clear()
    play.status()
    return play.lines


def test_a_copy_that_is_new_in_the_map_gets_the_value_that_is_kept(
    make_play: Callable[..., Play], world: World
) -> None:
    whole = token_map(retain="current")
    play = make_play(secret_map={"TOKEN": {**whole, "rollout": whole["rollout"][:1]}})
    rotate_once(play)
    play.map["TOKEN"] = whole
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 0
    assert world.containers["ci"]["TOKEN"][0] == world.issued[current_id(play)].value


def test_a_copy_that_is_new_in_the_map_needs_a_new_credential_where_no_value_is_kept(play: Play, world: World) -> None:
    whole = play.map["TOKEN"]
    play.map["TOKEN"] = {**whole, "rollout": whole["rollout"][:1]}
    rotate_once(play)
    play.map["TOKEN"] = whole
    assert not play.rotate()["failed"], play.output
    assert world.counted("mint") == 1


def test_a_key_that_is_new_in_a_copy_is_written_before_anything_is_revoked(play: Play, world: World) -> None:
    """The new key may hold the old value already: an edit of the map in the middle of a rotation."""
    old = rotate_once(play)
    world.put("app", {"SPARE": world.issued[old].value})
    world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    world.services["ci"].breaks_at = None
    first, second = play.map["TOKEN"]["rollout"]
    keys = {"TOKEN": "${token}", "SPARE": "${token}"}
    play.map["TOKEN"] = {
        **play.map["TOKEN"],
        "rollout": [{**first, "copies": [{"store": "cloud", "box": "app", "keys": keys}]}, second],
    }
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.containers["app"]["SPARE"][0] == world.issued[current_id(play)].value
    assert world.issued[old].revoked


def take_away_spare(world: World) -> None:
    """A person does, from the copy and from the machines."""
    world.containers["app"].pop("SPARE")
    for machine in world.services["app"].machines:
        machine.pop("app/SPARE", None)


def test_a_key_that_left_a_copy_keeps_the_old_credential_alive_until_it_is_forgotten(
    make_play: Callable[..., Play], world: World
) -> None:
    whole = token_map()
    first, second = whole["rollout"]
    keys = {"TOKEN": "${token}", "SPARE": "${token}"}
    wider = {**first, "copies": [{"store": "cloud", "box": "app", "keys": keys}]}
    play = make_play(secret_map={"TOKEN": {**whole, "rollout": [wider, second]}})
    old = rotate_once(play)
    play.map["TOKEN"] = whole
    assert play.rotate("TOKEN")["failed"]
    assert "box app: SPARE holds it" in play.output
    assert not world.issued[old].revoked
    take_away_spare(world)
    assert not play.rotate("TOKEN", forget=("cloud:app#SPARE",))["failed"], play.output
    assert world.issued[old].revoked


@pytest.fixture
def wider(make_play: Callable[..., Play]) -> Play:
    """A map that gives the token two keys of one copy."""
    whole = token_map()
    first, second = whole["rollout"]
    keys = {"TOKEN": "${token}", "SPARE": "${token}"}
    both = {**first, "copies": [{"store": "cloud", "box": "app", "keys": keys}]}
    return make_play(secret_map={"TOKEN": {**whole, "rollout": [both, second]}})


def test_a_key_that_left_a_copy_keeps_the_old_credential_alive_although_the_copy_is_forgotten(
    wider: Play, world: World
) -> None:
    old = rotate_once(wider)
    wider.map["TOKEN"] = token_map()
    assert wider.rotate("TOKEN", force=True, forget=("cloud:app",))["failed"]
    assert "box app: SPARE holds it" in wider.output
    assert "'rotate_forget=cloud:app#SPARE'" in wider.output
    assert not world.issued[old].revoked


@pytest.mark.parametrize("forget", [(), ("cloud:app",)])
def test_a_key_that_left_a_copy_while_its_write_was_in_doubt_keeps_that_credential_alive(
    wider: Play, world: World, forget: tuple[str, ...]
) -> None:
    world.fail("write", OutcomeUnknownError("no answer"), "app", after=True)
    assert wider.rotate("TOKEN")["failed"]
    doubtful = wider.state("TOKEN").pending
    assert doubtful
    wider.map["TOKEN"] = token_map()
    assert not wider.rotate("TOKEN", forget=forget)["failed"], wider.output
    assert wider.rotate("TOKEN", force=True)["failed"]
    assert "cloud:app#SPARE may hold it: a write got no answer" in wider.output
    assert "'rotate_forget=cloud:app#SPARE'" in wider.output
    assert not world.issued[str(doubtful.provider_id)].revoked
    take_away_spare(world)
    assert not wider.rotate("TOKEN", forget=("cloud:app#SPARE",))["failed"], wider.output
    assert world.issued[str(doubtful.provider_id)].revoked


@pytest.mark.parametrize("forget", [(), ("cloud:app",)])
def test_a_key_that_left_a_copy_with_an_adopted_credential_keeps_it_alive(
    wider: Play, world: World, forget: tuple[str, ...]
) -> None:
    old = next(iter(world.issued.values()))
    world.put("app", {"TOKEN": old.value, "SPARE": old.value})
    wider.map["TOKEN"]["issuer"]["current_id"] = old.id
    world.named.add(old.id)
    world.fail("mint", UnavailableError("down"))
    assert wider.rotate("TOKEN")["failed"]
    wider.map["TOKEN"] = token_map()
    assert wider.rotate("TOKEN", forget=forget)["failed"]
    assert "cloud:app#SPARE had it when it was adopted, and has left the map" in wider.output
    assert "'rotate_forget=cloud:app#SPARE'" in wider.output
    assert not old.revoked
    take_away_spare(world)
    assert not wider.rotate("TOKEN", forget=("cloud:app#SPARE",))["failed"], wider.output
    assert old.revoked


def test_a_key_whose_write_was_in_doubt_and_that_is_back_in_the_map_is_in_nobodys_way(
    wider: Play, world: World
) -> None:
    whole = wider.map["TOKEN"]
    world.fail("write", OutcomeUnknownError("no answer"), "app", after=True)
    assert wider.rotate("TOKEN")["failed"]
    wider.map["TOKEN"] = token_map()
    assert not wider.rotate("TOKEN")["failed"], wider.output
    wider.map["TOKEN"] = whole
    assert not wider.rotate("TOKEN", force=True)["failed"], wider.output
    assert wider.state("TOKEN").intents == ()
