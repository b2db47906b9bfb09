# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcomes as they are kept in ``found.json``, from which docs/evidence/conformance.md is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

KEPT = Path(__file__).with_name("found.json")
LEVELS = ("stores", "modules", "issuers")


@dataclass(frozen=True)
class Place:
    """A row: ``level`` says of which table, ``order`` where in it."""

    level: str
    row: str
    order: tuple[int, int, int]


def place(item: pytest.Item) -> Place:
    """Rows stand as the cases stand in their files; a case with a parameter has a row for each."""
    function, call = item.function, item.callspec  # type: ignore[attr-defined]
    names = [name for name in call.params if name != "column"]
    index = call.indices[names[0]] if names else 0
    title = _title(function, str(call.params[names[0]]) if names else "")
    return Place(item.module.LEVEL, title, (item.module.ORDER, function.__code__.co_firstlineno, index))  # type: ignore[attr-defined]


def rows(module: ModuleType) -> Iterator[str]:
    """The same, from the file alone."""
    for name, function in vars(module).items():
        if not name.startswith("test_"):
            continue
        marks = {mark.name: mark for mark in function.pytestmark}
        given = marks["parametrize"].args[1] if "parametrize" in marks else [""]
        yield from (_title(function, str(parameter)) for parameter in given)


def failed(what: str) -> dict[str, Any]:
    return {"holds": False, "says": "no", "why": what}


def compare(where: Place, column: str, cell: dict[str, Any]) -> None:
    """What was found must be what is kept; whether a whole row or column is missing, test_table.py asks."""
    level = kept().get(where.level) or {"columns": [], "cells": {}}
    if where.row in level["cells"] and column in level["columns"]:
        assert cell == level["cells"][where.row].get(column), "the kept table says something else: make conformance"


@cache
def kept() -> dict[str, Any]:
    if not KEPT.exists():
        return {"versions": {}} | {level: {"columns": [], "cells": {}} for level in LEVELS}
    loaded: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return loaded


def _title(function: Any, parameter: str) -> str:
    mark = next(mark for mark in function.pytestmark if mark.name == "row")
    return str(mark.args[0]).replace("…", parameter)
