# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/evidence/runbooks.md names what is there: entries of the examples' maps, playbooks, tests. And it names all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "evidence" / "runbooks.md"
EXAMPLES = ("agenticverz", "molecule_saas")
PARTS = ("secret_map", "secret_consumers", "secret_connections")


def rows(example: str) -> Iterator[list[str]]:
    """Yield the cells of each row of an example's table."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {example}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def inventory(example: str) -> dict[str, Any]:
    """Merge what the example's files say of secrets, consumers and connections, by their names."""
    files = sorted((ROOT / "examples" / example / "group_vars" / "all").glob("*.yml"))
    variables = {name: value for file in files for name, value in yaml.safe_load(file.read_text()).items()}
    return {name: part for kind in PARTS for name, part in variables[kind].items()}


def is_there(entries: dict[str, Any], path: str) -> bool:
    found: Any = entries
    for step in path.split("."):
        if not isinstance(found, dict) or step not in found:
            return False
        found = found[step]
    return True


def playbooks(example: str) -> set[str]:
    own = {path.name for path in (ROOT / "examples" / example).glob("*.yml")} - {"inventory.yml"}
    return own | {f"rotor.secrets.{path.stem}" for path in (ROOT / "playbooks").glob("*.yml")}


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_row_of_a_runbook_has_its_place(example: str) -> None:
    found = list(rows(example))
    assert len(found) > 40
    assert [row for row in found if len(row) != 4 or not all(row)] == []
    assert [row[0] for row in found if not (named(row[1]) or "README.md#" in row[1])] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_the_table_names_is_there(example: str) -> None:
    entries, books = inventory(example), playbooks(example)
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    tests = {name for text in texts for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)}
    for _what, places, played, shown in rows(example):
        options = [name for name in named(places) if ":" not in name]
        assert [name for name in options if not is_there(entries, name)] == []
        assert named(played)
        assert [name for name in named(played) if name not in books] == []
        assert named(shown)
        assert [name for name in named(shown) if name not in tests] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_table_leaves_out_nothing_of_an_example(example: str) -> None:
    table = list(rows(example))
    places = {name.partition(".")[0] for row in table for name in named(row[1])}
    assert sorted(set(inventory(example)) - places) == []
    played = {name for row in table for name in named(row[2])}
    assert sorted(name for name in playbooks(example) - played if not name.startswith("rotor.")) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_playbook_rotates_what_is_in_the_map(example: str) -> None:
    entries = inventory(example)
    for path in sorted((ROOT / "examples" / example).glob("rotate_*.yml")):
        (play,) = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert play["ansible.builtin.import_playbook"] == "rotor.secrets.rotate"
        assert [name for name in play["vars"]["rotate_only"] if name not in entries] == []
