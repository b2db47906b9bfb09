# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret of each kind of issuer, in two places, and what must be true of it at rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_issuers import KINDS
from tests.unit.engine.world import WORLDS, World

BOXES = ("app", "ci")


def play_of(kind: str, world: World, folder: Path, **more: Any) -> Play:
    """Two services run on a credential that a person has made."""
    world.cuts_over = KINDS[kind].traits.cuts_over
    old = world.issue("made by hand", role="one")
    for box in BOXES:
        world.put(box, {"TOKEN": old.value})
        world.serve(box, [box])
    entry = token_map(**{"retain": "current", **more})
    entry["issuer"] = {"type": f"test.fake.{kind}", "connection": "cloud"}
    if kind == "roles":
        entry["issuer"] |= {"roles": ["one", "two"], "current_id": "one"}
    return Play(world, folder, {"TOKEN": entry}, consumers={box: machines(box) for box in BOXES})


def settled(kind: str, world: World, folder: Path, **more: Any) -> Play:
    """The same, after a first rotation: the one under test has an old credential of its own."""
    play = play_of(kind, world, folder, **more)
    assert not play.rotate("TOKEN")["failed"], play.output
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    world.clock.pass_(days=1)
    world.log.clear()
    play.lines.clear()
    return play


@contextmanager
def plays(folder: Path) -> Iterator[Callable[..., Play]]:
    """Settled secrets of any kind; in the end, none of their worlds has seen a violation."""
    made: list[World] = []

    def make(kind: str, **more: Any) -> Play:
        made.append(World(f"cut-{kind}"))
        return settled(kind, made[-1], folder, **more)

    yield make
    for world in made:
        assert not world.violations, world.violations
        del WORLDS[world.name]


def done(play: Play) -> list[str]:
    quiet = ("ask", "probe", "observe", "list", "show", "read")
    return [f"{kind} {what}" if kind in ("write", "update", "test") else kind for kind, what in play.world.log
            if kind not in quiet]  # fmt: skip


def assert_at_rest(play: Play) -> None:
    """One working credential, which the ledger has, everywhere; nothing of ours beside it; and nothing left to do."""
    world = play.world
    current = play.state("TOKEN").current
    assert current
    value = play.ledger().unseal(current).fields["token"].reveal()
    assert [one.value for one in world.alive if one.id in world.made] == [value]
    for box in BOXES:
        assert world.values_in(box) == {value}
        assert world.containers[box]["TOKEN"][0] == value
    assert [row.id for row in play.state("TOKEN").credentials if row.alive] == [current.id]
    assert not world.violations, world.violations
    assert world.gap_since is None
    assert_nothing_is_left_to_do(play)
    assert not any(one.value in play.output for one in world.issued.values())


def assert_nothing_is_left_to_do(play: Play) -> None:
    before = len(play.world.mutations)
    assert not play.rotate("TOKEN")["go"], play.output
    assert play.world.mutations[before:] == []
