# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wall clock that tools/elsewhen moves, for processes that inherit nothing else."""

from __future__ import annotations

import os

_VARIABLES = ("LD_PRELOAD", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "TZ")


def clock() -> dict[str, str]:
    """Return the variables that give a process the clock of the tests; none where it is the machine's."""
    if "FAKETIME" not in os.environ:
        return {}
    return {name: value for name, value in os.environ.items() if name in _VARIABLES or "FAKE" in name}


def machines() -> dict[str, str]:
    """Return the environment of a process that keeps the machine's clock, since it does not get on with libfaketime."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD" and "FAKE" not in name}
