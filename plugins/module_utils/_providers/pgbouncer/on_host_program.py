# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read PgBouncer's user lists as it does. The program runs on the host, by itself, on Python 3.9 or later."""

from __future__ import annotations

import re

_QUOTED = rb'"((?:[^"]|"")*)"(?!")'
_ENTRY = re.compile(rb"[ \t\v\f\r]*" + _QUOTED + rb'[^"]*' + _QUOTED + rb"[^\n]*\n?")
_NO_ENTRY = re.compile(rb"[ \t\v\f\r]*(?:;[^\n]*)?(?:\n|\Z)")


class Refusal(Exception):  # noqa: N818 - it is an answer
    """Say why a file is left alone, and what to do about it."""


class Statement:
    """Hold one piece of the file: a user with the whole line, a comment or an empty line."""

    def __init__(self, text: bytes, name: str | None = None, value: bytes | None = None) -> None:
        self.text = text
        self.name = name
        self.value = value
        self.lead = b""
        self.refusal: tuple[str, str] | None = None


def statements(text: bytes, readers: list[str] | None = None) -> list[Statement]:  # noqa: ARG001 - there is one
    """Split a file; Refusal where PgBouncer would stop reading, so that whatever follows is worth nothing."""
    found = []
    start = 0
    while start < len(text):
        entry = _ENTRY.match(text, start)
        match = entry or _NO_ENTRY.match(text, start)
        if match is None:
            number = text.count(b"\n", 0, start) + 1
            raise Refusal(
                f"PgBouncer stops reading at line {number}, which has no two fields in double quotes", "Mend that line"
            )
        if entry:
            name, value = (field.replace(b'""', b'"') for field in entry.groups())
            found.append(Statement(match[0], name.decode(errors="surrogateescape"), value))
        else:
            found.append(Statement(match[0]))
        start = match.end()
    return found


def line(key: str, value: str) -> bytes:
    """Spell the line of a user."""
    return "{} {}\n".format(*('"' + field.replace('"', '""') + '"' for field in (key, value))).encode()
