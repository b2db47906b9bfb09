# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make text from outside fit to be shown: printable characters only, on one line, up to a length.

A provider, a database, a file or a host may send terminal control sequences, line breaks that forge a line, marks that
turn the reading order round, and characters that nobody sees. Each of these is shown as its escape, such as ``\\x1b``;
nothing is dropped, so that two texts do not become one. Only what is shown passes here: an id that goes back to a
provider and evidence that is compared stay as they came.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from . import masking

NAME = 200
MESSAGE = 2000
LINE = 4000
_CUT = " … (cut) … "
_MARKS = 4
"""How many combining marks a character may carry; with more of them it reaches into the lines above and below."""
_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""Characters that are letters, marks or symbols by Unicode's categories, and have no shape."""
_ID = re.compile(f"[!-~]{{0,{NAME}}}")
_PLAIN = re.compile(r"[^\s'\"\\{}]*")
"""What Ansible takes as it stands in NAME=VALUE: it splits that at blanks, and knows quotes and escapes."""


def printable(text: str, limit: int = LINE) -> str:
    """Return the text as one printable line of at most ``limit`` characters, with a mark where something was cut out.

    Applying it again changes nothing.
    """
    if text.isprintable() and text.isascii() and len(text) <= limit:
        return text
    text = masking.scrub(text)  # first: neither an escaped value nor half of one would be recognized
    return _cut(_escaped(_cut(text, limit)), limit)


def quoted(text: str) -> str:
    """Return a name in quotation marks, for a line of several columns."""
    return '"{}"'.format(printable(text, NAME).replace('"', '\\"'))


def extra_var(name: str, value: str | Sequence[str]) -> str:
    """Return what ``ansible-playbook -e`` takes for a variable: NAME=VALUE, or JSON where it would take that apart."""
    parts = [value] if isinstance(value, str) else list(value)
    text = printable(",".join(parts))
    plain = _PLAIN.fullmatch(text) and (isinstance(value, str) or not any("," in part for part in parts))
    return f"{name}={text}" if plain else printable(json.dumps({name: value}, ensure_ascii=False))


def extra_option(name: str, value: str | Sequence[str]) -> str:
    """Return the option that sets a variable, for a shell."""
    return f"-e {shlex.quote(extra_var(name, value))}"


def identifier(text: str) -> str:
    """Return the id unchanged, or a phrase in place of one that a person could take for another id.

    Only visible ASCII characters pass. The phrase has blanks in it, so that it is no id.
    """
    return text if _ID.fullmatch(text) else f"[an id that cannot be shown, {_digest(text)}]"


def shown(data: Any, key: str = "") -> Any:
    """Return a result with every text in it printable; ``id`` and ``…_id`` are identifiers.

    A member of an enumeration becomes its text, since Ansible stores no other types than its own.
    """
    if isinstance(data, Enum):
        return data.value
    if isinstance(data, str):
        return identifier(data) if key == "id" or key.endswith("_id") else printable(data)
    if isinstance(data, Mapping):
        return {_key(name): shown(value, str(name)) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [shown(one, key) for one in data]
    return data


def _key(key: Any) -> Any:
    """Make a key printable, and keep two keys apart."""
    if isinstance(key, Enum):
        return key.value
    if not isinstance(key, str) or printable(key) == key:
        return key
    return f"{printable(key, NAME)} ({_digest(key)})"


def _digest(text: str) -> str:
    return f"sha256 {hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:12]}"


def _cut(text: str, limit: int) -> str:
    """Cut out the middle, so that the end of a long text stays visible."""
    if len(text) <= limit:
        return text
    tail = limit // 4
    return text[: limit - tail - len(_CUT)] + _CUT + text[-tail:]


def _escaped(text: str) -> str:
    if text.isprintable() and text.isascii():
        return text
    parts, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        fit = character.isprintable() and character not in _UNSEEN and marks <= _MARKS
        parts.append(character if fit else character.encode("unicode_escape").decode())
    return "".join(parts)
