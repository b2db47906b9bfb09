# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quote a value so that docker compose, systemd and a shell read the same, where that is possible."""

from __future__ import annotations

import re
from collections.abc import Collection

_ODD_BACKSLASHES = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_ESCAPED = re.compile(r'[\\"$]')
_ESCAPED_OR_BACKTICK = re.compile(r'[\\"$`]')
COMPOSE = "compose"
READERS = (COMPOSE, "systemd", "shell")


def quoted(value: str, readers: Collection[str] = READERS) -> str:
    """Quote a value for those who read it.

    In single quotes, they take everything but a single quote as it is, and compose no backslash at the end, either.

    In double quotes, all three know the same three escapes; a backtick stands as it is for compose, and escaped for the
    others.
    """
    if "'" in value or _ODD_BACKSLASHES.search(value):
        escaped = _ESCAPED if COMPOSE in readers else _ESCAPED_OR_BACKTICK
        return '"' + escaped.sub(r"\\\g<0>", value) + '"'
    return f"'{value}'"


def problem(value: str, readers: Collection[str] = READERS) -> str:
    """Say why a value cannot be quoted for those who read it; empty where it can."""
    if "\0" in value:
        return "a variable cannot hold a NUL character"
    if any(_is_noncharacter(ord(character)) for character in value):
        return "systemd refuses a file with a Unicode noncharacter"
    if "`" in value and quoted(value).startswith('"') and COMPOSE in readers and len(readers) > 1:
        return (
            "a backtick next to a single quote, or before a backslash at the end, cannot be written so that "
            "docker compose, systemd and a shell read it alike; say in readers who reads the file"
        )
    return ""


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
