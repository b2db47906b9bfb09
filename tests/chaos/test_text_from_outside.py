# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text that a real provider's answer holds is what would take over a terminal, one after the other.

The places are found by noting the answers of a good rotation; no list of them is kept. With ROTOR_SWEEP=all every place
is tried; without, every few.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.selection import RunOptions
from tests.conftest import forget_values
from tests.hostile import HOSTILE, MARK, problems_of
from tests.sandbox.visitor import Visitor
from tests.unit.providers.dotenv.local_host import LocalHost

from . import tally, wire
from .player import Player
from .scenes import Servers, TwoPlaces

STRIDE = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 151
NAME = TwoPlaces.secrets[0]
Found = tuple[list[str], list[Mapping[str, Any]]]
Run = Callable[..., Found]
_FOR_THE_GUARD = (ValueError, TypeError, LookupError, AttributeError)
"""Python's own errors, which no message of ours quotes: they leave through the actions' guard."""


@pytest.fixture
def run(fresh: Visitor) -> Iterator[Run]:
    """Look at everything, in a new home: plan, candidates, rotation, status, and the trail."""
    with tempfile.TemporaryDirectory(prefix="outside-") as folder, pytest.MonkeyPatch.context() as patch:
        homes = iter(range(1_000_000))

        def look(**fault: Any) -> Found:
            forget_values()
            fresh.tell("reset")
            scene = TwoPlaces(fresh, Path(folder) / str(next(homes)), Servers())
            fresh.tell("switch", lease_second=0.001, note_texts=True)
            if fault:
                fresh.tell("faults", times=0, text=HOSTILE, **fault)
            for name, value in scene.desk.environment.items():
                patch.setenv(name, value)
            return _look(scene)

        yield look


def _look(scene: TwoPlaces) -> Found:
    lines: list[str] = []
    results: list[Mapping[str, Any]] = []
    player = Player(scene.variables, wire.HurriedClock, lambda text: lines.extend(text.split("\n")), LocalHost())
    deeds: tuple[Callable[[], Mapping[str, Any]], ...] = (
        lambda: player.act(lambda session: session.plan(RunOptions(only=(NAME,)), check=True)),
        lambda: player.act(lambda session: session.plan(RunOptions(only=(NAME,), adopt={NAME: "unknown"}), check=True)),
        lambda: player.rotate(only=(NAME,)),
        lambda: player.act(lambda session: session.status(RunOptions())),
        lambda: player.act(lambda session: session.verify("", NAME)),
    )
    for deed in deeds:
        with suppress(*_FOR_THE_GUARD):
            results.append(deed())
    return lines, results


def test_no_answer_forges_a_line(run: Run, fresh: Visitor) -> None:
    run()
    places = sorted(set(_noted(fresh)), key=str)
    calls = sorted({call for call, _place in places}, key=str)
    shown = 0
    for call, place in places[::STRIDE]:
        lines, results = run(kind="text", place=place, **call.match)
        assert problems_of(lines, results) == [], f"{call}: {place}"
        shown += any(MARK in line for line in lines)
        tally.add("text from outside: a place in an answer", tried=1)
    assert len(places) > 100
    assert shown or STRIDE > 1
    for call in calls[::STRIDE]:
        lines, results = run(kind="status", status=422, **call.match)
        assert problems_of(lines, results) == [], str(call)
        tally.add("text from outside: a refusal", tried=1)


def test_no_name_in_the_list_of_candidates_forges_a_line(run: Run) -> None:
    lines, results = run(kind="text", provider="fly", place="data.organization.limitedAccessTokens.nodes[].name")
    assert problems_of(lines, results) == []
    assert any(MARK in line and "created" in line for line in lines)


def _noted(world: Visitor) -> Iterator[tuple[wire.Call, str]]:
    requests = world.ask("requests")["requests"]
    for request in requests:
        operation = next(iter(request["operations"]), None)
        call = wire.Call(request["provider"], request["method"], wire.pattern(request["path"]), operation, 0)
        for place in request["texts"]:
            yield call, place
