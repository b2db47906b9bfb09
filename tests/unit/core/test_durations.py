# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import durations


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90d", timedelta(days=90)),
        ("2w", timedelta(weeks=2)),
        ("1h30m", timedelta(minutes=90)),
        ("0s", timedelta(0)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_durations_are_read(text: str, duration: timedelta) -> None:
    assert durations.parse(text) == duration


@pytest.mark.parametrize("text", ["", "90", "d", "1.5h", "30m1h", "-1d", "1h 30m", "ninety days"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (40, "40s"), (5400, "1h30m"), (97 * 86400, "97d"), (90061, "1d1h")]
)
def test_durations_are_shown_by_their_two_largest_units(seconds: int, text: str) -> None:
    assert durations.show(timedelta(seconds=seconds)) == text


def test_a_duration_that_no_calendar_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than anybody lives"):
        durations.parse("9999999999d")
