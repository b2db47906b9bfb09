# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that nobody foresaw, in words that may be shown."""

from __future__ import annotations

import traceback

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking


def surprise(error: Exception) -> str:
    """Name an error's class and place, and repeat a database's own words; other texts may quote anything."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "an unknown place"
    said = masking.scrub(str(getattr(error, "orig", ""))).partition("\n")[0]
    return f"unexpected {type(error).__name__} in {place}{f' ({said})' if said else ''}"
