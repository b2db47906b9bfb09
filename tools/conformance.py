# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the conformance suite over every store of ours and over the community's modules, and keeps what it found.

Usage: python -m tools.conformance BUILD PYTEST_ARGUMENT...
       python -m tools.conformance stores PYTEST_ARGUMENT...      ours alone, which need no network; or issuers
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools import community

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "evidence" / "conformance.md"
KEPT = ROOT / "tests" / "conformance" / "found.json"

INTRODUCTION = """\
<!-- Made by tools/conformance.py; do not edit. -->
# What every store does, on good days and on bad ones

The same cases run over every store, and over the task modules that put a store into any playbook. `make conformance`
runs them and writes this page; `make test` runs them, and fails where this page says something else.

| Store | What is behind it |
|---|---|
{servers}

Between the store and its server stands a proxy that throttles, hangs up and lies on demand, before or after a request
has had its effect. Whether a value is held, byte for byte, is found out past that proxy by means that share no code
with ours.
"""
WORDS = """\
| Word | Meaning |
|---|---|
| yes | it does |
| done | it looked again, or sent again what does no harm twice, and ended as wanted |
| says so | it ends with an error that says that the outcome is unknown; writing again makes it right |
| error | it ends with an error that names the place and what is missing; nothing was changed |
| refused | refused before anything is sent, with a reason |
| noticed | seen by comparing evidence right before the write; the system cannot compare and set in one |
| **no** | it does not; the note says what was seen |
| lost | the system offers nothing against it; the note says why |
| n/a | does not apply |
"""
MODULES = """\
## The modules

The last columns are the modules that others offer for the same, from the package `ansible`, run by `ansible-playbook`
through the same cases on the same servers:
{versions}.
The notes are what was seen, and nothing else. moto is more lenient than AWS, which refuses long values and `{{{{`: a
`yes` of `ssm_parameter` for one of these is moto's.
"""
ISSUERS = """\
## The issuers

The same cases for every issuer that the collection has. Behind each stands a stand-in, since none of these systems can
be had on one's own machine; it follows what its system has published, and knows nothing of our description.

| Issuer | What is behind it |
|---|---|
{servers}
"""


def text(kept: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    servers = "\n".join(f"| {title} | {server} |" for title, server in kept["servers"].items())
    parts = [
        INTRODUCTION.format(servers=servers),
        WORDS,
        "## The stores\n",
        *_table(kept["stores"]),
        MODULES.format(versions=versions),
        *_table(kept["modules"]),
        ISSUERS.format(servers="\n".join(f"| `{title}` | {server} |" for title, server in kept["asked"].items())),
        *_table(kept["issuers"]),
    ]
    return "\n".join(parts)


def _table(level: Mapping[str, Any]) -> Iterator[str]:
    """Columns that say the same in every row are one."""
    notes: dict[str, int] = {}
    alike: dict[str, list[str]] = {}
    for column in level["columns"]:
        alike.setdefault(json.dumps([cells.get(column) for cells in level["cells"].values()]), []).append(column)
    columns = list(alike.values())
    rows = [
        [_escaped(row), *(_shown(cells.get(titles[0]), notes) for titles in columns)]
        for row, cells in level["cells"].items()
    ]
    yield _line(["", *map(", ".join, columns)])
    yield "|---" * (len(columns) + 1) + "|"
    yield from (_line(row) for row in rows)
    yield ""
    yield from (f"{number}. {note}" for note, number in notes.items())
    yield ""


def _shown(cell: Mapping[str, Any] | None, notes: dict[str, int]) -> str:
    if cell is None:
        return ""
    said = "n/a" if cell["holds"] is None else str(cell["says"]) if cell["holds"] else "**no**"
    if not cell["why"]:
        return said
    why = str(cell["why"])
    note = why[0].upper() + why[1:] + ("" if why.endswith(".") else ".")
    return f"{said} <sup>{notes.setdefault(note, len(notes) + 1)}</sup>"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


# Gathering


def gathered(reports: Iterable[Path], titles: list[str]) -> dict[str, Any]:
    """All cells, rows and columns in their order."""
    cells = [cell for report in reports for cell in json.loads(report.read_text(encoding="utf-8"))]
    found: dict[str, Any] = {}
    for level in ("stores", "modules", "issuers"):
        here = sorted((cell for cell in cells if cell["level"] == level), key=lambda cell: cell["order"])
        columns = [title for title in titles if any(cell["column"] == title for cell in here)]
        by_row: dict[str, dict[str, Any]] = {}
        for cell in here:
            by_row.setdefault(cell["row"], {})[cell["column"]] = cell["cell"]
        ordered = {row: {title: by[title] for title in columns if title in by} for row, by in by_row.items()}
        found[level] = {"columns": columns, "cells": ordered}
    return found


def _run(report: Path, *arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", f"--conformance-report={report}", *arguments]
    return subprocess.run(command, check=False).returncode


def alone(level: str, arguments: list[str]) -> int:
    """Run our stores or our issuers, and keep what was found of all else."""
    from tests.conformance import columns

    issuers, folder_of = level == "issuers", "tests/conformance"
    ours = columns.issuers() if issuers else columns.ours()
    rest = [f"--ignore={folder_of}/{name}" for name in ("issuers", "test_table.py", "test_modules.py")]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        broken = _run(report, *([f"{folder_of}/issuers"] if issuers else [folder_of, *rest]), *arguments)
        found = gathered([report], [column.title for column in ours])[level]
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    servers = {column.title: column.kind.server for column in ours}
    _keep({**kept, "asked" if issuers else "servers": servers, level: found})
    return broken


def _keep(kept: Mapping[str, Any]) -> None:
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    DOCUMENT.write_text(text(kept), encoding="utf-8")
    print(f"Written: {KEPT.relative_to(ROOT)}, {DOCUMENT.relative_to(ROOT)}")


def main() -> int:
    from tests.conformance import baseline, columns

    if sys.argv[1] in ("stores", "issuers"):
        return alone(sys.argv[1], sys.argv[2:])
    build, arguments = Path(sys.argv[1]).resolve(), sys.argv[2:]
    ours = columns.ours()
    titles = [column.title for column in (*ours, *columns.issuers())] + [kind.title for kind in baseline.BENCHES]
    venv = community.environment(build)
    if venv is None:
        pythons = ", ".join(community.PYTHONS)
        print(f"No Python of {pythons} is here: the community's modules cannot be run, and nothing is kept")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "ours.json", Path(folder) / "community.json"
        broken = _run(first, "tests/conformance", "--ignore=tests/conformance/test_table.py", *arguments)
        broken = _run(second, "tests/conformance/test_modules.py", f"--baseline={venv}", *arguments) or broken
        found = gathered([first, second], titles)
    servers = {column.title: column.kind.server for column in ours}
    asked = {column.title: column.kind.server for column in columns.issuers()}
    _keep({"versions": community.versions(venv), "servers": servers, "asked": asked, **found})
    return broken


if __name__ == "__main__":
    sys.exit(main())
