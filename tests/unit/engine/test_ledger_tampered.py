# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who can write the ledger's database, and has no key, alters each row and each column in every way.

The run refuses or is not influenced, and the examination names what it was. ROTOR_TAMPERED=all: every row; without, one
row of each table. Not covered: ``holders``, which only says for people who has a lock.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.database import tables
from tests.chaos import tally
from tests.unit.engine.driver import Play
from tests.unit.engine.test_kill import settled_play
from tests.unit.engine.world import MUTATING

ALL = os.environ.get("ROTOR_TAMPERED") == "all"
TABLES = sorted(set(tables().metadata.tables) - {"holders"})
WORDS = {
    "audit": ("does not follow from", "cannot be read", "not as written"),
    "meta": ("meta", "own id and keys", "secret_ledger.key", "schema", "belongs to something", "cannot be understood"),
}
"""What the examination says of a table, where that is not its name."""
Cells = dict[str, Any]
Tampering = tuple[str, Callable[[sqlite3.Connection], None]]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """A rotation that is held in its second step, after others that went well; and how the ledger was in between."""
    play = settled_play("tampered", tmp_path_factory.mktemp("tampered"))
    keep(play, "older")
    play.world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.services["ci"].breaks_at = None
    keep(play, "now")
    play.world.log.clear()
    return play


def kept(play: Play, name: str) -> Path:
    return play.folder / f"{name}.db"


def keep(play: Play, name: str) -> None:
    play.ledger().clear_log()
    shutil.copy(play.folder / "ledger.db", kept(play, name))


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection
        connection.commit()


def rows_of(path: Path, table: str) -> list[Cells]:
    with database(path) as connection:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]


def keys_of(table: str) -> list[str]:
    return [column.name for column in tables().metadata.tables[table].primary_key.columns]


def delete(connection: sqlite3.Connection, table: str, row: Cells) -> None:
    where = " AND ".join(f'"{key}" = :{key}' for key in keys_of(table))
    connection.execute(f"DELETE FROM {table} WHERE {where}", row)


def insert(connection: sqlite3.Connection, table: str, row: Cells) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", row)


def replaced(table: str, *pairs: tuple[Cells, Cells]) -> Callable[[sqlite3.Connection], None]:
    def change(connection: sqlite3.Connection) -> None:
        for old, _new in pairs:
            delete(connection, table, old)
        for _old, new in pairs:
            insert(connection, table, new)

    return change


def another(name: str, value: Any) -> Any:
    """A value of the same kind that somebody might put there."""
    if isinstance(value, int):
        return 1 - value if name == "superseded" else value + 1
    if value is None:
        return "2020-01-01T00:00:00+00:00" if name.endswith(("_at", "_since")) else "x"
    if value.startswith(("{", "[")):
        return json.dumps({"other": 1} if json.loads(value) != {"other": 1} else {})
    if name == "state":
        return {"revoked": "current", "done": "failed"}.get(value, "revoked" if value in ("current",) else "done")
    return "2020-01-01T00:00:00+00:00" if re.match(r"\d{4}-\d\d-", value) else f"{value}x"


def tamperings(play: Play, table: str) -> Iterator[Tampering]:
    rows, older = (rows_of(kept(play, name), table) for name in ("now", "older"))
    keys = keys_of(table)
    chance = random.Random(table)  # noqa: S311 - places, not secrets
    picked = rows if ALL else chance.sample(rows, min(len(rows), 1))
    for row in picked:
        for name, value in row.items():
            new = {**row, name: another(name, value)}
            taken = [other for other in rows if all(other[key] == new[key] for key in keys) and other is not row]
            if not taken and not (table == "credentials" and name == "state" and value not in ("current", "revoked")):
                yield f"altered {name}", replaced(table, (row, new))
        yield "deleted", partial(delete, table=table, row=row)
        copy = {**row, keys[-1]: 999 if keys == ["id"] else f"{row[keys[-1]]}2"}
        yield "doubled", partial(insert, table=table, row=copy)
        for other in chance.sample(rows, min(len(rows), 2)):
            mine, others = ({key: one[key] for key in keys} for one in (row, other))
            if {**other, **mine} != row:
                yield "exchanged", replaced(table, (row, {**other, **mine}), (other, {**row, **others}))
    for row in older:
        now = next((one for one in rows if all(one[key] == row[key] for key in keys)), None)
        if now is None:
            yield "put back", partial(insert, table=table, row=row)
        elif now != row:
            yield "put back", replaced(table, (now, row))


def used(play: Play) -> tuple[Any, ...]:
    """All that a run takes from the ledger; ConfigurationError where it refuses."""
    ledger = play.ledger()
    state = ledger.state("TOKEN")
    runs = [ledger.run(row["id"])["plan"] for row in rows_of(kept(play, "now"), "runs")]
    known = (ledger.id, ledger.known_ids(), [ledger.failures(run["orders"]["TOKEN"]["run"]) for run in runs])
    play.lines.clear()
    play.plan("TOKEN", check=True)
    values = [ledger.unseal(row).fields for row in state.credentials]
    return (
        state,
        runs,
        known,
        re.sub(r"run \w+", "", play.output),
        [{k: v.reveal() for k, v in f.items()} for f in values],
    )


@pytest.mark.parametrize("table", TABLES)
def test_tampered_row_is_refused_or_without_influence_and_named(held: Play, table: str, tmp_path: Path) -> None:
    held.setting["url"] = f"sqlite:///{kept(held, 'now')}"
    before, refused, ignored = used(held), 0, 0
    for number, (how, tamper) in enumerate(tamperings(held, table)):
        ledger = tmp_path / f"{number}.db"
        shutil.copy(kept(held, "now"), ledger)
        with database(ledger) as connection:
            tamper(connection)
        held.setting["url"] = f"sqlite:///{ledger}"
        try:
            assert used(held) == before, f"{table} {how}: the run took it for true"
            ignored += 1
        except ConfigurationError:
            refused += 1
        found = examined(held)
        assert any(word in found for word in WORDS.get(table, (table,))), f"{table} {how}: {found}"
        assert not held.world.counted(*MUTATING)
    assert refused + ignored >= 5
    assert refused or table == "runs"
    tally.add("ledgers: tampered with", refused=refused, ignored=ignored, missed=0)


def examined(play: Play) -> str:
    """What the examination says; of a ledger that does not open, what is said then."""
    try:
        return str(play.session().verify("", "").get("msg", "whole"))
    except ConfigurationError as error:
        return str(error)
