# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a connection's own credential comes from: ``{env: NAME}``, ``{file: PATH}``, ``{store: …}``, or the value.

``{env: NAME}`` also takes the path of a file from ``NAME_FILE``, as containers are given their secrets. ``{store: …}``
is a key of a container in a store, as a copy names it; whoever has opened the store reads it.
A credential is checked here, where it is resolved: what cannot be sent as its connection sends it is refused by the
name of its option. No message holds any of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from . import masking
from .clock import Clock
from .contracts import Connection, Options
from .credential import SecretValue
from .errors import ConfigurationError, MissingCredentialError

SCHEMA = {
    "description": "a credential: {env: NAME}, {file: PATH}, {store: …}, or a value (from Ansible Vault or a lookup)",
    "oneOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "if": {"required": ["store"]},
            "then": {
                "properties": {name: {"type": "string", "minLength": 1} for name in ("store", "key")},
                "required": ["key"],
            },
            "else": {
                "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
        },
    ],
}
LONGEST, LONGEST_HEADER = 1024 * 1024, 32 * 1024
"""Characters of a credential, and of one that is sent in a header."""
_BLANKS = " \t"
_MARK = "\ufeff"
_NOT_IN_A_HEADER = (
    (re.compile(r"[\r\n]"), "contains a line end"),
    (re.compile(r"\x00"), "contains a NUL"),
    (re.compile(rf"^{_MARK}"), "begins with a byte order mark"),
    (re.compile(r"[\x00-\x1f\x7f]"), "contains a control character"),
    (re.compile(r"[^\x20-\x7e]"), "contains a character that is not ASCII"),
)
Kind = TypeVar("Kind", bound=Connection)
Place = Mapping[str, Any]
"""The ``store`` by the name of its connection, the options of a container, and a ``key`` in it."""
ReadPlace = Callable[[Place], SecretValue]


def resolve(reference: Any, what: str, *, in_header: bool = False, read_place: ReadPlace | None = None) -> SecretValue:
    """Return the value, fit for a header if it is sent ``in_header``; ConfigurationError begins with ``what``.

    Of a file, its byte order mark and one line end at its end are cut off; of what is sent in a header, the blanks
    around it.
    """
    try:
        return _resolve(reference, in_header, read_place)
    except ConfigurationError as error:
        raise type(error)(f"{what}: {error.message}", hint=error.hint) from None


def _resolve(reference: Any, in_header: bool, read_place: ReadPlace | None = None) -> SecretValue:
    if isinstance(reference, SecretValue):
        return reference
    value, source = _read(reference, read_place)
    if len(value) <= LONGEST:
        masking.register(value)
    if in_header:
        value = value.strip(_BLANKS)
    if not value:
        source = source or "its variable"
        raise MissingCredentialError(f"{source} is unset or empty", hint=f"Set {source} and run again")
    if problem := _problem(value, in_header):
        raise ConfigurationError(f"{source} {problem}".strip(), hint="Put it right where it comes from")
    return SecretValue(value)


def connect(kind: type[Kind], options: Options, named: Callable[[str], str] = str) -> Kind:
    """Open the connection of a module; ``named`` gives the module's option for the path of a reference."""
    resolved, _values = resolve_all(options, kind, named)
    return kind(resolved, clock=Clock())


def resolve_all(
    options: Options, kind: type[Connection], named: Callable[[str], str], read_place: ReadPlace | None = None
) -> tuple[dict[str, Any], list[SecretValue]]:
    """Return the options with every reference that is given resolved, and the values; an error tells all problems.

    ``named`` gives, for the path of a reference (``auth.secret_id`` leads inside), what people call it.
    """
    resolved, values, problems = dict(options), [], []
    for path, given in _given(options, kind):
        *outer, option = path.split(".")
        node = _inside(resolved, outer)
        try:
            node[option] = resolve(given, named(path), in_header=path in kind.in_headers, read_place=read_place)
            values.append(node[option])
        except ConfigurationError as error:
            problems.append(error)
    if problems:
        raise _together(problems)
    return resolved, values


