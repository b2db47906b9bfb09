# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three that must read a file alike: the host's shell, systemd's own parser, and what docker compose does.

None of them shares code with the store. Compose's parser is written in Go and cannot be called here; ``compose`` below
does what compose-go's ``dotenv`` package does, as its source and its tests have it.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from functools import cache
from pathlib import Path

Variables = dict[str, str]

_LIBRARIES = "/usr/lib*/systemd/libsystemd-shared-*.so", "/usr/lib*/*/systemd/libsystemd-shared-*.so"
_GO_SPACES = "\t\v\f\r \x85\xa0"
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0\d{0,3})')
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def shell(path: Path, program: str = "/bin/sh") -> Variables:
    """What a program that this shell starts after ``set -a; . FILE`` has in its environment."""
    line = 'set -a; . "$1"; exec /usr/bin/env -0'
    clean = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([program, "-c", line, program, str(path)], check=True, capture_output=True, env=clean)
    return dict(entry.decode().split("=", 1) for entry in done.stdout.split(b"\0") if entry)


def systemd(path: Path) -> Variables:
    """What a unit with ``EnvironmentFile=FILE`` has: parsed, and stripped of what is not valid."""
    library = _systemd()
    entries = ctypes.POINTER(ctypes.c_char_p)()
    if library.load_env_file(None, os.fsencode(path), ctypes.byref(entries)) < 0:
        raise ValueError("systemd does not load this file")
    found: Variables = {}
    for entry in iter_strings(entries):
        if library.env_assignment_is_valid(entry):
            name, value = entry.decode().split("=", 1)
            found[name] = value
    return found


def iter_strings(strings: ctypes._Pointer[ctypes.c_char_p]) -> list[bytes]:
    found: list[bytes] = []
    while strings and (entry := strings[len(found)]) is not None:
        found.append(entry)
    return found


def systemd_library() -> str | None:
    return next((str(path) for pattern in _LIBRARIES for path in Path("/").glob(pattern[1:])), None)


@cache
def _systemd() -> ctypes.CDLL:
    path = systemd_library()
    assert path, "systemd's shared library is not installed"
    return ctypes.CDLL(path)


def compose(path: Path) -> Variables:
    """What ``docker compose`` takes from an ``env_file`` or a ``.env``, in an empty environment."""
    text = path.read_bytes().removeprefix("\ufeff".encode()).decode(errors="surrogateescape")
    found: Variables = {}
    while text := _statement(text):
        name, text = _name(text)
        if name is None:
            continue
        value, text = _value(text, found)
        found[name] = value
    return found


def _statement(text: str) -> str:
    text = text.lstrip()
    while text.startswith("#"):
        text = text.partition("\n")[2].lstrip()
    return text


def _name(text: str) -> tuple[str | None, str]:
    text = re.sub(r"\Aexport[ \t\n\f\r]+", "", text)
    match = re.match(rf"((?:[\w.\-\[\]]|[{_GO_SPACES}])*)([=:\n]|\Z)", text)
    if match is None:
        raise ValueError("compose does not take this name")
    if not match[2]:  # the end of the file: a value without a name
        return "", text
    name = match[1].rstrip()
    if " " in name:
        raise ValueError("compose does not take a blank in a name")
    rest = text[match.end() :].lstrip(_GO_SPACES)
    return (None if match[2] == "\n" else name), rest


def _value(text: str, known: Variables) -> tuple[str, str]:
    quote = text[:1]
    if quote not in ("'", '"'):
        line, _newline, rest = text.partition("\n")
        return _expanded(line.partition(" #")[0].rstrip(), known), rest
    match = re.match(rf"{quote}((?:[^{quote}\\]|\\.)*){quote}", text, re.DOTALL)
    if match is None:
        raise ValueError("compose finds no end of a quoted value")
    value = re.sub(r"\\(.)", lambda pair: pair[1] if pair[1] == quote else pair[0], match[1], flags=re.DOTALL)
    if quote == '"':
        value = _expanded(_ESCAPE.sub(_unescaped, value), known)
    return value, text[match.end() :]


def _unescaped(escape: re.Match[str]) -> str:
    letter = escape[0][1]
    if letter == "$":
        return "$$"
    if letter == "0":
        return chr(int(escape[0][2:], 8)) if len(escape[0]) == 5 else escape[0]
    return _CONTROLS.get(letter, letter) if letter != "c" else escape[0]


def _expanded(value: str, known: Variables) -> str:
    """``$$`` is a dollar; a variable that is not known is empty. Braces are for tests that need them."""

    def replaced(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else known.get(match[1] or match[2], "")

    return re.sub(r"(?i)\$(?:\$|([_a-z][_a-z0-9]*)|{([_a-z][_a-z0-9]*)})", replaced, value)
