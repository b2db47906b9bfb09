# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a user describes a JSON API that keeps secrets: what to send to set or delete some, and what to read afterwards.

In paths, bodies and JSON paths, ``<key>`` stands for the name of a secret, and in the body of a write ``<value>`` for
its value. A member of an object whose name holds ``<key>``, and an item of a list that holds either, is repeated for
each secret, so that all go in one request; otherwise each secret has a request of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..._core.contracts import Options, Schema
from ..._core.http import paths

KEY, VALUE = "<key>", "<value>"
ID = "<id>"
"""In the path of what hides a secret: an item of a list."""
NOTHING = "none"
OK = (200, 201, 204)
GONE = (200, 204, 404)
_PLACE = re.compile(r"<(key|value)>")
PATH = {"type": "string", "pattern": r"^/(?!/)[^\s#]*$"}
STATUSES = {"type": "array", "items": {"type": "integer", "minimum": 200, "maximum": 499}, "minItems": 1}
_METHODS = ["PUT", "PATCH", "POST", "DELETE"]
_SUCCESS = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    "description": "JSON path in the answer: what must stand there, or it was no success whatever the status.",
}


def _change(method: str, ok: Sequence[int], what: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "description": what,
        "properties": {
            "method": {"enum": _METHODS, "default": method, "description": "The request's verb."},
            "path": {**PATH, "description": "Instead of the container's path; may hold <key>."},
            "body": {
                "type": ["object", "array"],
                "description": "What to send, as JSON, with <key> and <value> in it. A member named <key>, and an item "
                "of a list with either, is repeated for each secret.",
            },
            "ok": {**STATUSES, "default": list(ok), "description": "The statuses of a success."},
            "success": _SUCCESS,
        },
    }


WRITE = _change("PUT", OK, "What to send to set secrets.")
DELETE = _change("DELETE", GONE, "What to send to delete secrets. Without it, none can be deleted.")
READ: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "description": "Where to see, before and after a write, whether somebody has changed a secret.",
    "properties": {
        "path": {**PATH, "description": "Instead of the container's path. With <key>, 404 says that it is not there."},
        "evidence": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "string", "minLength": 1},
            "description": "A name of yours: the JSON path of what changes with every write, such as a version or a "
            "date: {updated_at: '[key=<key>].updated_at'}. Never of a value.",
        },
    },
    "required": ["evidence"],
}
SCHEMA = Schema(
    properties={
        "path": {**PATH, "description": "Appended to the connection's URL; may hold <key>."},
        "write": {**WRITE, "required": ["body"]},
        "read": {
            "oneOf": [READ, {"enum": [NOTHING]}],
            "description": "Where to see whether somebody has changed a secret; none, where the API shows nothing. "
            "Then other people's changes are overwritten unseen.",
        },
        "delete": DELETE,
    },
    required=("path", "write", "read"),
)

TO_READ = Schema(
    properties={
        "path": {**PATH, "description": "Appended to the connection's URL; may hold <key>."},
        "value": {
            "type": "string",
            "minLength": 1,
            "description": "The JSON path of the value, such as data.<key>; it or the path says <key>.",
        },
    },
    required=("path", "value"),
)


def validate_place(place: Options, keys: Sequence[str]) -> list[str]:
    """Report the errors of a place that is only read."""
    found = [*_in_paths(place, keys)]
    if wrong := paths.problem(place["value"]):
        found.append(f"value: {wrong}")
    elif KEY not in place["value"] + place["path"]:
        found.append(f"value: neither it nor the path says {KEY}")
    return found


def validate(container: Options, keys: Sequence[str]) -> list[str]:
    """Report the errors of a description that the schema cannot."""
    found = [*_in_paths(container, keys), *_in_bodies(container), *_in_json_paths(container)]
    return list(dict.fromkeys(found))


def requests(container: Options, name: str, values: Mapping[str, str]) -> Iterator[tuple[str, Any, list[str]]]:
    """Yield path, body and names of each request of ``name`` (write or delete); a deletion has empty values."""
    operation = container[name]
    path, body = operation.get("path") or container["path"], operation.get("body")
    pairs = list(values.items())
    groups = [pairs] if KEY not in path and body is not None and _repeats(body) else [[pair] for pair in pairs]
    for group in groups:
        filled = None if body is None else _filled(body, group)
        yield in_path(path, group[0][0]), filled, [key for key, _value in group]


def in_path(path: str, key: str) -> str:
    return path.replace(KEY, quote(key, safe=""))


def reading(container: Options) -> Mapping[str, Any] | None:
    """Return the description of reading; None where the API shows nothing."""
    read = container["read"]
    return None if read == NOTHING else {"path": container["path"], **read}


