# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits that all threads of an account share."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.budget import Budget
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import StoppedError
from tests.unit.core.doubles import VirtualClock


def test_a_burst_goes_at_once_and_then_everybody_waits_for_a_turn(clock: VirtualClock) -> None:
    budget = Budget(per_second=1, burst=3, clock=clock)
    for _turn in range(5):
        budget.spend()
    assert clock.slept == [0, 0, 0, 1, 1]


def test_idle_time_fills_the_burst_up_and_no_further(clock: VirtualClock) -> None:
    budget = Budget(per_second=1, burst=2, clock=clock)
    budget.spend()
    budget.spend()
    clock.time += 600
    for _turn in range(3):
        budget.spend()
    assert clock.slept == [0, 0, 0, 0, 1]


def test_keys_have_budgets_of_their_own(clock: VirtualClock) -> None:
    budget = Budget(per_second=1, burst=1, clock=clock)
    budget.spend("app-1")
    budget.spend("app-2")
    assert clock.slept == [0, 0]


def test_a_hold_silences_every_key_until_it_is_over(clock: VirtualClock) -> None:
    budget = Budget(per_second=1, burst=1, clock=clock)
    budget.hold(30)
    budget.hold(10)
    budget.spend("app-1")
    budget.spend("app-2")
    assert clock.time == 30


def test_a_hold_reaches_those_who_wait_already(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(per_second=1, burst=1, clock=clock)
    budget.spend()
    sleep = clock.sleep

    def held_meanwhile(seconds: float) -> None:
        monkeypatch.setattr(clock, "sleep", sleep)
        budget.hold(20)
        sleep(seconds)

    monkeypatch.setattr(clock, "sleep", held_meanwhile)
    budget.spend()
    assert clock.time == 20


def test_a_spender_goes_no_further_when_the_run_is_stopped(clock: VirtualClock) -> None:
    budget = Budget(per_second=1, burst=1, clock=clock)
    clock.stop()
    with pytest.raises(StoppedError):
        budget.spend()
