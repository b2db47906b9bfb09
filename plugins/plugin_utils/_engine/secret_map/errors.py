# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes in what people wrote: collected with their paths, and reported all at once."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from ....module_utils._core import masking
from ....module_utils._core.errors import ConfigurationError

Path = tuple[str | int, ...]
_SHOWN = 50
_LONGEST = 80


class MapError(ConfigurationError):
    """Everything that is wrong with the ``secret_*`` variables; ``mistakes`` has a line for each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        count = len(mistakes)
        head = f"{count} mistake{'s' if count > 1 else ''} in the secret_* variables; nothing was done:"
        rest = [f"and {count - _SHOWN} more"] if count > _SHOWN else []
        super().__init__(head, details=[*mistakes[:_SHOWN], *rest])
        self.mistakes = tuple(mistakes)


class Mistakes:
    """Collects; the same line counts once."""

    def __init__(self) -> None:
        self._lines: dict[str, bool] = {}
        """Line -> whether it is reason enough to refuse the map."""

    def add(self, path: Path, what: str, suggestion: str = "", *, refuses: bool = True) -> None:
        """``refuses=False``: tell it beside other mistakes; alone, it is left to the secrets that meet it."""
        line = masking.scrub(f"{show(path)}: {what}{f'; {suggestion}' if suggestion else ''}")
        self._lines[line] = self._lines.get(line, False) or refuses

    def __len__(self) -> int:
        return sum(self._lines.values())

    def refuse(self) -> None:
        """MapError if there is one that refuses the map."""
        if len(self):
            raise MapError(list(self._lines))


def show(path: Path) -> str:
    """``secret_map.NAME.rollout[0].copies[1]``."""
    first, *rest = path
    return str(first) + "".join(map(_show_part, rest))


def _show_part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    part = part[:_LONGEST]
    return f".{part}" if re.fullmatch(r"[\w-]+", part) else f"[{json.dumps(part)}]"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant: similar, or one is the beginning of the other."""
    name, known = name[:_LONGEST], sorted(known)
    similar = get_close_matches(name, known, 1)
    if similar or len(name) < 2:
        return similar[0] if similar else None
    related = [one for one in known if one.startswith(name) or (len(one) > 1 and name.startswith(one))]
    return min(related, key=len, default=None)


def suggest(name: str, known: Collection[str]) -> str:
    """``did you mean …?``, or what there is."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else there_are(known)


def there_are(known: Collection[str]) -> str:
    some = sorted(known)[:20]
    if not some:
        return "there are none"
    return (
        f"there {'is' if len(known) == 1 else 'are'} {', '.join(some)}{' and more' if len(known) > len(some) else ''}"
    )
