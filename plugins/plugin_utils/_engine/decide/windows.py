# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows outside which no rotation is begun, by the wall clock of their time zone. Pure functions.

An hour that the clock repeats in autumn counts twice, and one that it skips in spring not at all.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..secret_map.model import RotationWindow

_DAY = 24 * 60
_LOOK_AHEAD = 15
"""Days; a window of one day a week may fall into the hour that is skipped."""


def is_open(window: RotationWindow, now: datetime) -> bool:
    """Say whether a rotation may begin now; a window over midnight belongs to the day on which it opens."""
    local = now.astimezone(ZoneInfo(window.tz))
    today, minute = local.weekday(), local.hour * 60 + local.minute
    if window.opens < window.closes:
        return today in window.days and window.opens <= minute < window.closes
    yesterday = (today - 1) % 7
    return (today in window.days and minute >= window.opens) or (yesterday in window.days and minute < window.closes)


def next_opening(window: RotationWindow | None, now: datetime) -> datetime | None:
    """Find the next time at which a window opens, in its own time zone; None where it is open, or there is none."""
    if window is None or is_open(window, now):
        return None
    zone = ZoneInfo(window.tz)
    today = now.astimezone(zone).date()
    for days in range(_LOOK_AHEAD):
        midnight = datetime.combine(today + timedelta(days), time(), zone)
        opens = (midnight + timedelta(minutes=window.opens % _DAY)).astimezone(UTC).astimezone(zone)
        if opens > now and is_open(window, opens):
            return opens
    return None


def closed(window: RotationWindow | None, now: datetime) -> str:
    """Say until when a window is closed; empty where it is open, or where there is none."""
    if window is None or is_open(window, now):
        return ""
    opens = next_opening(window, now)
    return f"its window is closed until {opens:%a %Y-%m-%d %H:%M %Z}" if opens else "its window never opens"
