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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import forget_values
from tests.integration.conftest import OLD_TOKEN
from tests.integration.facts import is_alive, working
from tests.sandbox import server
from tests.sandbox.visitor import Visitor

from . import faulty, wire
from .faulty import Rotation
from .scenes import Servers, TwoPlaces
from .wire import Call, Line, Stranger

STEP = int(os.environ.get("ROTOR_FAULTS", "0"))


@dataclass
class OnALine(Rotation):
    scene: TwoPlaces
    line: Line = field(default_factory=Line)

    def anew(self, number: int) -> None:
        """The same in a new world, and in a home of its own."""
        world, home = self.scene.world, self.scene.desk.home.with_name(str(number))
        forget_values()
        world.tell("reset")
        self.scene = _scene(world, home)


@pytest.fixture
def rotation(fresh: Visitor) -> Iterator[OnALine]:
    line = Line()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, wire.impatient(line, fresh.url):
        yield OnALine(_scene(fresh, Path(folder) / "0"), line=line)


@pytest.fixture(scope="module")
def there(sandbox: server.Sandbox) -> list[Call]:
    """The calls of a good rotation."""
    world = Visitor(sandbox.url)
    world.tell("reset")
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, wire.impatient(Line(), world.url):
        good = OnALine(_scene(world, Path(folder) / "0"))
        assert not good.run().get("failed"), good.output
        return wire.calls(world)


def _scene(world: Visitor, home: Path) -> TwoPlaces:
    scene = TwoPlaces(world, home, Servers())
    world.tell("switch", lease_second=0.001)  # the clock here takes nearly no time for two minutes
    return scene


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("kind", wire.KINDS)
def test_a_call_that_goes_wrong_is_put_right_by_the_next_run(
    there: list[Call], rotation: OnALine, stranger: Stranger, kind: str, lasting: bool
) -> None:
    for number, call in enumerate(_picked(there, kind, lasting), 1):
        rotation.anew(number)
        try:
            _spoilt(rotation, kind, call, lasting, stranger)
        except AssertionError as error:
            error.add_note(f"{kind}{', lasting' if lasting else ''}: {call}\n{rotation.output}")
            raise
        faulty.count(f"two-place Fly token, a call to {call.provider}", kind)


def _picked(there: list[Call], kind: str, lasting: bool) -> list[Call]:
    way = list(wire.KINDS).index(kind) * 2 + lasting
    if STEP:
        return there[way % STEP :: STEP]
    firsts = sorted((call for call in there if not call.turn), key=str)  # how often a run waits and looks, differs
    return [firsts[way * 5 % len(firsts)]]


def _spoilt(rotation: OnALine, kind: str, call: Call, lasting: bool, stranger: Stranger) -> None:
    scene, world = rotation.scene, rotation.scene.world
    wire.inject(world, rotation.line, kind, call, lasting=lasting, elsewhere=stranger.url)
    untouched = scene.effects()
    first = rotation.run()
    wire.mend(world, rotation.line)

    faulty.assert_honest(rotation)
    assert stranger.heard == [], "something was sent to the other host"
    assert is_alive(world, OLD_TOKEN) or working(world), "the old one was revoked before all had the new one"
    if first["failed"]:
        assert kind != wire.SLOW, "a slow answer is an answer"
        assert lasting or not _is_asked_again(kind, call), "it did not wait and ask again"
        faulty.assert_helpful(rotation, kind)
        assert faulty.NOT_BEGUN not in rotation.output or scene.effects() == untouched
    elif kind == "429 with Retry-After" and _is_asked_again(kind, call) and _was_met(world):
        assert sum(clock.slept for clock in rotation.clocks) >= float(wire.KINDS[kind]["headers"]["Retry-After"])
    lost = set(scene.mints()) - scene.recorded()

    second = rotation.run()
    offered = faulty.offered(rotation)
    if kind == "404" and offered:  # such a lie is the truth of every new secret
        assert re.search("changed by somebody else|somebody else has (?:changed|deleted) it", rotation.output)
        second = rotation.run(forget=offered)
    assert not second.get("failed"), "the next run does not finish it"
    scene.assert_at_rest()
    assert len(scene.mints()) <= 1 + len(lost)
    faulty.assert_honest(rotation)

    before = scene.effects()
    assert not rotation.run().get("failed")
    assert scene.effects() == before, "a third run changes something"


def _is_asked_again(kind: str, call: Call) -> bool:
    """A refusal for the sake of time had no effect; a check of health has a patience of its own.

    A lease is not asked to end twice: it ends by itself.
    """
    return kind.startswith("429") and call.provider in ("fly", "github") and call.method != "DELETE"


def _was_met(world: Visitor) -> bool:
    """How often a run looks at what takes its time differs, and a late look may not be taken at all."""
    return any(one["status"] == 429 for one in world.ask("requests")["requests"])
