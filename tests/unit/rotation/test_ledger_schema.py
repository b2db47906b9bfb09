# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ledgers of other versions: an older one is brought up to date, whole or not at all; a newer one is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.journal import Journal, open_journal
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.migrations import upgrade
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.sealing import Sealer
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.tables import tables
from tests.unit.rotation.driver import KEY
from tests.unit.rotation.world import FakeClock

SCHEMA_0 = """
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE runs (id TEXT NOT NULL PRIMARY KEY, started_at TEXT NOT NULL, "by" TEXT NOT NULL, reason TEXT NOT NULL,
  plan TEXT NOT NULL);
CREATE TABLE credentials (id {serial} PRIMARY KEY, secret TEXT NOT NULL, name TEXT NOT NULL, provider_id TEXT,
  state TEXT NOT NULL, origin TEXT NOT NULL, fingerprint TEXT, sealed JSON NOT NULL, facts JSON NOT NULL,
  minted_at TEXT, closed_at TEXT, revoked_at TEXT, proof TEXT);
CREATE TABLE holdings (secret TEXT NOT NULL, copy TEXT NOT NULL, label TEXT NOT NULL, credential INTEGER NOT NULL,
  evidence JSON NOT NULL, at TEXT NOT NULL, PRIMARY KEY (secret, copy));
CREATE TABLE running (secret TEXT NOT NULL, consumer TEXT NOT NULL, credential INTEGER NOT NULL,
  evidence JSON NOT NULL, at TEXT NOT NULL, PRIMARY KEY (secret, consumer));
CREATE TABLE proofs (secret TEXT NOT NULL, step TEXT NOT NULL, "check" TEXT NOT NULL, credential INTEGER NOT NULL,
  proves TEXT NOT NULL, evidence JSON NOT NULL, at TEXT NOT NULL, PRIMARY KEY (secret, step, "check"));
CREATE TABLE intents (id {serial} PRIMARY KEY, run TEXT NOT NULL, secret TEXT NOT NULL, kind TEXT NOT NULL,
  target TEXT NOT NULL, credential INTEGER, state TEXT NOT NULL, progress JSON NOT NULL, error TEXT, at TEXT NOT NULL,
  ended_at TEXT);
CREATE TABLE audit (id {serial} PRIMARY KEY, at TEXT NOT NULL, run TEXT NOT NULL, secret TEXT NOT NULL,
  event TEXT NOT NULL, details JSON NOT NULL, mac TEXT NOT NULL)
"""
AT = "2026-10-01T00:00:00+00:00"


def statements(serial: str) -> Iterator[str]:
    """A ledger as the first version wrote it, with one credential in one copy."""
    sealer = Sealer(SecretValue(KEY))
    sealed = json.dumps({"token": sealer.seal("S", "rotor-1", "token", SecretValue("the-old-value"))})
    yield from SCHEMA_0.format(serial=serial).split(";")
    meta = {"schema": "0", "ledger": "0a1b2c3d", "fingerprint_key": sealer.new_wrapped_key()}
    yield from (f"INSERT INTO meta VALUES ('{name}', '{value}')" for name, value in meta.items())
    columns = "secret, name, provider_id, state, origin, sealed, facts, minted_at"
    values = f"'S', 'rotor-1', 'id-1', 'current', 'minted', '{sealed}', '{{}}', '{AT}'"
    yield f"INSERT INTO credentials ({columns}) VALUES ({values})"
    yield f"INSERT INTO holdings VALUES ('S', 'box:app', 'box app', 1, '{{\"keys\": {{}}}}', '{AT}')"


def as_of_old(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements("INTEGER NOT NULL"):
            connection.execute(statement)
        connection.commit()
    return path


def opened(path: Path, *, readonly: bool = False) -> Journal:
    return open_journal({"url": f"sqlite:///{path}", "key": KEY}, clock=FakeClock(), holder="a test", readonly=readonly)


def schema_of(path: Path) -> tuple[str, set[str]]:
    """What the ledger says of itself, and the columns that would differ."""
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        columns = {row[1] for row in connection.execute("PRAGMA table_info(holdings)")}
        holders = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'holders'").fetchone()[0]
    return version, ({"keys"} & columns) | ({"holders"} if holders else set())


def differences(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, tables().metadata))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return as_of_old(tmp_path / "ledger.db")


def test_an_older_ledger_is_brought_up_to_date_and_loses_nothing(old: Path) -> None:
    journal = opened(old)
    state = journal.ledger.state("S")
    assert schema_of(old) == (str(upgrade.NEWEST), {"keys", "holders"})
    assert journal.ledger.id == "0a1b2c3d"
    assert [(row.name, row.baseline) for row in state.credentials] == [("rotor-1", {})]
    assert (state.holdings["box:app"].credential, state.holdings["box:app"].keys) == (1, {})
    sealed = state.credentials[0].sealed["token"]
    assert journal.ledger._sealer.open("S", "rotor-1", "token", sealed).reveal() == "the-old-value"
    journal.ledger.abandoned("run", "S", 1)
    assert opened(old).ledger.examine("").bad_row is None


def test_a_migrated_ledger_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    opened(old)
    opened(tmp_path / "new.db")
    assert differences(sa.create_engine(f"sqlite:///{old}")) == []
    assert differences(sa.create_engine(f"sqlite:///{tmp_path / 'new.db'}")) == []


def test_reading_only_leaves_an_older_ledger_as_it_is_and_says_what_helps(old: Path) -> None:
    before = old.read_bytes()
    with pytest.raises(ConfigurationError, match=r"older schema 0.*Any rotation without --check"):
        opened(old, readonly=True)
    assert old.read_bytes() == before


def test_a_newer_ledger_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    opened(tmp_path / "ledger.db").ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute(f"UPDATE meta SET value = '{upgrade.NEWEST + 1}' WHERE name = 'schema'")
        connection.commit()
    for readonly in (False, True):
        with pytest.raises(ConfigurationError, match=f"schema {upgrade.NEWEST + 1}.*the version of the collection"):
            opened(tmp_path / "ledger.db", readonly=readonly)
    assert schema_of(tmp_path / "ledger.db")[0] == str(upgrade.NEWEST + 1)


def test_a_wrong_key_migrates_nothing(old: Path) -> None:
    wrong = "3jlIz5gMDFcuTBLsSeDyUe-U1Hz-8kXFzYbGJTWtu_4="
    with pytest.raises(ConfigurationError, match="does not open with the key"):
        open_journal({"url": f"sqlite:///{old}", "key": wrong}, clock=FakeClock(), holder="a test")
    assert schema_of(old) == ("0", set())
