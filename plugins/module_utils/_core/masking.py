# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last line of defence: replaces every known value, in every form that is sent, in any text that leaves.

Masking matches exact strings, so each form is registered (plain, JSON-escaped, percent-encoded, base64).
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "********"
_SHORTEST = 4  # masking shorter strings would garble every message
_PIECE = 12  # a shorter piece of a value stands in a text by chance
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff]+")
"""What a library's text writes as an escape, so that only what stands between is to be recognized."""

_lock = threading.Lock()
_forms: set[str] = set()
_public: set[str] = set()


def forms(value: str) -> set[str]:
    """Return every spelling under which a value may turn up in a request, a document or an error."""
    data = value.encode(errors="surrogatepass")
    spellings = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(data),
        quote(data, safe=""),
        quote_plus(data),
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
    }
    spellings.update(part for part in _UNPRINTABLE.split(value) if len(part) >= _PIECE)
    return {spelling for spelling in spellings if len(spelling) >= _SHORTEST}


def register(value: str) -> None:
    with _lock:
        _forms.update(forms(value))


def publish(text: str) -> None:
    """Say that a text is no secret, such as a role's name: it is shown, though a store that is read holds it, too."""
    with _lock:
        _public.add(text)


def known() -> frozenset[str]:
    """Return all registered spellings, for core's own masking where it has one (2.22 and later)."""
    with _lock:
        return frozenset(_forms - _public)


def scrub(text: str) -> str:
    """Replace every known value in a text."""
    found = [form for form in known() if form in text]  # few of many: far quicker than one pattern of them all
    if not found:
        return text
    return re.sub("|".join(map(re.escape, sorted(found, key=len, reverse=True))), MASK, text)


def scrub_pieces(text: str, values: Iterable[str], *, cut: bool = False) -> str:
    """Mask whatever has twelve characters in a row of one of these values, in any spelling and however it is wrapped.

    For text that somebody has made out of a value: cut off, folded, or encoded together with something else. ``cut``:
    its beginning was cut off, so that the first characters may be fewer than twelve of a value; they are masked, too.
    """
    pieces = {
        spelling[start : start + _PIECE]
        for value in values
        for spelling in map(_dense, _spellings(value))
        for start in range(len(spelling) - _PIECE + 1)
    }
    places = [place for place, character in enumerate(text) if not character.isspace()]
    dense = _dense(text)
    starts = [start for start in range(len(dense) - _PIECE + 1) if dense[start : start + _PIECE] in pieces]
    parts, end = [], 0
    if cut and dense:  # a mask may have made fewer than twelve characters twice as long
        parts, end = [MASK], places[: 2 * _PIECE][-1] + 1
    for start in starts:
        first, last = places[start], places[start + _PIECE - 1]
        if first >= end:
            parts += [text[end:first], MASK]
        end = max(end, last + 1)
    return "".join([*parts, text[end:]])


def _spellings(value: str) -> set[str]:
    """Return a value's forms, also with small hexadecimal digits, and in base64 behind one or two other bytes."""
    data = value.encode(errors="surrogatepass")
    found = {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in forms(value)}
    found |= forms(value) | {data.hex(), data.hex().upper()}
    for before in range(3):
        shifted = base64.b64encode(bytes(before) + data).decode()[4 if before else 0 :]
        found |= {shifted, shifted.translate(str.maketrans("+/", "-_"))}
    return found


def _dense(text: str) -> str:
    return "".join(text.split())
