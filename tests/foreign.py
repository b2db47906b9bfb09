# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of another collection's system, in the file that the environment names."""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType

VARIABLE = "ROTOR_BENCH"
NAME = "rotor_bench"


def modules() -> list[ModuleType]:
    """Load the file; none where the variable is not set."""
    place = os.environ.get(VARIABLE)
    if place and NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, place)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
    return [sys.modules[NAME]] if place else []
