# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.progress import Counts, ProgressReport
from tests.unit.core.doubles import VirtualClock


def test_a_few_secrets_have_a_line_for_each_effect() -> None:
    said: list[str] = []
    progress = ProgressReport(10, lambda: Counts(20, 0), VirtualClock(), said.append)
    progress.effect("written")
    progress.effect("reloaded")
    assert said == ["written", "reloaded"]


def test_many_secrets_have_a_line_every_few_seconds_with_pace_and_rest() -> None:
    said: list[str] = []
    left = [500]
    clock = VirtualClock()
    progress = ProgressReport(500, lambda: Counts(left[0], 1), clock, said.append)
    for _effect in range(40):
        left[0] -= 10
        clock.sleep(0.25)
        progress.effect("written")
    assert said[0] == "ROLL OUT  80/500 copies  40/s  1 held  10s left"
    assert len(said) == 5


def test_as_long_as_nothing_is_written_no_time_is_promised() -> None:
    said: list[str] = []
    clock = VirtualClock()
    progress = ProgressReport(11, lambda: Counts(22, 0), clock, said.append)
    clock.sleep(3)
    progress.effect("minted")
    assert said == ["ROLL OUT  0/22 copies  0/s  0 held"]
