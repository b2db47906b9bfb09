# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providers, databases and other runs say what would take over a terminal; every place where the engine shows it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from ansible.errors import AnsibleError

from ansible_collections.rotor.secrets.plugins.module_utils._core import contracts
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import AuthenticationError, RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostCommand
from ansible_collections.rotor.secrets.plugins.module_utils._core.outside_text import printable
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.on_host import TaskHost
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.job import Job
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger
from tests.hostile import HOSTILE, MARK, problems, problems_of
from tests.unit.engine import fakes
from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_stores import Shelf
from tests.unit.engine.world import WORLDS, World

STRIDE = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 4
"""Of the calls and columns that are tried; with ROTOR_SWEEP=all it is every one."""
_numbers = count(1)
_KINDS: dict[type, type] = {
    contracts.Connection: fakes.Cloud,
    contracts.Store: Shelf,
    contracts.Issuer: fakes.Token,
    contracts.Consumer: fakes.Machines,
    contracts.Check: fakes.SelfTest,
}
_SPOILT = {"str": HOSTILE, "list[str]": [HOSTILE]}
_UNSAID = (
    contracts.Connection.probe,
    contracts.Consumer.label,
    contracts.Store.identity,
    contracts.Store.key_identity,
    contracts.Store.place,
    contracts.Issuer.still_there,
)
"""Asked and not said; said where there is no outlook; by which places are told apart; compared with what was asked."""
_TEXTS = [
    (fake, name, _SPOILT[returned])
    for kind, fake in _KINDS.items()
    for name, member in vars(kind).items()
    if (returned := getattr(getattr(member, "__func__", member), "__annotations__", {}).get("return")) in _SPOILT
    and getattr(kind, name) not in _UNSAID
]
"""Every method of a provider that returns text, by the contracts."""


@contextmanager
def plays(folder: Path) -> Iterator[Callable[[], Play]]:
    """Any number of worlds, each with a credential that a person has made in two places."""
    made: list[World] = []

    def play() -> Play:
        world = World(f"outside{next(_numbers)}")
        made.append(world)
        old = world.issue("made by hand")
        for name in ("app", "ci"):
            world.put(name, {"TOKEN": old.value})
            world.serve(name, [name])
        home = folder / world.name
        home.mkdir()
        consumers = {name: machines(name) for name in ("app", "ci")}
        return Play(world, home, {"TOKEN": token_map(description="made up")}, consumers=consumers)

    try:
        yield play
    finally:
        for world in made:
            del WORLDS[world.name]


@pytest.fixture
def new_play(tmp_path: Path) -> Iterator[Callable[[], Play]]:
    with plays(tmp_path) as make:
        yield make


def look_at_everything(play: Play, **options: Any) -> list[Any]:
    """The results of every action; the lines are the play's. What fails is said, as an action says it."""
    session = play.session
    return [
        *told(play, lambda: play.plan("TOKEN", check=True, **options)),
        *told(play, lambda: play.rotate("TOKEN", **options)),
        *told(play, play.status),
        *told(play, lambda: session().verify("", "TOKEN")),
    ]


def told(play: Play, act: Callable[[], Any]) -> list[Any]:
    try:
        return [act()]
    except RotorError as error:
        play.lines += str(error).split("\n  ")
        return []


# -- what providers say -----------------------------------------------------------------------------------------


def test_candidates_have_a_line_each_whatever_their_names(play: Play, world: World) -> None:
    for name in (HOSTILE, 'prod"  created: unknown  last used never', "x" * 10_000):
        world.issue(name)
    plan = play.plan("TOKEN", check=True)
    offered = [line.split() for line in play.lines if line.startswith("         ") and "created" in line]
    assert [words[0] for words in offered] == list(world.issued)
    assert all("last used: unknown" in " ".join(words) for words in offered)
    assert MARK in play.output
    assert problems_of(play.lines, [plan]) == []


def test_an_id_that_looks_like_another_is_not_offered(play: Play, world: World) -> None:
    (known,) = world.issued
    twin = world.issue("twin")
    world.issued[twin.id].id = f"{known}\u200b"
    play.plan("TOKEN", check=True)
    (line,) = [line for line in play.lines if '"twin"' in line]
    assert "[an id that cannot be shown" in line
    assert known not in line


def test_ids_go_back_to_the_provider_exactly(new_play: Callable[[], Play]) -> None:
    play = new_play()
    world = play.world
    (old,) = world.issued.values()
    old.name, old.id = HOSTILE, HOSTILE
    world.issued = {HOSTILE: old}
    world.named.add(HOSTILE)
    results = look_at_everything(play, adopt={"TOKEN": HOSTILE})
    assert old.revoked, play.output
    assert world.violations == []
    assert MARK in play.output
    assert problems_of(play.lines, results) == []


def test_an_adopted_name_is_kept_printable(play: Play, world: World) -> None:
    (old,) = world.issued.values()
    old.name = HOSTILE
    play.plan("TOKEN", adopt={"TOKEN": old.id})
    (row,) = play.state("TOKEN").credentials
    assert problems(row.name, 200) == []


