# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python loads this at its start where this folder is on PYTHONPATH: sleep without clock_nanosleep.

libfaketime moves the absolute time that Python passes to it, even where it leaves the monotonic clock alone.
"""

import select
import time


def _sleep(seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


vars(time)["sleep"] = _sleep
