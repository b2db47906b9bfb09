# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit trail of years: examined a few rows at a time, and one wrong row is found wherever it is.

ROTOR_TRAIL: how many rows; with it, in PostgreSQL too, and more of them are tampered with.
"""

from __future__ import annotations

import os
import random
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.database import tables
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.writer import Ledger
from tests.chaos import tally
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.unit.engine.places import Place, in_file, in_postgres

pytestmark = pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing())
SCALED = "ROTOR_TRAIL" in os.environ
ROWS = int(os.environ.get("ROTOR_TRAIL", "10000"))
SPOTS = 10 if SCALED else 2
AUDIT = tables().audit
Row = dict[str, Any]


@dataclass(frozen=True)
class Long:
    place: Place
    ledger: Ledger

    def at(self, number: int) -> list[Row]:
        """That row and the next."""
        query = sa.select(AUDIT).where(AUDIT.c.id.in_([number, number + 1])).order_by(AUDIT.c.id)
        with self.place.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def put(self, number: int, rows: list[Row]) -> None:
        """These instead of that row and the next."""
        with self.place.engine.begin() as tx:
            tx.execute(AUDIT.delete().where(AUDIT.c.id.in_([number, number + 1])))
            tx.execute(AUDIT.insert(), rows)

    @contextmanager
    def tampered(self, number: int, how: Callable[[Row, Row], list[Row]]) -> Iterator[None]:
        before = self.at(number)
        self.put(number, how(*before))
        yield
        self.put(number, before)


def lengthen(ledger: Ledger) -> None:
    """As the ledger itself would in the course of years, in one transaction."""
    rows: list[Row] = []
    with ledger.transaction() as tx:
        made = tx.last(AUDIT)
        assert made
        head = made["mac"]
        for number in range(made["id"] + 1, ROWS + 1):
            credential = number // 20
            details = {"copy": "box app", "evidence": {"version": number}, "credential": credential}
            row = {
                "at": f"2026-11-01T00:00:00.{number:06}+00:00",
                "run": f"{number // 50:08x}",
                "event": "written",
                "secret": f"S{credential % 200:03}",
                "details": details,
                "rows": {},
                "digest": made["digest"],
                "id": number,
            }
            head = ledger.audit_log.macs.link(head, row)
            rows.append({**row, "mac": head})
        tx.connection.execute(AUDIT.insert(), rows)


@pytest.fixture(scope="module", params=["file", "postgresql"] if SCALED else ["file"])
def trail(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Long]:
    server = Postgres() if request.param == "postgresql" else None
    place = in_postgres(server) if server else in_file(tmp_path_factory.mktemp("trail"))
    ledger = place.opened().ledger
    lengthen(ledger)
    yield Long(place, ledger)
    ledger.close()
    if server:
        server.stop()


def test_a_long_trail_is_whole_and_is_never_read_at_once(trail: Long) -> None:
    tracemalloc.start()
    try:
        found = trail.ledger.audit_log.examine(trail.ledger.audit_head())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.rows, found.problems) == (ROWS, [])
    assert peak < 4_000_000
    tally.add("trail: examined", rows=ROWS, problems=0)


TAMPERED: dict[str, Callable[[Row, Row], list[Row]]] = {
    "edited": lambda one, next_one: [one | {"secret": "S999"}, next_one],
    "removed": lambda one, next_one: [next_one],
    "reordered": lambda one, next_one: [next_one | {"id": one["id"]}, one | {"id": next_one["id"]}],
}


@pytest.mark.parametrize("how", TAMPERED)
def test_one_wrong_row_is_found_wherever_it_is(trail: Long, how: str) -> None:
    chance = random.Random(how)  # noqa: S311 - places, not secrets
    for number in (1, ROWS - 1, *(chance.randrange(1, ROWS) for _turn in range(SPOTS))):
        with trail.tampered(number, TAMPERED[how]):
            assert trail.ledger.audit_log.examine().bad_row == number + (how == "removed")
        tally.add("trail: tampered with", **{how: 1}, missed=0)
    assert trail.ledger.audit_log.examine().problems == []