@pytest.mark.parametrize(("kind", "method", "text"), _TEXTS, ids=[f"{one[0].__name__}.{one[1]}" for one in _TEXTS])
def test_no_text_of_a_provider_forges_a_line(
    new_play: Callable[[], Play], monkeypatch: pytest.MonkeyPatch, kind: type, method: str, text: Any
) -> None:
    monkeypatch.setattr(kind, method, lambda *_given, **_more: text)
    play = new_play()
    if method == "shortfall":  # asked of a connection's own credential alone
        play.map["TOKEN"]["connections"] = ["cloud"]
    results = look_at_everything(play)
    assert problems_of(play.lines, results) == []
    assert MARK in play.output


def test_no_refusal_of_a_provider_forges_a_line(new_play: Callable[[], Play]) -> None:
    good = new_play()
    good.rotate("TOKEN")
    calls = list(dict.fromkeys((kind, what) for kind, what in good.world.log))
    shown = 0
    for kind, what in calls[::STRIDE]:
        play = new_play()
        where = "" if kind in ("mint", "show", "revoke") else what
        play.world.fail(kind, RotorError(HOSTILE, hint=HOSTILE, request_id=HOSTILE), where, times=9)
        results = told(play, partial(play.rotate, "TOKEN"))
        assert problems_of(play.lines, results) == [], (kind, what)
        shown += MARK in play.output or kind == "show"  # which proves nothing then, and is not said
    assert len(calls) > 12
    assert shown == len(calls[::STRIDE])


# -- what others say --------------------------------------------------------------------------------------------


def test_the_name_of_a_starter_is_printable() -> None:
    by = Job.of({"awx_user_name": HOSTILE, "awx_job_id": HOSTILE}).caller
    assert problems(by, 200) == []
    assert MARK in by


def test_the_holder_of_a_lock_forges_no_line(play: Play, world: World) -> None:
    plan = play.plan("TOKEN")
    other = open_ledger(play.setting, clock=world.clock, holder=HOSTILE[:300])
    with other.locks.hold("secret TOKEN"):
        result = play.through(plan["run"], Phase.REVOKED)
    assert MARK in play.output
    assert problems_of(play.lines, [result]) == []


def test_what_ansible_quotes_of_a_host_forges_no_line() -> None:
    def refuse(*_given: Any, **_more: Any) -> None:
        raise AnsibleError(HOSTILE.replace("\n", "\r"))

    action: Any = SimpleNamespace(
        _task=SimpleNamespace(delegate_to=HOSTILE),
        _templar=SimpleNamespace(template=str),
        _connection=SimpleNamespace(_shell=None, has_option=lambda _option: False),
        _low_level_execute_command=refuse,
    )
    with pytest.raises(AuthenticationError) as caught:
        TaskHost(action, {})(HostCommand("sudo true"))
    assert MARK in str(caught.value)
    assert problems_of([str(caught.value)]) == []


def test_no_column_of_the_database_forges_a_line(play: Play, tmp_path: Path) -> None:
    """Whoever may write there writes what they like; an error of Python's own is for the actions' guard."""
    play.rotate("TOKEN")
    shown = 0
    for number, (table, column) in enumerate(columns(tmp_path / "ledger.db")[::STRIDE]):
        spoilt = play.clone(f"spoilt-{number}", tmp_path / str(number))
        spoil(tmp_path / str(number) / "ledger.db", table, column)
        results = look_into(spoilt)
        assert problems_of(spoilt.lines, results) == [], (table, column)
        shown += MARK in f"{spoilt.output}{results}"
        del WORLDS[spoilt.world.name]
    assert shown


def look_into(play: Play) -> list[Any]:
    results = []
    for act in (play.status, lambda: play.session().verify("", "TOKEN"), lambda: play.plan("TOKEN", check=True)):
        with suppress(ValueError, TypeError, LookupError, AttributeError, sa.exc.SQLAlchemyError):
            results += told(play, act)
    return results


def columns(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [
            (table, column[1])
            for (table,) in tables
            for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
            if column[2] != "INTEGER"
        ]


def spoil(path: Path, table: str, column: str) -> None:
    """Every text in a column, also those inside its JSON."""
    with closing(sqlite3.connect(path)) as connection:
        for row, value in connection.execute(f'SELECT rowid, "{column}" FROM "{table}"').fetchall():
            if isinstance(value, str):
                inside = re.sub(r'"[^"]*"(?=[,}\]])', lambda _text: json.dumps(HOSTILE), value)
                hostile = inside if value[:1] in ("{", "[") else f"{HOSTILE}{row}"
                connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (hostile, row))
        connection.commit()


def test_a_whole_run_returns_what_it_would_have(play: Play) -> None:
    """Ordinary text is left alone."""
    result = play.rotate("TOKEN")
    assert not result["failed"]
    assert [line for line in play.lines if printable(line) != line or "\\" in line] == []
