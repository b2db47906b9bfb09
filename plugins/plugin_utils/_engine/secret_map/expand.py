# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From variables as Ansible hands them out to plain Python: tags taken off, templates expanded, mistakes collected.

Handing a large map to core's own templating costs minutes; this walk templates only strings that hold a template, and
each text once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ....module_utils._core import masking
from .errors import Mistakes, Path

_DEEPEST = 40
"""YAML anchors can make a list that holds itself."""


@dataclass(frozen=True)
class _Failure:
    reason: str


def plain(value: Any, path: Path, mistakes: Mistakes) -> Any:
    """Lists, string-keyed dicts and scalars of exactly these types, so that any serializer takes them."""
    return _Walk(mistakes).convert(value, path)


class Walker:
    """Expands values; ``template`` takes one string that holds a template, or one object that is neither."""

    def __init__(self, template: Callable[[Any], Any], mistakes: Mistakes) -> None:
        self._walk = _Expanding(template, mistakes)

    def expand(self, value: Any, path: Path) -> Any:
        """``${field}`` stays as it is: it is the engine's."""
        return self._walk.convert(value, path)


class _Walk:
    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes

    def convert(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self.text(value, path)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, date):  # YAML makes one of 2026-08-01
            return value.isoformat()
        if isinstance(value, Mapping | list | tuple) and len(path) > _DEEPEST:
            return self._refuse(path, "nested too deeply, or holds itself")
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, list | tuple):
            return [self.convert(item, (*path, index)) for index, item in enumerate(value)]
        return self.other(value, path)

    def text(self, value: str, path: Path) -> Any:
        return str.__str__(value)

    def other(self, value: Any, path: Path) -> Any:
        return self._refuse(path, f"a value of type {type(value).__name__} has no place here")

    def _mapping(self, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        found = {}
        for key, item in value.items():
            if isinstance(key, str):
                name = str.__str__(key)
                found[name] = self.convert(item, (*path, name))
            else:
                self._refuse(path, f"a key is {_kind(key)}, not a string", "put it in quotes")
        return found

    def _refuse(self, path: Path, what: str, suggestion: str = "") -> None:
        self._mistakes.add(path, what, suggestion)


class _Expanding(_Walk):
    def __init__(self, template: Callable[[Any], Any], mistakes: Mistakes) -> None:
        super().__init__(mistakes)
        self._template = template
        self._known: dict[tuple[type, str], Any] = {}
        self._results = _Walk(mistakes)

    def text(self, value: str, path: Path) -> Any:
        if "{{" not in value and "{%" not in value:
            return str.__str__(value)
        key = (type(value), str.__str__(value))  # a string that is no trusted template has another type
        if key not in self._known:
            self._known[key] = self._expand(value)
        return self._result(self._known[key], path)

    def other(self, value: Any, path: Path) -> Any:
        """Such as a string that Ansible Vault has encrypted: core's templating decrypts it."""
        return self._result(self._expand(value), path)

    def _expand(self, value: Any) -> Any:
        try:
            return self._template(value)
        except Exception as error:  # noqa: BLE001 - core's errors are many, and none may hide the other mistakes
            lines = masking.scrub(str(error)).splitlines() or [type(error).__name__]
            return _Failure(lines[0])

    def _result(self, result: Any, path: Path) -> Any:
        if isinstance(result, _Failure):
            return self._refuse(path, "the template failed", result.reason)
        return self._results.convert(result, path)


def _kind(key: Any) -> str:
    return {bool: "true or false", type(None): "empty", int: "a number", float: "a number"}.get(type(key), "no text")
