# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's rooms import one way, and neither Ansible nor a provider."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = (
    "secret_map",
    "decide",
    "job",
    "ledger",
    "effects",
    "pools",
    "progress",
    "turns",
    "preflight",
    "run",
    "report",
    "session",
)
"""Each imports those before it alone; ``worker`` imports none."""
ROOT = Path(__file__).resolve().parents[3]
ENGINE = ROOT / "plugins" / "plugin_utils" / "_engine"
FILES = sorted(ENGINE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "plugins").rglob("*.py"))}


def imported(file: Path, tree: ast.AST) -> Iterator[str]:
    """Yield what a file of the collection imports, by its full name; relative imports begin with ``plugins``."""
    package = ".".join(file.relative_to(ROOT).parent.parts).split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ENGINE)))
def test_room_imports_only_rooms_below(file: Path) -> None:
    home = "plugins.plugin_utils._engine."
    room = file.relative_to(ENGINE).with_suffix("").parts[0]
    allowed = (*ROOMS[: ROOMS.index(room)], room) if room in ROOMS else ()
    rooms = {name.removeprefix(home).split(".")[0] for name in imported(file, TREES[file]) if name.startswith(home)}
    assert rooms <= set(allowed)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ENGINE)))
def test_engine_imports_neither_ansible_nor_provider(file: Path) -> None:
    names = list(imported(file, TREES[file]))
    assert not [name for name in names if name.split(".")[0] in ("ansible", "ansible_collections")]
    assert not [name for name in names if "._providers" in name or "._ansible" in name]


def test_nothing_imports_plugins_as_a_package() -> None:
    """Classes would exist twice: once below ``ansible_collections``, and once below ``plugins``."""
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "tests").rglob("*.py")}
    for file, tree in (TREES | trees).items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [name for name in names if name.split(".")[0] == "plugins"], file


def test_class_of_the_engine_shares_its_name_with_no_other() -> None:
    classes = {file: [n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] for file, tree in TREES.items()}
    count = Counter(name for names in classes.values() for name in names)
    twice = {name for file in FILES for name in classes[file] if count[name] > 1}
    assert not twice
