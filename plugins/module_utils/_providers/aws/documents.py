# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret's text holds: the members of a JSON object, or one value and nothing else."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

from ..._core.credential import SecretValue

_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")


class NotAnObjectError(ValueError):
    """The text is no JSON object. Says nothing of what it is instead."""


class Document(ABC):
    """A text in which keys have values."""

    keys: Sequence[str] = ()
    """Those that it has, where it names them."""

    @abstractmethod
    def held(self, key: str) -> SecretValue | None:
        """Return the value of a key in a form that can be compared; None if the key is absent."""

    @abstractmethod
    def text(self, key: str) -> SecretValue | None:
        """Return the text of a key; None where it has none."""

    @abstractmethod
    def with_values(self, values: Mapping[str, SecretValue]) -> str: ...

    def holds(self, values: Mapping[str, SecretValue]) -> bool:
        return all(self.held(key) == value for key, value in values.items())


class JsonObject(Document):
    """A JSON object. Members that are not written stay as they are, byte for byte."""

    def __init__(self, text: str | None) -> None:
        self._members = _members(text) if text else {}
        self.keys = list(self._members)

    def held(self, key: str) -> SecretValue | None:
        """Return the text of a member; any other type is marked, so that the number 5 is not the text 5."""
        if key not in self._members:
            return None
        return self.text(key) or SecretValue(f"json {self._members[key]}")

    def text(self, key: str) -> SecretValue | None:
        raw = self._members.get(key, "")
        text = json.loads(raw) if raw.startswith('"') else None
        return SecretValue(text) if text else None

    def with_values(self, values: Mapping[str, SecretValue]) -> str:
        written = {key: json.dumps(value.reveal(), ensure_ascii=False) for key, value in values.items()}
        return _text({**self._members, **written})

    def without(self, keys: Collection[str]) -> str:
        return _text({key: raw for key, raw in self._members.items() if key not in keys})


class WholeText(Document):
    """One value, whatever the key is called."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def held(self, key: str) -> SecretValue | None:
        return SecretValue(self._text) if self._text else None

    text = held

    def with_values(self, values: Mapping[str, SecretValue]) -> str:
        (value,) = values.values()
        return value.reveal()


def _members(text: str) -> dict[str, str]:
    """Return each key of the object with its raw JSON value."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise NotAnObjectError
    found: dict[str, str] = {}
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = _decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _value, at = _decode(text, start)
        found[key] = text[start:at]
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _text(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {raw}" for key, raw in members.items()) + "}"
