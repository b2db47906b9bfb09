# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what a sweep has done, for the table in the documentation: a line of JSON each in the file ROTOR_TALLY."""

from __future__ import annotations

import json
import os
from pathlib import Path

FILE = "ROTOR_TALLY"


def add(sweep: str, **counts: int) -> None:
    """One more case, or many; nothing where nobody asks."""
    if name := os.environ.get(FILE):
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"sweep": sweep, **counts}) + "\n")
