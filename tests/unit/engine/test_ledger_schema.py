# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ledgers of other versions are refused by name, and left as they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.database import SCHEMA
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import LedgerAccess, open_ledger
from tests.unit.engine.driver import KEY
from tests.unit.engine.world import FakeClock


def opened(path: Path, *, readonly: bool = False) -> LedgerAccess:
    return open_ledger({"url": f"sqlite:///{path}", "key": KEY}, clock=FakeClock(), holder="a test", readonly=readonly)


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (2, r"schema 2, of rotor\.secrets 0\.1\.0, and is not taken over.*secret_ledger\.url.*rotate_adopt"),
        (SCHEMA + 1, f"schema {SCHEMA + 1}.*the version of the collection that wrote it last"),
    ],
)
def test_ledger_of_another_schema_is_refused(tmp_path: Path, schema: int, message: str, readonly: bool) -> None:
    path = tmp_path / "ledger.db"
    opened(path).ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (str(schema),))
        connection.commit()
        before = list(connection.iterdump())
        with pytest.raises(ConfigurationError, match=message):
            opened(path, readonly=readonly)
        assert list(connection.iterdump()) == before
