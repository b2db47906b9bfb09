# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule, asked again of the world in the action that revokes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Token
from tests.unit.engine.graces import COPIES, IDS, LABELS, in_grace, play_of, rolled_out, secret
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.world import World

DOWN = UnavailableError("down (status 503)")


@pytest.fixture
def world() -> World:
    return World("recheck")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with quick_runs() as folder:
        yield folder


@pytest.fixture
def play(world: World, tmp_path: Path) -> Play:
    return play_of(world, tmp_path)


def assert_held(play: Play, result: Any, *words: str) -> None:
    assert result["failed"]
    assert [word for word in words if word not in play.output] == []


def revoke(play: Play, run: str) -> Any:
    return play.through(run, Phase.REVOKED)


@pytest.mark.parametrize("retain", ["none", "current"])
def test_a_replacement_that_died_in_the_grace_holds_the_revoke(world: World, tmp_path: Path, retain: str) -> None:
    play = play_of(world, tmp_path, retain=retain)
    old, new = in_grace(play)
    new.revoked = True
    world.clock.pass_(days=2)
    assert_held(play, play.rotate(), "production runs on a dead credential", f"{new.name} is listed as revoked")
    assert not old.revoked

    assert not play.rotate("TOKEN")["failed"], play.output
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


def test_a_replacement_whose_value_is_not_kept_is_looked_up_in_the_list(play: Play, world: World) -> None:
    """As for one that is rolled back to: its value was dropped when its rotation was closed."""
    in_grace(play)
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    world.fail("show", DOWN, times=1000)  # nothing is written
    assert play.rotate("TOKEN", force=True)["failed"]
    world.mend()
    current, pending = (world.issued[str(row.provider_id)] for row in play.state("TOKEN").credentials[-2:])
    current.revoked = True
    assert_held(play, play.rotate("TOKEN", rollback=True), f"{current.name}, which has taken its place, is listed as")
    assert not pending.revoked

    current.revoked = False
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert pending.revoked
    assert not current.revoked


@pytest.mark.parametrize(("state", "word"), [("gone", "is not listed"), ("late", "is listed as expired")])
def test_a_replacement_that_is_listed_no_more_holds_the_revoke(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch, state: str, word: str
) -> None:
    old, new = in_grace(play)
    really = Token.listed
    monkeypatch.setattr(Token, "verify", Issuer.verify)

    def listed(issuer: Token) -> Any:
        found = [one for one in really(issuer) if state == "late" or one.id != new.id]
        return [replace(one, expires_at=world.clock.now()) for one in found]

    monkeypatch.setattr(Token, "listed", listed)
    world.clock.pass_(days=2)
    assert_held(play, play.rotate("TOKEN"), word)
    assert not old.revoked


