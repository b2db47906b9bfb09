# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds requests and answers against the descriptions (OpenAPI) that the providers publish."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from starlette.types import Scope

from .answer import Answer
from .provider import Provider
from .world import Entry

SUCCESS = range(200, 300)


@dataclass(frozen=True)
class Found:
    """An operation, and the path that met it."""

    template: str
    path: str
    params: dict[str, str]
    operation: dict[str, Any]
    parameters: list[dict[str, Any]]

    @property
    def status(self) -> int:
        return next(int(one) for one in self.operation["responses"] if one.isdigit() and int(one) in SUCCESS)

    @property
    def answer(self) -> dict[str, Any]:
        """The schema of its success."""
        schema: dict[str, Any] = self.operation["responses"][str(self.status)]["content"]["application/json"]["schema"]
        return schema


class Description:
    """One OpenAPI 3.0 document."""

    def __init__(self, path: Path) -> None:
        self._document = nullable_to_type(json.loads(path.read_text()))
        self._paths = sorted(self._document["paths"].items(), key=lambda item: item[0].count("{"))
        self._base = re.sub(r"^https?://[^/]+", "", self._document["servers"][0]["url"]).rstrip("/")
        self._validators: dict[str, Validator] = {}

    @property
    def base(self) -> str:
        return self._base

    @property
    def paths(self) -> dict[str, Any]:
        return dict(self._paths)

    def find(self, method: str, path: str) -> Found | None:
        for template, item in self._paths:
            shape = self._base + re.sub(r"\{([^}]+)\}", _group, template)
            if method.lower() in item and (match := re.fullmatch(shape, path)):
                operation = item[method.lower()]
                return Found(template, path, match.groupdict(), operation, self.parameters(operation))
        return None

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        found = self.find(method, path)
        return found.operation if found else None

    def resolve(self, thing: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in thing:
            return thing
        found: dict[str, Any] = self._document
        for part in thing["$ref"].split("/")[1:]:
            found = found[part]
        return found

    def parameters(self, operation: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.resolve(item) for item in operation.get("parameters", [])]

    def validate(self, schema: dict[str, Any], value: Any) -> Iterator[str]:
        """Where a value does not fit a schema; never the value itself."""
        for error in self._validator(schema).iter_errors(value):
            yield f"{error.json_path}: does not fit {error.validator}"

    def _validator(self, schema: dict[str, Any]) -> Validator:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            self._validators[key] = Draft202012Validator(schema | {"components": self._document["components"]})
        return self._validators[key]


def read_form(body: bytes) -> dict[str, Any]:
    """The object that a form stands for: ``metadata[key]``, ``events[]``."""
    form: dict[str, Any] = {}
    for name, text in parse_qsl(body.decode(), keep_blank_values=True):
        value = {"true": True, "false": False}.get(text, text)
        member, inner = name.partition("[")[::2]
        if inner == "]":
            form.setdefault(member, []).append(value)
        elif inner:
            form.setdefault(member, {})[inner.removesuffix("]")] = value
        else:
            form[member] = value
    return form


def _group(name: re.Match[str]) -> str:
    return f"(?P<{re.sub(r'[^A-Za-z0-9_]', '_', name[1])}>[^/]+)"


def nullable_to_type(thing: Any) -> Any:
    """OpenAPI 3.0 writes `nullable` where JSON Schema has the type `null`."""
    if isinstance(thing, list):
        return [nullable_to_type(item) for item in thing]
    if not isinstance(thing, dict):
        return thing
    plain = {key: nullable_to_type(value) for key, value in thing.items()}
    if plain.get("nullable") is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]
    return plain


class Descriptions:
    def __init__(self, folder: Path | None) -> None:
        """Without a folder, only those that the tests carry are known."""
        self._folder = folder
        self._loaded: dict[str, Description] = {}

    def _of(self, provider: Provider) -> Description | None:
        if provider.spec is None or not (self._folder or Path(provider.spec).is_absolute()):
            return None
        if provider.name not in self._loaded:
            self._loaded[provider.name] = Description((self._folder or Path()) / provider.spec)
        return self._loaded[provider.name]

    def mistakes_in_request(self, provider: Provider, entry: Entry, scope: Scope, body: bytes) -> Iterator[str]:
        description = self._of(provider)
        if description is None or entry.path == "/graphql":
            return
        operation = description.operation(entry.method, entry.path)
        if operation is None:
            if not is_undescribed(provider, entry.path):
                yield "not in the provider's description"
            return
        yield from self._mistakes_in_query(description, operation, scope)
        if "requestBody" in operation:
            yield from self._mistakes_in_body(description, operation["requestBody"], body)
        elif body and not (body == b"{}" and provider.takes_empty_object):
            yield "has a body that the provider does not know"

    @staticmethod
    def _mistakes_in_query(description: Description, operation: dict[str, Any], scope: Scope) -> Iterator[str]:
        known = {item["name"]: item for item in description.parameters(operation) if item["in"] == "query"}
        given = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        yield from (f"unknown parameter {name}" for name in given.keys() - known.keys())
        yield from (f"{name} is missing" for name, item in known.items() if item.get("required") and name not in given)
        headers = {name.decode().lower() for name, _value in scope["headers"]}
        for item in description.parameters(operation):
            if item["in"] == "header" and item.get("required") and item["name"].lower() not in headers:
                yield f"header {item['name']} is missing"

    @staticmethod
    def _mistakes_in_body(description: Description, expected: dict[str, Any], body: bytes) -> Iterator[str]:
        if not body:
            if expected.get("required"):
                yield "the body is missing"
            return
        ((kind, content),) = expected["content"].items()
        schema = content.get("schema", {})
        try:
            value = json.loads(body) if kind == "application/json" else read_form(body)
        except ValueError:
            yield "the body is not JSON"
            return
        yield from description.validate(schema, value)
        known = description.resolve(schema).get("properties", {})
        if isinstance(value, dict) and known:
            yield from (f"unknown property {name}" for name in value.keys() - known.keys())

    def mistakes_in_answer(self, provider: Provider, entry: Entry, answer: Answer) -> Iterator[str]:
        description = self._of(provider)
        if description is None or entry.path == "/graphql" or answer.cut is not None:
            return
        operation = description.operation(entry.method, entry.path)
        described = (operation or {}).get("responses", {}).get(str(answer.status))
        if described is None and answer.status in SUCCESS:
            if not is_undescribed(provider, entry.path):
                yield f"status {answer.status} is not described"
            return
        schema = {"$ref": f"#/components/schemas/{provider.error_schema}"}
        if described is None and not provider.error_schema:
            return
        if described is not None:
            content = description.resolve(described).get("content", {}).get("application/json")
            if content is None:
                return
            schema = content["schema"]
        try:
            yield from description.validate(schema, answer.json())
        except ValueError:
            yield "is not JSON"


def is_undescribed(provider: Provider, path: str) -> bool:
    """Whether the provider has the path although its description, which is only a part, lacks it."""
    return any(re.fullmatch(shape, path) for shape in provider.undescribed)
