# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each issuer that the registry knows, killed at every moment: the next run finishes it.

With ROTOR_ISSUERS=1 at every moment, the moments shared out among the ways of killing, at every seventh of them
ansible-playbook itself; with 7, at every seventh moment; without, each kind of issuer has one moment, and is played.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import columns
from tests.conformance.columns import Column
from tests.conformance.issuers.bench import IssuerBench
from tests.conformance.proxy import Proxy
from tests.conftest import forget_values
from tests.sandbox.visitor import Visitor
from tests.servers import postgres

from . import tally
from .hook.points import Kill
from .of_issuers import OfIssuer
from .own import OWN, OwnLedgerRole
from .pooled import Pooled, Single
from .scenes import Scene, Servers
from .stage import Stage
from .test_killed_everywhere import WAYS
from .theatre import Theatre

STEP = int(os.environ.get("ROTOR_ISSUERS", "0"))
SAMPLE = 14
PLAYBOOK = 7
"""Of so many kills one meets ansible-playbook; the others meet what it starts, without Ansible's own seconds."""


def picked() -> list[Any]:
    """Those that somebody can be asked about; in the sample the first of each kind. None waits for caches."""
    benches = {column: column.kind for column in columns.issuers() if issubclass(column.kind, IssuerBench)}
    every = [column for column, kind in benches.items() if not (kind.not_run or kind.switches())]
    first = {benches[column].kind_of().traits: column for column in reversed(every)}
    return [pytest.param(column, id=column.title) for column in (every if STEP else first.values())]


@contextmanager
def show(stage: Stage, column: Column, *, real: bool) -> Iterator[Theatre]:
    with column.open(Proxy) as bench, tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        yield Theatre(stage, OfIssuer(bench, Path(folder) / "home"), real=real)
    forget_values()


@contextmanager
def show_scene(stage: Stage, scene: type[Scene], world: Visitor, servers: Servers, *, real: bool) -> Iterator[Theatre]:
    world.tell("reset")
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        yield Theatre(stage, scene(world, Path(folder) / "home", servers), real=real)


def kill_everywhere(title: str, show: Callable[..., AbstractContextManager[Theatre]]) -> None:
    """Until the run is over before the moment comes."""
    for turn, moment in enumerate(itertools.count(1, STEP) if STEP else [SAMPLE]):
        victim, when = WAYS[turn % len(WAYS)]
        real = bool(STEP) and turn % PLAYBOOK == 0
        with show(real=real) as theatre:
            if not theatre.killed_at(Kill(moment, when, victim)):
                assert STEP, "the sample has to lie within the run"
                return
        who = "ansible-playbook" if real else "played"
        tally.add(f"kills: {title}", **{who: 1}, violations=0, leaks=0)


@pytest.mark.parametrize("column", picked())
def test_an_issuer_killed_at_any_moment_is_finished_by_the_next_run(stage: Stage, column: Column) -> None:
    kill_everywhere(column.title, partial(show, stage, column))


@pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing())
@pytest.mark.parametrize("scene", [Single, Pooled], ids=["postgres_role", "postgres_roles"])
def test_roles_behind_a_pooler_are_finished_by_the_next_run(
    stage: Stage, world: Visitor, servers: Servers, scene: type[Scene]
) -> None:
    kill_everywhere(scene.name, partial(show_scene, stage, scene, world, servers))


@pytest.mark.parametrize("scene", OWN, ids=[scene.name for scene in OWN])
def test_what_we_run_on_can_be_opened_wherever_its_rotation_is_killed(
    stage: Stage, world: Visitor, servers: Servers, scene: type[Scene]
) -> None:
    if scene is OwnLedgerRole and postgres.is_missing():
        pytest.skip(postgres.is_missing())
    kill_everywhere(scene.name, partial(show_scene, stage, scene, world, servers))
