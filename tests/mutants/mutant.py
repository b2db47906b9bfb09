# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A safeguard, and how it is taken out: an exact text that must stand once in its file, and what replaces it."""

from __future__ import annotations

from dataclasses import dataclass

CORE = "module_utils/_core"
PROVIDERS = "module_utils/_providers"


@dataclass(frozen=True)
class Mutant:
    safeguard: str
    place: str
    """A file or a folder below plugins/, without its ending: the text stands somewhere there."""
    text: str
    instead: str
    tests: tuple[str, ...]
    """Test files below tests/unit/, without their ending, the likeliest to notice first."""

    @property
    def part(self) -> str:
        return "engine" if self.place.startswith("plugin_utils/") else "providers"


def provider(safeguard: str, file: str, text: str, instead: str, *tests: str) -> Mutant:
    system = file.partition("/")[0]
    names = tuple(f"providers/{system}/test_{name}" for name in tests)
    return Mutant(safeguard, f"{PROVIDERS}/{file}", text, instead, names)
