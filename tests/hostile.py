# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text that does to a terminal what can be done to it, and a look at whether it still could."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MARK = "FORGED"
"""Begins a line where a line break was let through; stands within a line where the text was shown at all."""
HOSTILE = (
    f"text\n{MARK}\r\n{MARK}\u2028{MARK}\x85{MARK}\v"
    "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b31m\x1b]8;;http://evil.test\x1b\\\b\b\x00\x7f\t"
    "\u202egnp.exe\u202c\u2066\u2069\u200e\u061c\u200b\u200d\u2060\ufeff\u00ad\u00a0\u3000\ufe0f\u3164\U000e0041"
    "a" + "\u0301" * 60 + "z" * 10_000
)
LONGEST = 4000
_FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_BLANK_OR_UNSEEN = "\u00a0\u3000\u2000\u202f\u034f\u115f\u1160\u3164\uffa0\u2800\ufe0f\ufe00"


def problems(line: str, longest: int = LONGEST) -> list[str]:
    """What a line has that no line may have."""
    found = [f"{character!a} at {index}" for index, character in enumerate(line) if _is_forbidden(character)]
    found += [f"{len(line)} characters"] if len(line) > longest else []
    found += ["a forged line"] if line.startswith(MARK) else []
    return found


def problems_of(lines: Iterable[str], results: Iterable[Any] = ()) -> list[str]:
    """The same for all lines that were said, and for every text in results; a ``msg`` may have several lines."""
    told = [*lines, *(line for result in results for line in _texts(result))]
    return [f"{problem} in {line[:120]!a}" for line in told for problem in problems(line)]


def _texts(data: Any, key: str = "") -> Iterator[str]:
    if isinstance(data, str):
        yield from data.split("\n") if key == "msg" else [data]
    elif isinstance(data, Mapping):
        for name, value in data.items():
            yield from _texts(str(name))
            yield from _texts(value, str(name))
    elif isinstance(data, (list, tuple)):
        for one in data:
            yield from _texts(one)


def _is_forbidden(character: str) -> bool:
    return unicodedata.category(character) in _FORBIDDEN or character in _BLANK_OR_UNSEEN