def check_all(options: Options, kind: type[Connection]) -> Iterator[tuple[str, ConfigurationError]]:
    """Yield the path of each reference that cannot be used, and why; the message does not name the path.

    What is in a store is not read.
    """
    for path, given in _given(options, kind):
        try:
            if not _is_place(given):
                _resolve(given, path in kind.in_headers)
        except ConfigurationError as error:
            yield path, error


def places(options: Options, kind: type[Connection]) -> Iterator[tuple[str, Place]]:
    """Yield each reference to a store, with its path."""
    return ((path, given) for path, given in _given(options, kind) if _is_place(given))


def sources(options: Options, kind: type[Connection], label: Callable[[Place], str]) -> list[str]:
    """Say where each credential of a connection comes from; ``label`` names what is in a store. Reads nothing."""
    return [label(given) if _is_place(given) else _source(given) for _path, given in _given(options, kind)]


def _source(reference: Any) -> str:
    if not isinstance(reference, Mapping):
        return "a variable"
    ((where, name),) = reference.items()
    if where == "file":
        return f"the file {name}"
    path = os.environ.get(f"{name}_FILE")
    return f"the file {path} ({name}_FILE)" if path else f"the environment variable {name}"


def _is_place(reference: Any) -> bool:
    return isinstance(reference, Mapping) and "store" in reference


def _given(options: Options, kind: type[Connection]) -> Iterator[tuple[str, Any]]:
    for path in kind.references:
        node: Any = options
        *outer, option = path.split(".")
        for name in outer:
            node = node.get(name)
            if not isinstance(node, Mapping):
                break
        if isinstance(node, Mapping) and option in node:
            yield path, node[option]


def _inside(node: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the object that the names lead to, copied on the way."""
    for name in names:
        node[name] = dict(node[name])
        node = node[name]
    return node


def _together(problems: list[ConfigurationError]) -> ConfigurationError:
    if len(problems) == 1:
        return problems[0]
    missing = all(isinstance(error, MissingCredentialError) for error in problems)
    kind = MissingCredentialError if missing else ConfigurationError
    hints = dict.fromkeys(error.hint for error in problems)
    return kind("; ".join(error.message for error in problems), hint=". ".join(hints))


def _problem(value: str, in_header: bool) -> str:
    """Say what is wrong with a reference, as the end of a sentence that quotes nothing of it."""
    longest = LONGEST_HEADER if in_header else LONGEST
    if len(value) > longest:
        return f"is longer than {longest} characters"
    if re.search(r"[\ud800-\udfff]", value):
        return "is not text: it has bytes that are none in UTF-8"
    return next((problem for pattern, problem in _NOT_IN_A_HEADER if in_header and pattern.search(value)), "")


def _read(reference: Any, read_place: ReadPlace | None) -> tuple[str, str]:
    """Read a reference: its value, and where that comes from if not from the option itself."""
    if isinstance(reference, str):
        return str.__str__(reference), ""
    if read_place and _is_place(reference):
        return read_place(reference).reveal(), "what is in the store"
    if isinstance(reference, Mapping) and len(reference) == 1:
        ((where, name),) = reference.items()
        if isinstance(name, str) and where in ("env", "file"):
            return _from_env(name) if where == "env" else _from_file(name)
    raise ConfigurationError("is neither a value nor {env: NAME} nor {file: PATH}")


def _from_env(name: str) -> tuple[str, str]:
    try:
        value, path = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    except UnicodeError:
        raise ConfigurationError("no environment variable can have such a name") from None
    if value and path:
        what = f"the environment variables {name} and {name}_FILE are both set"
        raise ConfigurationError(what, hint="Unset one of them: nobody can tell which is meant")
    return _from_file(path) if path else (value, f"the environment variable {name}")


def _from_file(path: str) -> tuple[str, str]:
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(4 * LONGEST + 4)
    except OSError as error:
        raise MissingCredentialError(f"cannot read the file {path}: {error.strerror}") from None
    except (ValueError, RuntimeError):  # a NUL in it, or the home of a user whom nobody knows
        raise ConfigurationError("no file can have such a path") from None
    return text_of(data), f"the file {path}"


def text_of(data: bytes) -> str:
    """Return the text without its byte order mark and one line end at its end."""
    return re.sub(r"\r?\n\Z", "", data.decode(errors="surrogateescape").removeprefix(_MARK))
