# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation shows what was found, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from tools import chaos


def kept(counts: dict[str, int] | None = None, failed: int = 0) -> dict[str, Any]:
    """One sweep, of kills."""
    return {
        "sweeps": {
            "kills": {
                "date": "2026-11-21",
                "asked": {"ROTOR_KILLS": "1"},
                "counts": {"kills: a": counts or {"leaks": 0, "SIGKILL": 3}},
                "seconds": 90,
                "tests": {"run": 6, "failed": failed},
                "code": 0,
            }
        }
    }


def test_the_counts_of_a_sweep_are_added_up() -> None:
    lines = [{"sweep": "kills: a", "SIGKILL": 1}, {"sweep": "kills: a", "SIGKILL": 2, "SIGTERM": 1}]
    assert chaos.counted(lines) == {"kills: a": {"SIGKILL": 3, "SIGTERM": 1}}


def test_the_table_has_what_the_tests_counted() -> None:
    assert "| Killed | 6 | 0 | 2 min | 2026-11-21 |" in chaos.table(kept())
    assert "| Killed | a | 3 | 3 SIGKILL, 0 leaks |" in chaos.cases(kept())


def test_a_sweep_that_was_not_run_is_told() -> None:
    assert "| Random histories | not yet run to its full length |" in "\n".join(chaos.table(kept()))


def test_a_history_is_one_case_whatever_happens_in_it() -> None:
    line = "| Killed | a | 5 | 12 run, 5 brought to rest |"
    assert line in chaos.cases(kept({"run": 12, "brought to rest": 5}))


def test_files_and_kilobytes_are_not_added_up() -> None:
    line = "| Killed | a |  | 2 files, 9 kilobytes, 0 leaks |"
    assert line in chaos.cases(kept({"files": 2, "kilobytes": 9, "leaks": 0}))


def test_what_is_of_many_kinds_is_not_spelled_out() -> None:
    many = {"leaks": 0} | {f"kind {number}": 1000 for number in range(19)}
    assert "| Killed | a | 19,000 | of 19 kinds, 0 leaks |" in chaos.cases(kept(many))


def test_the_headline_counts_what_failed_as_a_violation_or_a_leak() -> None:
    found = kept(failed=2)
    found["sweeps"]["secrecy"] = found["sweeps"]["kills"] | {"counts": {}, "tests": {"run": 1, "failed": 1}}
    assert chaos.headline(found) == "Points killed: 3. Violations: 2. Leaks: 1."


def test_the_page_is_made_from_what_was_found() -> None:
    found = json.loads(chaos.KEPT.read_text(encoding="utf-8"))
    assert chaos.DOCUMENT.read_text(encoding="utf-8") == chaos.text(found)
