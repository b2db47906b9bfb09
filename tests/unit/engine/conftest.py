# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map that most tests of the engine use: one token in two places, one after the other."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import location as ledgers
from tests.unit.engine.driver import MEMORY, Play, compiled_once
from tests.unit.engine.world import WORLDS, World

_numbers = itertools.count(1)


def token_map(**more: Any) -> dict[str, Any]:
    """A token in the boxes ``app`` and ``ci``; the first proves that it is in use before the second is written."""

    def step(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "copies": [{"store": "cloud", "box": name}],
            "reload": [name],
            "verify": [{"type": "test.fake.selftest", "service": name, "proves": "use"}],
        }

    issuer = {"type": "test.fake.token", "connection": "cloud"}
    return {"issuer": issuer, "rollout": [step("app"), step("ci")], **more}


def machines(service: str) -> dict[str, Any]:
    return {"type": "test.fake.machines", "connection": "cloud", "service": service}


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """Each session opens its ledger anew, and would spend a quarter of its time on compiling the same statements."""
    really_open = ledgers._engine
    with mock.patch.object(ledgers, "_engine", lambda *arguments: compiled_once(really_open(*arguments))):
        yield


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: nobody cuts the power here, and a disk takes its time for each commit."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def world() -> Iterator[World]:
    """Two services that run on a token which nobody here has minted."""
    made = World(f"w{next(_numbers)}")
    old = made.issue("made by hand")
    for name in ("app", "ci"):
        made.put(name, {"TOKEN": old.value})
        made.serve(name, [name])
    yield made
    assert not made.violations, made.violations
    del WORLDS[made.name]


@pytest.fixture
def make_play(world: World, tmp_path: Path) -> Callable[..., Play]:
    def make(**variables: Any) -> Play:
        variables.setdefault("secret_map", {"TOKEN": token_map()})
        variables.setdefault("consumers", {"app": machines("app"), "ci": machines("ci")})
        return Play(world, tmp_path, variables.pop("secret_map"), **variables)

    return make


@pytest.fixture
def play(make_play: Callable[..., Play]) -> Play:
    return make_play()


def current_id(play: Play) -> str:
    current = play.state("TOKEN").current
    assert current
    return str(current.provider_id)


def rotate_once(play: Play) -> str:
    """The first rotation; the id of what it minted."""
    result = play.rotate("TOKEN")
    assert not result["failed"], play.output
    play.world.clock.pass_(days=1)
    play.world.log.clear()
    play.lines.clear()
    return current_id(play)
