# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy costs in the ledger, and how often its store is asked; an improvement lowers the limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Look, Options, Store
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import reader
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.run import Engine, Rotation
from tests.costs import ledger_costs
from tests.unit.engine.driver import Play, quick_ledgers
from tests.unit.engine.fake_stores import Shelf
from tests.unit.engine.world import World

FEW, MORE = 2, 20
STATEMENTS = 10
"""Where no thread ever shares a transaction; there were 4 where eight come at a time."""
COMMITS = 2
PARSED = 14
"""Rows of a copy, in a plan and a run: those of the rotation before, and each state of those of this one."""
CALLS = {"observe": 3, "write": 1}


def cost(world: World, play: Play, name: str) -> tuple[int, int, dict[str, int]]:
    """Rotate a secret for the second time, and count."""
    assert not play.rotate(name)["failed"], play.output
    world.log.clear()
    with ledger_costs() as costs:
        assert not play.rotate(name, force=True)["failed"], play.output
    return costs.statements, costs.commits, {kind: world.counted(kind) for kind in CALLS}


@pytest.fixture
def many(world: World, make_play: object) -> Play:
    boxes = {"FEW": [f"few{at}" for at in range(FEW)], "MANY": [f"many{at}" for at in range(FEW + MORE)]}
    for box in (box for all_boxes in boxes.values() for box in all_boxes):
        world.put(box, {})
    issuer = {"type": "test.fake.token", "connection": "cloud"}
    secrets = {
        name: {
            "issuer": issuer,
            "copies": [{"store": "cloud", "box": box} for box in own],
            "revoke": {"accept": "life"},
        }
        for name, own in boxes.items()
    }
    return make_play(secret_map=secrets, consumers={})  # type: ignore[operator]


def test_values_are_fitted_once_for_each_store(many: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def takes_all(container: Options, values: object) -> list[str]:
        asked.append(container["box"])
        return []

    monkeypatch.setattr(Shelf, "reject_values", takes_all)

    assert not many.rotate("MANY")["failed"], many.output

    assert len(asked) == FEW + MORE


def test_copy_costs_few_statements_commits_and_calls(world: World, many: Play) -> None:
    few, more = cost(world, many, "FEW"), cost(world, many, "MANY")

    assert (more[0] - few[0]) / MORE <= STATEMENTS
    assert (more[1] - few[1]) / MORE <= COMMITS
    assert all((more[2][kind] - few[2][kind]) / MORE <= CALLS[kind] for kind in CALLS)


def looks_a_secret(make_play: Any, world: World, number: int, monkeypatch: pytest.MonkeyPatch) -> float:
    """Rotate so many secrets, and count how often the engine asks what one of them may do."""
    looked: list[str] = []
    start = Engine._start

    def counting(engine: Engine, rotation: Rotation, until: Phase) -> None:
        looked.append(rotation.name)
        start(engine, rotation, until)

    monkeypatch.setattr(Engine, "_start", counting)
    names = [f"S{number}_{at}" for at in range(number)]
    for name in names:
        world.put(name, {})
    entries = {
        name: {
            "issuer": {"type": "test.fake.token", "connection": "cloud"},
            "copies": [{"store": "cloud", "box": name}],
            "revoke": {"accept": "life"},
        }
        for name in names
    }
    play = make_play(secret_map=entries, consumers={})
    with quick_ledgers():
        assert not play.rotate(*names)["failed"], play.output
    monkeypatch.undo()
    return len(looked) / number


def test_secret_is_looked_at_as_often_among_many_as_among_few(
    world: World, make_play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = looks_a_secret(make_play, world, 12, monkeypatch)

    assert looks_a_secret(make_play, world, 90, monkeypatch) <= few * 1.2


def test_status_asks_many_systems_at_once_and_lists_a_scope_once(
    world: World, many: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in many.map:
        assert not many.rotate(name)["failed"], many.output
    together, look = Barrier(2), Shelf.observe

    def observe(store: Shelf, *asked: Any) -> Any:
        together.wait(10)  # the other half never comes where one is asked after the other
        return look(store, *asked)

    monkeypatch.setattr(Shelf, "observe", observe)
    world.log.clear()
    many.status()

    assert world.counted("observe") == FEW + FEW + MORE
    assert world.counted("list") == 1


def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the store take up to eight copies at once; return how many each look was about."""
    asked: list[int] = []

    def observe_all(store: Shelf, looks: Sequence[Look]) -> Any:
        asked.append(len(looks))
        return Store.observe_all(store, looks)

    monkeypatch.setattr(Shelf, "looks_at_once", 8)
    monkeypatch.setattr(Shelf, "observe_all", observe_all)
    return asked


@pytest.mark.parametrize("act", ["plan", "status"])
def test_copies_of_one_connection_are_looked_at_together(many: Play, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    assert not many.rotate("MANY")["failed"], many.output
    asked = looks(monkeypatch)
    many.plan("MANY", force=True) if act == "plan" else many.status()
    assert sorted(asked) == [6, 8, 8]


def test_copies_are_looked_at_together_before_a_revoke(many: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not many.rotate("MANY")["failed"], many.output
    run = many.plan("MANY", force=True)["run"]
    asked = looks(monkeypatch)
    assert not many.advance(run, Phase.REVOKED)["failed"], many.output
    assert sorted(asked) == [6, 8, 8]


def test_change_of_one_copy_among_those_looked_at_together_is_told(
    world: World, many: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not many.rotate("MANY")["failed"], many.output
    looks(monkeypatch)
    world.put("many3", {"MANY": "by hand"})
    assert many.plan("MANY", force=True)["failed"]
    assert "many3 was changed by somebody else" in many.output


def noted(counted: list[str], parse: Callable[[Any], Any], row: Any) -> Any:
    counted.append(row["secret"])
    return parse(row)


def parsed(world: World, play: Play, name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Rotate a secret, and count how many rows of its intents and copies become data of the planner."""
    counted: list[str] = []
    with monkeypatch.context() as patched:
        for kind in ("_intent", "_mark"):
            patched.setattr(reader, kind, partial(noted, counted, getattr(reader, kind)))
        assert not play.rotate(name, force=True)["failed"], play.output
    return len(counted)


def test_row_is_parsed_as_often_as_it_changes_and_not_as_it_is_read(
    world: World, many: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [(parsed(world, many, "FEW", monkeypatch), parsed(world, many, "MANY", monkeypatch)) for _turn in range(4)]

    assert turns[3][1] <= turns[2][1] * 1.1
    assert (turns[3][1] - turns[3][0]) / MORE <= PARSED
