# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time that can be stopped."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import StoppedError
from tests.unit.core.doubles import VirtualClock


def test_wall_time_has_a_time_zone_and_monotonic_time_never_goes_back() -> None:
    clock = Clock()
    assert clock.now().utcoffset() is not None
    assert clock.monotonic() <= clock.monotonic()


def test_a_stopped_run_makes_no_further_effect() -> None:
    clock = Clock()
    clock.check()
    clock.stop()
    assert clock.stopped
    with pytest.raises(StoppedError):
        clock.check()


def test_a_sleeper_wakes_when_the_run_is_stopped() -> None:
    clock = Clock()
    threading.Timer(0.01, clock.stop).start()
    with pytest.raises(StoppedError):
        clock.sleep(600)


def test_sleeping_for_no_time_returns_at_once() -> None:
    Clock().sleep(-1)


def test_poll_returns_the_first_thing_found(clock: VirtualClock) -> None:
    answers = iter([None, None, "there"])
    assert clock.poll(lambda: next(answers), every=2, within=10) == "there"
    assert clock.slept == [2, 2]


def test_poll_gives_up_when_the_time_is_over_after_a_last_look(clock: VirtualClock) -> None:
    looks = []
    assert clock.poll(lambda: looks.append(clock.time), every=4, within=10) is None
    assert looks == [0, 4, 8, 10]
