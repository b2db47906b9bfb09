# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spell a name in the length and the alphabet of a provider."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_DIGEST = 8


@dataclass(frozen=True)
class NameRule:
    """Which names a provider takes, by its published description; without limits, every name."""

    longest: int | None = None
    characters: str = ""
    """The characters that it takes, as they stand in the brackets of a regular expression: ``a-z0-9_``."""

    def spell(self, name: str) -> str:
        """Return the name as the provider takes it. One that has to be changed ends in its digest."""
        longest = self.longest or len(name) + _DIGEST + 1
        if self._takes(name) and len(name) <= longest:
            return name
        fill = next((one for one in "-_." if self._takes(one)), "")
        spelled = "".join(next((each for each in (one, one.lower()) if self._takes(each)), fill) for one in name)
        ending = fill + hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
        return spelled[: longest - len(ending)] + ending

    def _takes(self, text: str) -> bool:
        return not self.characters or re.fullmatch(f"[{self.characters}]*", text) is not None
