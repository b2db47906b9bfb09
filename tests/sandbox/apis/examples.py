# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes answers from the schemas of a description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..specs import Description

Json = dict[str, Any]
_TEXTS = {"date-time": datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "uuid": "00000000-0000-4000-8000-000000000000"}
_PLAIN: dict[str, Any] = {"string": "text", "integer": 1, "number": 1, "boolean": False, "array": [], "null": None}


class Examples:
    def __init__(self, description: Description) -> None:
        self._description = description

    def make(self, schema: Json, facts: Mapping[str, Any]) -> Any:
        """What the schema requires, and of the rest what ``facts`` knows by its name."""
        schema = self._whole(schema)
        kind = self._kind(schema)
        if "enum" in schema:
            return schema["enum"][0]
        if kind != "object":
            return _TEXTS.get(schema.get("format", ""), _PLAIN[kind])
        required = set(schema.get("required", ()))
        return {
            name: self._member(inner, name, facts)
            for name, inner in schema.get("properties", {}).items()
            if name in required or facts.get(name) is not None
        }

    def _member(self, schema: Json, name: str, facts: Mapping[str, Any]) -> Any:
        if facts.get(name) is not None:
            return self._fitting(schema, facts[name])
        empty = name in facts and {"type": "null"} in schema.get("anyOf", ())
        return None if empty else self.make(schema, {one: facts[one] for one in ("message",) if one in facts})

    def make_list(self, schema: Json, items: Sequence[Mapping[str, Any]], **more: Any) -> Any:
        """A list, or an object with one, and members such as ``has_more``."""
        schema = self._whole(schema)
        if self._kind(schema) == "array":
            return [self.make(schema["items"], facts) for facts in items]
        inner = {name: self._whole(one) for name, one in schema["properties"].items()}
        place = next(name for name, one in inner.items() if self._kind(one) == "array")
        return {**self.make(schema, more), place: self.make_list(inner[place], items)}

    def _whole(self, schema: Json) -> Json:
        schema = self._description.resolve(schema)
        for branch in ("anyOf", "oneOf"):
            if branch in schema:
                return self._whole(schema[branch][0])
        whole: Json = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self._whole, schema.get("allOf", ())):
            properties = {**whole.get("properties", {}), **part.get("properties", {})}
            required = [*whole.get("required", ()), *part.get("required", ())]
            whole = {**whole, **part, "properties": properties, "required": required}
        return whole

    @staticmethod
    def _kind(schema: Json) -> str:
        kind = schema.get("type", "object")
        return kind if isinstance(kind, str) else next(one for one in kind if one != "null")

    def _fitting(self, schema: Json, fact: Any) -> Any:
        schema = self._whole(schema)
        kind = self._kind(schema)
        if isinstance(fact, datetime):
            return int(fact.timestamp()) if kind == "integer" else fact.isoformat()
        if kind == "object":
            return fact if isinstance(fact, dict) else self.make(schema, {"message": fact})
        return int(fact) if kind == "integer" else fact
