# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong with a call, once or from then on: the message helps, and the next run makes it right.

The rotation is the two-place Fly one, with the real providers in front of the stand-in world; only its clock does not
wait. With ROTOR_FAULTS=1 every call is tried; with 7, every seventh; without, each kind of fault has one.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.visitor import Visitor
from tests.unit.providers.dotenv.local_host import LocalHost

from . import tally, wire
from .player import Player
from .scenes import Servers, TwoPlaces
from .wire import Call, HurriedClock, Line, Stranger

STEP = int(os.environ.get("ROTOR_FAULTS", "0"))
HELD = re.compile(r"HELD|cannot go on|not begun|nothing was changed", re.IGNORECASE)
FORGET = re.compile(r"rotate_forget='([^']+)'")
NEVER = ("Traceback", "unexpected ", "Something went wrong", "<html")
"""An error that nobody foresaw, and what the world's wrong answers have in their bodies."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    running = Stranger()
    yield running
    running.stop()


@dataclass
class Rotation:
    """The same rotation again and again, each run with a session of its own."""

    scene: TwoPlaces
    line: Line
    lines: list[str] = field(default_factory=list)

    def run(self, **wishes: Any) -> Mapping[str, Any]:
        self.lines.clear()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.scene.desk.environment.items():
                patch.setenv(name, value)
            player = Player(self.scene.variables, HurriedClock, self.lines.append, LocalHost())
            return player.rotate(only=self.scene.secrets, **wishes)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def rotation(fresh: Visitor) -> Iterator[Rotation]:
    line = Line()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, wire.impatient(line, fresh.url):
        yield Rotation(_scene(fresh, Path(folder) / "0"), line)


def _scene(world: Visitor, home: Path) -> TwoPlaces:
    scene = TwoPlaces(world, home, Servers())
    world.tell("switch", lease_second=0.001)  # the clock here takes nearly no time for two minutes
    return scene


def anew(rotation: Rotation, number: int) -> None:
    world, home = rotation.scene.world, rotation.scene.desk.home.with_name(str(number))
    world.tell("reset")
    rotation.scene = _scene(world, home)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("kind", wire.KINDS)
def test_a_call_that_goes_wrong_is_put_right_by_the_next_run(
    rotation: Rotation, stranger: Stranger, kind: str, lasting: bool
) -> None:
    assert not rotation.run().get("failed"), rotation.output
    there = wire.calls(rotation.scene.world)
    for number, call in enumerate(_picked(there, kind, lasting), 1):
        anew(rotation, number)
        try:
            _spoilt(rotation, kind, call, lasting, stranger)
        except AssertionError as error:
            error.add_note(f"{kind}{', lasting' if lasting else ''}: {call}\n{rotation.output}")
            raise
        tally.add("faults: two-place Fly token", **{kind: 1})


def _picked(there: list[Call], kind: str, lasting: bool) -> list[Call]:
    way = list(wire.KINDS).index(kind) * 2 + lasting
    return there[way % STEP :: STEP] if STEP else [there[way * 5 % len(there)]]


def _spoilt(rotation: Rotation, kind: str, call: Call, lasting: bool, stranger: Stranger) -> None:
    scene, world = rotation.scene, rotation.scene.world
    wire.inject(world, rotation.line, kind, call, lasting=lasting, elsewhere=stranger.url)
    first = rotation.run()
    wire.mend(world, rotation.line)

    _assert_honest(rotation)
    if first["failed"]:
        assert kind != wire.SLOW, "a slow answer is an answer"
        assert HELD.search(rotation.output), "it does not say what has become of the secret"
    assert stranger.heard == [], "something was sent to the other host"
    lost = set(scene.mints()) - scene.recorded()

    second = rotation.run()
    if kind == "404" and (offered := FORGET.findall(rotation.output)):  # such a lie is the truth of every new secret
        assert "was changed by somebody else" in rotation.output
        second = rotation.run(forget=tuple(offered))
    assert not second.get("failed"), "the next run does not finish it"
    scene.assert_at_rest()
    assert world.violations() == []
    assert len(scene.mints()) <= 1 + len(lost)
    _assert_honest(rotation)

    before = scene.effects()
    assert not rotation.run().get("failed")
    assert scene.effects() == before, "a third run changes something"


def _assert_honest(rotation: Rotation) -> None:
    assert rotation.scene.world.violations() == []
    assert [word for word in NEVER if word in rotation.output] == []
    assert not [value for value in rotation.scene.values() if value in rotation.output], "a value is in the output"
