# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table in the documents has every store and every case; its cells are compared as the cases run."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.conformance import (
    baseline,
    columns,
    table,
    test_faults,
    test_interference,
    test_modules,
    test_stores,
    test_values,
)
from tests.conformance.issuers import test_issuers
from tools import conformance

FILES: dict[str, list[ModuleType]] = {
    "stores": [test_stores, test_faults, test_interference, test_values],
    "modules": [test_modules],
    "issuers": [test_issuers],
}
RUN = "run: make conformance"


@pytest.mark.parametrize("level", FILES)
def test_the_table_has_every_case_and_no_other(level: str) -> None:
    assert list(table.kept()[level]["cells"]) == [row for file in FILES[level] for row in table.rows(file)], RUN


def test_the_table_has_every_store_and_no_other() -> None:
    modules = [column.title for column in columns.of("modules")]
    assert table.kept()["stores"]["columns"] == [column.title for column in columns.ours()], RUN
    assert table.kept()["modules"]["columns"] == modules + [kind.title for kind in baseline.BENCHES], RUN
    assert table.kept()["issuers"]["columns"] == [column.title for column in columns.issuers()], RUN


@pytest.mark.parametrize("level", FILES)
def test_every_case_of_ours_holds_or_does_not_apply(level: str) -> None:
    ours = [column.title for column in columns.of(level)]
    cells = table.kept()[level]["cells"]
    assert [(row, column) for row in cells for column in ours if cells[row][column]["holds"] is False] == []


def test_the_document_is_the_one_that_the_outcomes_make() -> None:
    kept = conformance.DOCUMENT.read_text(encoding="utf-8")
    assert kept == conformance.text(table.kept()), RUN
