# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is no ledger, or was one: told as such, never a traceback."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger

KEY = Fernet.generate_key().decode()


def opened(path: Path, *, readonly: bool = False) -> None:
    open_ledger({"url": f"sqlite:///{path}", "key": KEY}, clock=Clock(), holder="me", readonly=readonly)


@pytest.mark.parametrize("readonly", [False, True])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, readonly: bool) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("dear diary, " * 100)
    with pytest.raises(
        ConfigurationError, match=r"ledger\.db cannot be read: file is not a database\. It is no ledger"
    ):
        opened(path, readonly=readonly)


def test_a_ledger_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    opened(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        opened(path)


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE meta (name TEXT, value TEXT)")
        connection.commit()
    with pytest.raises(ConfigurationError, match=r"cannot be understood \(KeyError\)"):
        opened(path)
