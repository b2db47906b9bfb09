# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read dotenv files as their readers do. The program runs on the host, by itself, on Python 3.9 or later."""

from __future__ import annotations

import re

# Where a statement ends, for each reader: at the newline that follows what its expression matches.
_IN_DOUBLE = rb'"(?:[^"\\]|\\.)*"'
_ENDS = {
    reader: re.compile(expression, re.DOTALL)
    for reader, expression in {
        # quotes anywhere, and a comment after a blank
        "shell": rb"(?:[^'\"\\\n#]+|'[^']*'|" + _IN_DOUBLE + rb"|\\.|(?<=[ \t;])#[^\n]*|#)*",
        # quotes at the beginning of a value, one after the other; a backslash before the end goes on
        "systemd": rb"[^=\r\n]*(?:=(?:[ \t]*(?:'[^']*'|" + _IN_DOUBLE + rb"))*[ \t]*"
        rb"(?:(?:\\.|[^'\" \t\r\n\\])(?:\\.|[^\r\n\\])*)?)?\r?",
        # one quoted value, and after it the next statement
        "compose": rb"(?:(?!#)[^=:\n]*[=:][ \t\v\f\r]*(?:'(?:[^'\\]|\\.)*'|" + _IN_DOUBLE + rb")[ \t\v\f\r]*)*"
        rb"(?:#[^\n]*|[^=:\n]*(?:[=:][ \t\v\f\r]*(?:[^'\" \t\v\f\r\n][^\n]*)?)?)",
    }.items()
}
_NAMES = {"compose": "docker compose", "systemd": "systemd", "shell": "a shell"}
_COMMENT = re.compile(rb"\s*[#;]")
_ASSIGNMENT = re.compile(rb"(?P<lead>[ \t]*(?:export[ \t]+)?)(?P<name>[A-Za-z_]\w*)(?P<sign>[ \t]*[=:])", re.ASCII)
# What a shell does after an assignment, on the same line; a semicolon alone may be a part of an unquoted value.
# One character a turn: with several, a long word that ends otherwise would be tried in each way of cutting it up.
_WORD = rb"(?:[^'\"\\\s;&|]|'[^']*'|" + _IN_DOUBLE + rb"|\\.)*"
_COMMAND = re.compile(_WORD + rb"[ \t]*[;&|]+(?:[ \t]+[^\s#]|(?:export|declare|readonly|typeset|unset)\b)", re.DOTALL)
_EXPORT = re.compile(_WORD + rb"[ \t]*;[ \t]*export[ \t]+([A-Za-z_]\w*)[ \t;]*(?:#[^\n]*)?\n?", re.ASCII | re.DOTALL)
# What the readers take for the same value; a backtick in double quotes stands as it is for compose alone.
_IN_DOUBLE_ALIKE = {
    "all": rb'"((?:[^"\\$`]|\\["\\$])*)"',
    "compose": rb'"((?:[^"\\$]|\\["\\$])*)"',
    "others": rb'"((?:[^"\\$`]|\\["\\$`])*)"',
}
_ALIKE = {
    who: [
        re.compile(expression + rb"[ \t]*\n?", re.DOTALL)
        for expression in (rb"([A-Za-z0-9_./:@%+,=^{}\[\]?*!-]*)", rb"'((?:[^'\\]|\\[^'])*)'", in_double)
    ]
    for who, in_double in _IN_DOUBLE_ALIKE.items()
}


class Refusal(Exception):  # noqa: N818 - it is an answer
    """Say why a file is left alone, and what to do about it."""


class Statement:
    """Hold one piece of the file: an assignment with its whole value, a comment, an empty line, anything else."""

    def __init__(self, text: bytes, readers: list[str]) -> None:
        self.text = text
        match = _ASSIGNMENT.match(text)
        self.name = match["name"].decode() if match else None
        self.lead = match["lead"] if match else b""
        self.refusal: tuple[str, str] | None = None
        """Why its value is not replaced: a shell finds a command behind the assignment, which would be lost."""
        if "shell" in readers and match and match["sign"] == b"=" and _COMMAND.match(text, match.end()):
            exported = _EXPORT.fullmatch(text, match.end())
            if exported is None or exported[1] != match["name"]:
                self.refusal = _goes_on(match["name"].decode())
            self.lead += b"" if self.refusal or b"export" in self.lead else b"export "
        self.value = _value(text[match.end() :], readers) if match and match["sign"] == b"=" else None
        """None where the readers differ."""


def _goes_on(key: str) -> tuple[str, str]:
    return (
        f"behind {key}= a shell finds another command on the same line, which would be lost",
        "Put it into a line of its own, or quotes around the value; or say in readers who reads the file",
    )


def _value(text: bytes, readers: list[str]) -> bytes | None:
    who = "compose" if readers == ["compose"] else "all" if "compose" in readers else "others"
    for expression in _ALIKE[who]:
        match = expression.fullmatch(text)
        if match:
            return re.sub(rb"\\(.)", rb"\1", match[1]) if text.startswith(b'"') else match[1]
    return None


def statements(text: bytes, readers: list[str] | None = None) -> list[Statement]:
    """Split a file into statements; Problem where its readers (by default all three) disagree on where one ends."""
    readers = readers or [*_NAMES]
    if text.startswith(b"\xef\xbb\xbf"):
        raise Refusal("the file begins with a byte order mark, which a shell takes for a part of a name")
    found = []
    start = 0
    while start < len(text):
        end = _end(text, start, readers)
        if end is None:
            line = text.count(b"\n", 0, start) + 1
            *names, last = [name for reader, name in _NAMES.items() if reader in readers]
            who = f"{', '.join(names)} and {last} do not agree" if names else f"{last} does not tell"
            hint = "Put quotes around its value, or close them; or say in readers who reads the file"
            raise Refusal(f"{who} where the statement of line {line} ends", hint)
        found.append(Statement(text[start:end], readers))
        start = end
    return found


def _end(text: bytes, start: int, readers: list[str]) -> int | None:
    line = text.find(b"\n", start)
    line = len(text) if line < 0 else line
    content = text[start:line]
    if _COMMENT.match(content):
        return None if content.endswith(b"\\") and "systemd" in readers else line + 1
    if not re.search(rb"['\"\\]|\r.", content):
        return line + 1
    ends = {_ENDS[reader].match(text, start).end() for reader in readers}  # type: ignore[union-attr]  # all match
    end = ends.pop()
    return end + 1 if not ends and text[end : end + 1] in (b"", b"\n") else None


def line(key: str, value: str) -> bytes:
    """Spell an assignment; it ends with a newline alone: a shell takes a carriage return for a part of the value."""
    return f"{key}={value}\n".encode()
