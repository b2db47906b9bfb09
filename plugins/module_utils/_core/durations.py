# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them: ``90d``, ``36h``, ``1h30m``, ``0s``."""

from __future__ import annotations

import re
from datetime import timedelta

PATTERN = r"^(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse(text: str) -> timedelta:
    """Parse ``"1h30m"`` to a timedelta; ValueError for anything else."""
    if not text or not re.fullmatch(PATTERN, text):
        raise ValueError("not a duration such as 90d, 36h or 1h30m")
    try:
        return timedelta(**{_UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([wdhms])", text)})
    except OverflowError:
        raise ValueError("longer than anybody lives") from None


def show(duration: timedelta) -> str:
    """Write a duration in its two largest units: ``97d``, ``1h30m``, ``40s``."""
    rest = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts[:2]) or "0s"


def check_lifetime(lifetime: str, max_age: timedelta | None) -> list[str]:
    """Say why a credential of this ``lifetime`` cannot be as old as it may get."""
    try:
        lasts = parse(lifetime)
    except ValueError as error:
        return [f"lifetime: {error}"]
    least = max_age or timedelta()
    return [] if lasts > least else [f"lifetime: {lifetime} does not exceed max_age, {show(least)}"]
