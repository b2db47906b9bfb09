# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger that is cut off or overwritten anywhere: it works, or a clear error; never a traceback, never an effect.

ROTOR_DAMAGES scales the sweeps: so many places in each.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, RotorError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.chaos import tally
from tests.unit.engine.conftest import rotate_once
from tests.unit.engine.driver import KEY, Play
from tests.unit.engine.world import MUTATING, World

PLACES = int(os.environ.get("ROTOR_DAMAGES", "12"))


@pytest.fixture
def sound(play: Play, tmp_path: Path) -> bytes:
    """A ledger after one rotation, as one file."""
    rotate_once(play)
    play.world.clock.pass_(days=200)
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def put(play: Play, tmp_path: Path, content: bytes) -> None:
    for file in tmp_path.glob("ledger.db*"):
        if file.is_file():
            file.unlink()
    (tmp_path / "ledger.db").write_bytes(content)


def tried(play: Play) -> str:
    """Everything that is done with a ledger; what was said when it was refused, else nothing."""
    said = ""
    for use in (play.status, partial(play.plan, check=True), play.plan):
        try:
            use()
        except RotorError as error:
            said = str(error)
            assert len(said) > 40, "too short to help"
    return said


def contents(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_a_ledger_that_is_cut_off_is_refused_unless_nothing_is_lost(
    play: Play, world: World, tmp_path: Path, sound: bytes
) -> None:
    chance = random.Random("cut off")  # noqa: S311 - places, not secrets
    whole = contents(tmp_path / "ledger.db")
    refused = 0
    for _turn in range(PLACES):
        place = chance.randrange(1, len(sound))
        put(play, tmp_path, sound[:place])
        said = tried(play)
        assert not world.counted(*MUTATING), f"an effect after a cut at {place}"
        refused += bool(said)
        if not said:
            put(play, tmp_path, sound[:place])
            assert contents(tmp_path / "ledger.db") == whole, f"a loss that nobody noticed, cut at {place}"
    assert refused
    count("cut off", refused)


@pytest.mark.parametrize("use", ["overwritten", "zeroed"])
def test_a_damaged_ledger_is_refused_or_read_and_nothing_is_ever_sent(
    play: Play, world: World, tmp_path: Path, sound: bytes, use: str
) -> None:
    chance = random.Random(use)  # noqa: S311 - places, not secrets
    refused = 0
    for _turn in range(PLACES):
        place = chance.randrange(1, len(sound))
        end = min(len(sound), place + chance.choice((1, 16, 512, 4096)))
        noise = bytes(end - place) if use == "zeroed" else chance.randbytes(end - place)
        put(play, tmp_path, sound[:place] + noise + sound[end:])
        refused += bool(tried(play))
        assert not world.counted(*MUTATING), f"an effect after {use} {place}:{end}"
    assert refused, "no damage was seen"
    count(use, refused)


def test_a_damage_that_cannot_even_be_quoted_is_refused_like_any_other(
    play: Play, tmp_path: Path, sound: bytes
) -> None:
    put(play, tmp_path, sound.replace(b"CREATE TABLE", b"CREATE \xe5\xe5\xe5\xe5\xe5"))
    assert "it is damaged" in tried(play)


def count(how: str, refused: int) -> None:
    tally.add(f"ledgers: {how}", refused=refused, read=PLACES - refused, tracebacks=0, effects=0)


def test_a_ledger_that_is_edited_under_a_run_stops_it(play: Play, world: World, tmp_path: Path) -> None:
    rotate_once(play)
    plan = play.plan("TOKEN", force=True)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("UPDATE credentials SET state = 'cheerful'")
        connection.commit()
    with pytest.raises(ConfigurationError, match="rows of TOKEN are not as written"):
        play.through(plan["run"], Phase.ISSUED)
    assert not world.counted(*MUTATING)


def as_directory(path: Path) -> None:
    path.mkdir()


def as_device(path: Path) -> None:
    path.symlink_to("/dev/full")


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "at all")


@pytest.mark.parametrize("make", [as_directory, as_device, as_pipe, as_dangling_link])
@pytest.mark.parametrize("check", [False, True])
def test_what_is_no_file_is_no_ledger(
    play: Play, world: World, tmp_path: Path, make: Callable[[Path], None], check: bool
) -> None:
    make(tmp_path / "ledger.db")
    with pytest.raises(ConfigurationError, match=r"ledger\.db"):
        play.plan("TOKEN", check=check)
    assert not world.counted(*MUTATING)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_ledger_that_one_may_not_write_is_refused(play: Play, tmp_path: Path) -> None:
    rotate_once(play)
    (tmp_path / "ledger.db").chmod(0o400)
    with pytest.raises(ConfigurationError, match=r"ledger\.db: Permission denied"):
        play.plan("TOKEN")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "unset or empty"),
        ("   ", "not a Fernet key"),
        ("3jlIz5gMDFcuTBLsSeDyUe-U1Hz-8kXFzYbGJTWtu_4=", "does not open with the key"),
        (f"{KEY},", "not a Fernet key"),
        ({"env": "ROTOR_NOT_SET"}, "unset or empty"),
        ({"file": "/nonexistent/key"}, "cannot read the file"),
    ],
    ids=["empty", "blank", "another", "and an empty one", "unset", "no file"],
)
def test_a_wrong_key_opens_nothing_and_changes_nothing(
    play: Play, world: World, tmp_path: Path, key: object, said: str
) -> None:
    rotate_once(play)
    play.setting["key"] = key
    before = contents(tmp_path / "ledger.db")
    for check in (True, False):
        with pytest.raises(ConfigurationError, match=said) as caught:
            play.plan("TOKEN", check=check)
        assert KEY not in str(caught.value)
    assert before == contents(tmp_path / "ledger.db")
    assert not world.counted(*MUTATING)


def test_a_ledger_that_somebody_has_locked_is_waited_for_and_then_told(
    play: Play, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate_once(play)
    monkeypatch.setattr(
        "ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location.BUSY_SECONDS", 0.05
    )
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as somebody:
        somebody.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match=r"cannot be read: database is locked"):
            play.plan("TOKEN")
    assert not world.counted(*MUTATING)
