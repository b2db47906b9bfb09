# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a module's options against the JSON Schema of their kind, without jsonschema, which modules do not require.

No line quotes a value, which could be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import durations
from .contracts import Options, Schema
from .errors import ConfigurationError

_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "integer": ("a whole number", (int,)),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", (bool,)),
    "array": ("a list", (list, tuple)),
    "object": ("a mapping", (Mapping,)),
    "null": ("nothing", (type(None),)),
}
_SIZES = {"string": "Length", "array": "Items", "object": "Properties"}
Node = Mapping[str, Any]


def refuse_misfits(schema: Schema, given: Options) -> None:
    """Raise ConfigurationError where an option that is given does not fit the schema; core's rules say what must be."""
    options = [(name, value) for name, value in given.items() if name in schema.properties and value is not None]
    if problems := [each for name, value in options for each in _problems(schema.properties[name], value, name)]:
        raise ConfigurationError("; ".join(dict.fromkeys(problems)))


def _problems(node: Node, value: Any, where: str) -> Iterator[str]:
    if branches := node.get("oneOf"):
        yield from _of_branches(branches, value, where)
        return
    types = _listed(node.get("type", list(_TYPES)))
    if not any(_is(kind, value) for kind in types):
        yield f"{where}: expected {' or '.join(_TYPES[kind][0] for kind in types)}"
        return
    if "enum" in node and (value not in node["enum"] or isinstance(value, bool)):
        yield f"{where}: there are {', '.join(map(str, node['enum']))}"
    if isinstance(value, str) and "pattern" in node and not re.search(node["pattern"], value):
        yield f"{where}: {_wrong_form(node)}"
    else:
        yield from _out_of_bounds(node, value, where)
    if isinstance(value, Mapping):
        yield from _of_members(node, value, where)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _problems(node.get("items", {}), item, f"{where}[{index}]")


def _wrong_form(node: Node) -> str:
    if node["pattern"] == durations.PATTERN:
        return "not a duration such as 90d, 36h or 1h30m"
    return f"does not match {node['pattern']}: {node.get('description', '')}".rstrip(".: ")


def _of_branches(branches: list[Node], value: Any, where: str) -> Iterator[str]:
    found = [list(_problems(branch, value, where)) for branch in branches]
    if all(found):
        fitting = [each for branch, each in zip(branches, found, strict=True) if _has_type(branch, value)]
        yield from fitting[0] if fitting else [f"{where}: does not fit its description"]


def _out_of_bounds(node: Node, value: Any, where: str) -> Iterator[str]:
    size = next((len(value) for kind in _SIZES if _is(kind, value)), value)
    suffix = next((suffix for kind, suffix in _SIZES.items() if _is(kind, value)), "imum")
    least, most = node.get(f"min{suffix}"), node.get(f"max{suffix}")
    what = "must be" if suffix == "imum" else "its size must be"
    if least is not None and size < least:
        yield f"{where}: must not be empty" if value in ("", [], {}) else f"{where}: {what} at least {least}"
    if most is not None and size > most:
        yield f"{where}: {what} at most {most}"
    if node.get("uniqueItems") and any(item in value[:index] for index, item in enumerate(value)):
        yield f"{where}: has the same entry twice"


def _of_members(node: Node, value: Node, where: str) -> Iterator[str]:
    known, others = node.get("properties", {}), node.get("additionalProperties", {})
    yield from (f"{where}: missing option {name}" for name in node.get("required", ()) if name not in value)
    for name, inner in value.items():
        if name not in known and others is False:
            yield f"{where}.{name}: unknown option"
        else:
            yield from _problems(known.get(name, others or {}), inner, f"{where}.{name}")


def _has_type(node: Node, value: Any) -> bool:
    return "type" in node and any(_is(kind, value) for kind in _listed(node["type"]))


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind][1]) and (not isinstance(value, bool) or kind == "boolean")


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)