def test_replacement_that_has_yet_to_expire_by_its_providers_clock_lives(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = in_grace(play)
    monkeypatch.setattr(Token, "verify", Issuer.verify)
    world.clock.pass_(days=2)
    world.ahead = timedelta(minutes=-4)
    new.ends_at = world.clock.now() - timedelta(minutes=1)
    assert not play.rotate("TOKEN", only_revoke=True)["failed"], play.output
    assert old.revoked


@pytest.mark.parametrize("how", ["unclear", "unreachable", "refusing"])
def test_a_provider_that_cannot_be_asked_holds_the_revoke(play: Play, world: World, how: str) -> None:
    old, new = in_grace(play)
    world.clock.pass_(days=2)
    run = rolled_out(play)
    if how == "unclear":
        world.unclear.add(new.id)
    else:
        world.fail("show", DOWN if how == "unreachable" else PermissionDeniedError("no (status 403)"))
    assert revoke(play, run)["failed"]
    assert not old.revoked
    assert "its provider cannot be asked whether what has taken its place lives" in play.output
    assert "rotate_force" not in play.output, "nothing is known to be dead"

    world.unclear.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


def test_a_replacement_ended_right_before_the_revoke_holds_it(play: Play, world: World) -> None:
    """As by somebody during a hook."""
    play.map["TOKEN"]["revoke"]["after"] = "0s"
    play.rotate("TOKEN")
    run = rolled_out(play, force=True)
    old, new = (world.issued[str(row.provider_id)] for row in play.state("TOKEN").credentials)
    new.revoked = True
    assert_held(play, revoke(play, run), "is refused by its provider", "-e rotate_force=true")
    assert not old.revoked


def test_all_copies_that_were_put_back_are_told_at_once(play: Play, world: World) -> None:
    """Put back in a hook: the look before the write is no evidence for the revoke."""
    play.map["TOKEN"]["revoke"]["after"] = "0s"
    play.rotate("TOKEN")
    run = rolled_out(play, force=True)
    old = world.issued[str(play.state("TOKEN").credentials[0].provider_id)]
    for container in COPIES:
        world.put(container, {"TOKEN": old.value})
    said = [f"{label} was changed by somebody else" for label in LABELS.values()]
    assert_held(play, revoke(play, run), *said, f"rotate_forget={','.join(IDS.values())}")
    assert not old.revoked

    assert not play.rotate("TOKEN", forget=tuple(IDS.values()))["failed"], play.output
    assert old.revoked


@pytest.mark.parametrize("container", COPIES)
def test_a_copy_put_back_in_the_grace_keeps_the_old_one_alive(play: Play, world: World, container: str) -> None:
    old, new = in_grace(play)
    world.put(container, {"TOKEN": old.value})
    world.clock.pass_(days=2)
    assert_held(play, play.rotate("TOKEN"), f"{LABELS[container]} was changed by somebody else", IDS[container])
    assert not old.revoked

    world.put(container, {"TOKEN": new.value})
    mended = play.rotate("TOKEN", forget=() if container == "window" else (IDS[container],))
    assert not mended["failed"], play.output
    assert old.revoked
    assert world.alive[-1] is new


@pytest.mark.parametrize("container", COPIES)
def test_a_copy_that_cannot_be_seen_holds_the_revoke(play: Play, world: World, container: str) -> None:
    old, _new = in_grace(play)
    world.clock.pass_(days=2)
    run = rolled_out(play)
    world.fail("execute" if container == "/env" else "observe", DOWN, container)
    assert_held(play, revoke(play, run), "down (status 503)")
    assert not old.revoked
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


def test_a_host_is_looked_at_after_the_write_and_before_the_revoke(play: Play, world: World) -> None:
    play.map["TOKEN"]["revoke"]["after"] = "0s"
    play.rotate("TOKEN")
    world.log.clear()
    play.rotate("TOKEN", force=True)
    done = [what.split()[0] if kind == "execute" else kind for kind, what in world.log]
    assert [one for one in done if one in ("look", "put", "mint", "revoke")] == [
        "look", "mint", "put", "look", "revoke",
    ]  # fmt: skip


def test_no_engine_revokes_without_the_look_at_a_host(play: Play, world: World) -> None:
    """The gate is in the engine: a playbook that leaves out the work on hosts does not get past it."""
    old, _new = in_grace(play)
    world.clock.pass_(days=2)
    run = rolled_out(play)
    for _turn in range(2):
        assert play.advance(run, Phase.REVOKED)["todo"]
    assert not old.revoked


def test_the_plan_names_the_looks_before_the_revoke(play: Play, world: World) -> None:
    in_grace(play)
    world.clock.pass_(days=2)
    play.plan("TOKEN")
    assert f"revoke{' ' * 18}probe   {LABELS['/env']}, on its host" in play.output
    assert world.counted("execute") == 0


def test_a_store_that_shows_nothing_does_not_hold_the_revoke(world: World, tmp_path: Path) -> None:
    play = play_of(world, tmp_path)
    world.put("dark", {})
    play.map["TOKEN"]["copies"] = [{"store": "dark", "box": "dark"}]
    old, _new = in_grace(play)
    world.clock.pass_(days=2)
    run = rolled_out(play)
    world.fail("observe", DOWN, "dark")
    assert revoke(play, run)["failed"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert old.revoked


def of_type(kind: str, world: World, folder: Path) -> Play:
    play = play_of(world, folder)
    play.map["TOKEN"]["issuer"]["type"] = f"test.fake.{kind}"
    return play


def test_an_issuer_that_can_be_asked_nothing_is_named_in_the_plan(world: World, tmp_path: Path) -> None:
    play = of_type("silent", world, tmp_path)
    old, _new = in_grace(play)
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "note: its provider cannot be asked whether a new credential lives" in play.output
    assert old.revoked


def test_an_issuer_that_lists_nothing_is_asked_by_the_value(world: World, tmp_path: Path) -> None:
    play = of_type("listless", world, tmp_path)
    old, new = in_grace(play)
    world.clock.pass_(days=2)
    run = rolled_out(play)
    new.revoked = True
    assert_held(play, revoke(play, run), "is refused by its provider")
    assert not old.revoked


def test_a_rollback_revokes_nothing_while_what_it_went_back_to_is_dead(world: World, tmp_path: Path) -> None:
    play = play_of(world, tmp_path, retain="current")
    in_grace(play)
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    world.fail("write", DOWN, "window")
    assert play.rotate("TOKEN", force=True)["failed"]
    current, pending = (world.issued[str(row.provider_id)] for row in play.state("TOKEN").credentials[-2:])
    run = rolled_out(play, rollback=True)
    current.revoked = True
    assert_held(play, revoke(play, run), f"{pending.name} is not revoked", "is refused by its provider")
    assert not pending.revoked

    current.revoked = False
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert pending.revoked


@pytest.mark.parametrize("container", COPIES)
def test_a_rollback_revokes_nothing_that_a_copy_was_given_since(world: World, tmp_path: Path, container: str) -> None:
    play = play_of(world, tmp_path, retain="current")
    in_grace(play)
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    world.fail("write", DOWN, "window")
    assert play.rotate("TOKEN", force=True)["failed"]
    pending = world.issued[str(play.state("TOKEN").credentials[-1].provider_id)]
    run = rolled_out(play, rollback=True)
    world.put(container, {"TOKEN": pending.value})
    assert_held(play, revoke(play, run), f"{LABELS[container]} was changed by somebody else")
    assert not pending.revoked


def lose_a_mint(play: Play) -> None:
    play.world.fail("mint", OutcomeUnknownError("no answer"), after=True)
    assert play.rotate("TOKEN", force=True)["failed"]


@pytest.mark.parametrize("container", COPIES)
def test_an_orphan_is_revoked_only_while_every_copy_is_as_before_its_mint(
    play: Play, world: World, container: str
) -> None:
    """Else an older state of the ledger may be at hand, and a newer one has given it away."""
    lose_a_mint(play)
    plan = play.plan("TOKEN")
    world.put(container, {"TOKEN": "somebody else's"})
    play.through(plan["run"], Phase.ISSUED)
    assert f"{LABELS[container]} was changed by somebody else" in play.output
    assert world.counted("revoke") == 0


def test_an_orphan_is_revoked_though_the_one_in_use_is_dead(play: Play, world: World) -> None:
    _old, new = in_grace(play)
    lose_a_mint(play)
    new.revoked = True
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert world.counted("revoke") == 1


def test_each_question_is_asked_once_before_a_revoke(play: Play, world: World) -> None:
    play.map["TOKEN"] = secret(revoke={"require": ["unused"]})
    in_grace(play)
    world.clock.pass_(days=2)
    run = rolled_out(play)
    world.log.clear()
    revoke(play, run)
    asked = [kind if kind in ("list", "show") else what for kind, what in world.log]
    before = asked[: [kind for kind, _what in world.log].index("revoke")]
    assert sorted(before) == ["box", "list", "look /env", "show", "window"]
