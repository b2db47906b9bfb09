# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger whose schema or keys are being changed when the process is killed is the old or the new one, and the next
run finishes it. ROTOR_MIGRATIONS=1: killed at every statement and every commit; without, at one statement.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.custody import Custody
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.migrations import upgrade
from tests.chaos import tally
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.unit.rotation.driver import KEY
from tests.unit.rotation.places import Place, in_file, in_postgres
from tests.unit.rotation.test_ledger_schema import differences, statements
from tests.unit.rotation.test_rekeying import assert_comparable, fill, fingerprints

pytestmark = [
    pytest.mark.xdist_group("postgres"),
    pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing()),
]
ALL = bool(os.environ.get("ROTOR_MIGRATIONS"))
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


def as_of_old(place: Place) -> Place:
    with place.engine.begin() as tx:
        for statement in statements(place.serial):
            tx.exec_driver_sql(statement)
    return place


def schema_of(place: Place) -> tuple[str, bool, bool]:
    """What the ledger says of itself, and whether it has what newer ones have."""
    inspector = sa.inspect(place.engine)
    with place.engine.connect() as connection:
        version = connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'schema'").scalar()
    columns = {column["name"] for column in inspector.get_columns("holdings")}
    return str(version), "keys" in columns, inspector.has_table("holders")


OLD_SCHEMA, NEW_SCHEMA = ("0", False, False), (str(upgrade.NEWEST), True, True)


@pytest.mark.parametrize(("event", "sample"), [(STATEMENT, 7), (COMMIT, 1)][:KINDS])
def test_a_migration_that_is_killed_leaves_the_old_or_the_new_and_the_next_run_has_the_new(
    new_place: NewPlace, event: str, sample: int
) -> None:
    seen = set()
    for number in itertools.count(1) if ALL else (sample,):
        place = as_of_old(new_place())
        killed = place.killed("open", event, number)
        seen.add(found := schema_of(place))
        assert found in (OLD_SCHEMA, NEW_SCHEMA)
        journal = place.opened()
        assert [row.name for row in journal.ledger.state("S").credentials] == ["rotor-1"]
        journal.ledger.close()
        assert schema_of(place) == NEW_SCHEMA
        if not killed:
            break
        tally.add("ledgers: migrations killed", **{WORDS[event]: 1}, lost=0)
    assert OLD_SCHEMA in seen, "no kill came before the end"


def test_a_new_ledger_is_like_a_migrated_one(new_place: NewPlace) -> None:
    for place in (new_place(), as_of_old(new_place())):
        place.opened().ledger.close()
        assert differences(place.engine) == []


def test_several_that_find_an_older_ledger_at_once_bring_it_up_to_date_once(new_place: NewPlace) -> None:
    place = as_of_old(new_place())
    with ThreadPoolExecutor(4) as controllers:
        journals = list(controllers.map(lambda _turn: place.opened(), range(4)))
    assert {journal.ledger.state("S").holdings["box:app"].credential for journal in journals} == {1}
    for journal in journals:
        journal.ledger.close()
    assert schema_of(place) == NEW_SCHEMA


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
        journal = place.opened(BOTH)
        under_old.add(fingerprints(journal.ledger) == before)
        Custody(journal, print).rekey("a test", "", check=False)
        journal.ledger.close()
        ledger = place.opened(NEW).ledger
        assert_comparable(ledger)
        assert fingerprints(ledger) != before
        assert ledger.examine().bad_row is None
        ledger.close()
        if not killed:
            break
        tally.add("ledgers: new keys killed", **{WORDS[event]: 1}, lost=0)
    assert True in under_old, "no kill came before the end"