def _in_paths(container: Options, keys: Sequence[str]) -> Iterator[str]:
    parts = {name: container.get(name) for name in ("write", "read", "delete")}
    used = [part["path"] for part in parts.values() if isinstance(part, Mapping) and part.get("path")]
    used += [place["path"] for place in container.get("hidden_by", ())]
    every = [container["path"], *used]
    if any(VALUE in path for path in every):
        yield f"path: {VALUE} may stand in a body only, since addresses are logged everywhere"
    if any(KEY in path for path in every):
        yield from (f"{key}: it cannot stand in a path" for key in keys if key in (".", ".."))


def _in_bodies(container: Options) -> Iterator[str]:
    for name in ("write", "delete"):
        operation = container.get(name)
        if operation is None:
            continue
        body = operation.get("body")
        text = "".join(texts(body))
        path = operation.get("path") or container["path"]
        if (VALUE in text) != (name == "write"):
            yield f"{name}.body: it {'needs' if name == 'write' else 'cannot have'} {VALUE}"
        if KEY not in text + path:
            yield f"{name}: neither its path nor its body says {KEY}"
        if body is not None and _repeats(body) and _places_outside(body):
            yield f"{name}.body: {KEY} or {VALUE} stands outside of what is repeated for each secret"
        if any(VALUE in member for member in _members(body)):
            yield f"{name}.body: {VALUE} cannot be the name of a member"


def _in_json_paths(container: Options) -> Iterator[str]:
    secret = set(_members((container.get("write") or {}).get("body"), of=VALUE))
    yield from _in_evidence("read", reading(container) or {"evidence": {}, "path": ""}, secret)
    for place in container.get("hidden_by", ()):
        if ("list" in place) != (ID in place["path"]):
            yield f"hidden_by: {ID} in its path stands for each item of its list"
        yield from _in_evidence("hidden_by", place, secret)
    for operation in ("write", "delete"):
        for path in (container.get(operation) or {}).get("success") or {}:
            if wrong := paths.problem(path):
                yield f"{operation}.success: {wrong}"


def _in_evidence(option: str, read: Mapping[str, Any], secret: Collection[str]) -> Iterator[str]:
    for name, path in read["evidence"].items():
        where = f"{option}.evidence.{name}" if option == "read" else f"{option}: evidence {name}"
        if wrong := paths.problem(path):
            yield f"{where}: {wrong}"
        elif paths.last_member(path) in secret:
            yield f"{where}: {path} is where the value stands, which is no evidence"
        elif KEY not in path + read["path"]:
            yield f"{where}: neither it nor the path says {KEY}"


def _filled(tree: Any, pairs: Sequence[tuple[str, str]]) -> Any:
    """Fill the placeholders of a tree; outside of what is repeated there is one pair only."""
    if isinstance(tree, Mapping):
        filled = {}
        for member, inner in tree.items():
            for group in [[pair] for pair in pairs] if KEY in member else [pairs]:
                filled[_text(member, group[0])] = _filled(inner, group)
        return filled
    if isinstance(tree, list):
        groups = [[pair] for pair in pairs]
        return [_filled(item, group) for item in tree for group in (groups if _has_place(item) else [pairs])]
    return _text(tree, pairs[0]) if isinstance(tree, str) else tree


def _text(text: str, pair: tuple[str, str]) -> str:
    key, value = pair
    return _PLACE.sub(lambda place: key if place[1] == "key" else value, str(text))


def _repeats(tree: Any) -> bool:
    if isinstance(tree, Mapping):
        return any(KEY in member or _repeats(inner) for member, inner in tree.items())
    return isinstance(tree, list) and any(_has_place(item) for item in tree)


def _places_outside(tree: Any) -> bool:
    """Return whether a placeholder stands outside of what is repeated."""
    if isinstance(tree, Mapping):
        return any(KEY not in member and _places_outside(inner) for member, inner in tree.items())
    return isinstance(tree, str) and bool(_PLACE.search(tree))


def _has_place(tree: Any) -> bool:
    return bool(_PLACE.search("\0".join(texts(tree))))


def texts(tree: Any) -> Iterator[str]:
    """Yield every string of a tree, member names included."""
    if isinstance(tree, Mapping):
        for member, inner in tree.items():
            yield str(member)
            yield from texts(inner)
    elif isinstance(tree, list):
        for item in tree:
            yield from texts(item)
    elif isinstance(tree, str):
        yield tree


def _members(tree: Any, of: str = "") -> Iterator[str]:
    """Yield the names of all members, or of those whose text holds ``of``."""
    if isinstance(tree, Mapping):
        for member, inner in tree.items():
            if not of or (isinstance(inner, str) and of in inner):
                yield str(member)
            yield from _members(inner, of)
    elif isinstance(tree, list):
        for item in tree:
            yield from _members(item, of)
