# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema by which editors check files with ``secret_connections``, ``secret_consumers`` and ``secret_map``.

Run as a module, it prints the schema, which is kept as ``docs/secret-map.schema.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial

from ....module_utils._core import registry
from . import schema
from .schema import Json

_CHECK = {"$ref": "#/$defs/check"}
_JINJA = {"$ref": "#/$defs/jinja"}


def json_schema() -> Json:
    """Describe the built-in types; a type of another collection may have any options."""
    definitions: Json = {"jinja": {"type": "string", "pattern": r"\{[{%]", "description": "a template of Ansible's"}}
    definitions |= _by_type("connections", schema.connection) | _by_type("issuers", schema.issuer)
    definitions |= _by_type("consumers", partial(schema.consumer, check=_CHECK)) | _by_type("checks", _lenient_check)
    stores = list(registry.names("stores"))
    definitions |= {f"copy.{name}": _open_to_jinja(schema.copy(name)) for name in stores}
    definitions["copy"] = {"anyOf": [{"$ref": f"#/$defs/copy.{name}"} for name in stores]}
    parts = {part: {"$ref": f"#/$defs/{part}"} for part in ("issuer", "copy", "check")}
    definitions["rotated"] = _open_to_jinja(schema.secret(parts["issuer"], parts["copy"], parts["check"]))
    definitions["unrotated"] = _open_to_jinja(schema.unrotated(parts["issuer"]))
    definitions["uncopied"] = _open_to_jinja(schema.uncopied(**parts))
    otherwise = _if_issuer(schema.may_be_uncopied, "uncopied", {"$ref": "#/$defs/rotated"})
    definitions["secret"] = _if_issuer(schema.is_unrotated, "unrotated", otherwise)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Variables of rotor.secrets",
        "type": "object",
        "properties": {
            "secret_connections": _entries("connection", "how to reach each system"),
            "secret_consumers": _entries("consumer", "what runs on secrets and must pick up new ones"),
            "secret_map": _entries("secret", "the secrets: who makes each, and where its copies are")
            | {"propertyNames": {"pattern": schema.ENTRY_NAME}},
        },
        "$defs": definitions,
    }


def _if_issuer(fits: Callable[[str], bool], definition: str, otherwise: Json) -> Json:
    """Describe an entry by ``definition`` where its issuer fits."""
    names = [name for name in registry.names("issuers") if fits(name)]
    kind = {"type": "object", "properties": {"type": {"enum": names}}, "required": ["type"]}
    condition = {"properties": {"issuer": kind}, "required": ["issuer"]}
    return {"if": condition, "then": {"$ref": f"#/$defs/{definition}"}, "else": otherwise}


def _entries(definition: str, description: str) -> Json:
    entry = {"anyOf": [{"$ref": f"#/$defs/{definition}"}, _JINJA]}
    return {"type": ["object", "string"], "description": description, "additionalProperties": entry}


def _by_type(kind: str, node: Callable[[str], Json]) -> Json:
    """Describe a part whose ``type`` decides which options it has."""
    singular, names = kind[:-1], list(registry.names(kind))
    choice = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"anyOf": [{"enum": names}, {"type": "string", "pattern": schema.FOREIGN}]}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{singular}.{name}"},
            }
            for name in names
        ],
    }
    return {singular: choice} | {f"{singular}.{name}": _open_to_jinja(node(name)) for name in names}


def _lenient_check(name: str) -> Json:
    """Describe a check without requiring what may come from a copy."""
    node = schema.check(name)
    own = schema.inherited(name) if schema.connection_types("checks", name) else []
    return node | {"required": [option for option in node["required"] if option not in own]}


def _open_to_jinja(node: Json) -> Json:
    """Allow a template of Ansible's wherever something else than free text is wanted."""
    return node | {"properties": {name: _or_jinja(option) for name, option in node["properties"].items()}}


def _or_jinja(option: Json) -> Json:
    if option.get("type") == "string" and not option.keys() & {"pattern", "enum"}:
        return option
    if "properties" in option:
        option = _open_to_jinja(option)
    elif "properties" in (items := option.get("items", {})):
        option = option | {"items": _open_to_jinja(items)}
    about: Json = {key: option[key] for key in ("description", "default") if key in option}
    inner = {key: value for key, value in option.items() if key not in about}
    return {**about, "anyOf": [inner, _JINJA]}


def text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
