# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger whose keys are being changed when the process is killed has the old or the new ones, and the next run
finishes it. ROTOR_REKEYINGS=1: killed at every statement and every commit; without, at one statement.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.maintenance import Maintenance
from tests.chaos import tally
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.unit.engine.driver import KEY
from tests.unit.engine.places import Place, in_file, in_postgres
from tests.unit.engine.test_ledger_rekey import assert_comparable, fill, fingerprints

pytestmark = [
    pytest.mark.xdist_group("postgres"),
    pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing()),
]
ALL = bool(os.environ.get("ROTOR_REKEYINGS"))
STATEMENT, COMMIT = "before_cursor_execute", "commit"
WORDS = {STATEMENT: "statements", COMMIT: "commits"}
KINDS = 2 if ALL else 1
NEW = Fernet.generate_key().decode()
BOTH = f"{NEW},{KEY}"
NewPlace = Callable[[], Place]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    running = Postgres()
    yield running
    running.stop()


@pytest.fixture(params=["file", "postgresql"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> NewPlace:
    numbers = itertools.count()

    def make() -> Place:
        if request.param == "postgresql":
            return in_postgres(request.getfixturevalue("server"))
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return in_file(folder)

    return make


@pytest.mark.parametrize(("event", "sample"), [(STATEMENT, 20), (COMMIT, 1)][:KINDS])
def test_new_keys_that_are_killed_on_their_way_lose_no_fingerprint_and_the_next_run_has_them(
    new_place: NewPlace, event: str, sample: int
) -> None:
    under_old = set()
    for number in itertools.count(1) if ALL else (sample,):
        place = new_place()
        ledger = place.opened().ledger
        fill(ledger)
        before = fingerprints(ledger)
        ledger.close()
        killed = place.killed("rekey", event, number, BOTH)
        opened = place.opened(BOTH)
        under_old.add(fingerprints(opened.ledger) == before)
        Maintenance(opened, print).rekey("a test", "", check=False)
        opened.ledger.close()
        ledger = place.opened(NEW).ledger
        assert_comparable(ledger)
        assert fingerprints(ledger) != before
        assert ledger.audit_log.examine().bad_row is None
        ledger.close()
        if not killed:
            break
        tally.add("ledgers: new keys killed", **{WORDS[event]: 1}, lost=0)
    assert True in under_old, "no kill came before the end"
