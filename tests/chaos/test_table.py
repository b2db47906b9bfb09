# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation shows what was found, and nothing else."""

from __future__ import annotations

import json

import pytest

from tools import chaos


def test_the_counts_of_a_sweep_are_added_up() -> None:
    lines = [{"sweep": "kills: a", "SIGKILL": 1}, {"sweep": "kills: a", "SIGKILL": 2, "SIGTERM": 1}]
    assert chaos.counted(lines) == {"kills: a": {"SIGKILL": 3, "SIGTERM": 1}}


def test_the_table_has_what_the_tests_counted() -> None:
    found = {"date": "2026-11-21", "asked": {"ROTOR_KILLS": "1"}, "counts": {"kills: a": {"SIGKILL": 3}}, "seconds": 90}
    kept = {"sweeps": {"kills": found | {"tests": {"run": 6, "failed": 0}, "code": 0}}}
    assert "| Killed | a: 3 (3 SIGKILL) | 6 | 0 | 2 min | 2026-11-21 |" in chaos.table(kept)


@pytest.mark.skipif(not chaos.KEPT.exists(), reason="make chaos has not been run yet")
def test_the_page_is_made_from_what_was_found() -> None:
    kept = json.loads(chaos.KEPT.read_text(encoding="utf-8"))
    assert chaos.DOCUMENT.read_text(encoding="utf-8") == chaos.text(kept)
