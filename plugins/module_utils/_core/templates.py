# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``${field|filter}``: the credential's fields inside the values that a store is to hold.

This is not Jinja and never sees Ansible: a template is taken apart when the map is read, and expanded in the engine
at the moment of a write. ``$$`` stands for a dollar sign.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from .credential import PublicValue, SecretValue

FILTERS: dict[str, Callable[[str], str]] = {
    "url": lambda value: quote(value, safe=""),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "json": json.dumps,
    "raw": lambda value: value,
}
_TOKEN = re.compile(r"\$\$|\$\{([^}]*)\}|\$(?=\{)")
_REFERENCE = re.compile(r"\s*(\w+)\s*(?:\|\s*(\w+)\s*)?")


@dataclass(frozen=True)
class Reference:
    """One ``${name|filter}``."""

    name: str
    filter: str | None


@dataclass(frozen=True)
class Template:
    """Literal text and references, in order."""

    parts: tuple[str | Reference, ...]

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> Template:
        """Parse a text, which many copies share. The ValueError for a wrong one quotes the reference alone."""
        parts: list[str | Reference] = []
        end = 0
        for token in _TOKEN.finditer(text):
            parts.append(text[end : token.start()])
            end = token.end()
            if token.group() == "$$":
                parts.append("$")
            elif token.group(1) is None:
                raise ValueError("'${' is never closed with '}'")
            else:
                parts.append(_reference(token.group(1)))
        parts.append(text[end:])
        template = cls(tuple(part for part in parts if part))
        template._refuse_bare_field_in_url()
        return template

    @property
    def names(self) -> set[str]:
        return {part.name for part in self.parts if isinstance(part, Reference)}

    def render(self, fields: Mapping[str, SecretValue]) -> SecretValue:
        def text(part: str | Reference) -> str:
            if isinstance(part, str):
                return part
            return FILTERS[part.filter or "raw"](fields[part.name].reveal())

        masked = any(isinstance(part, str) or fields[part.name].masked for part in self.parts)
        return (SecretValue if masked else PublicValue)("".join(map(text, self.parts)))

    def _refuse_bare_field_in_url(self) -> None:
        before = ""
        for part in self.parts:
            if isinstance(part, str):
                before += part
            elif part.filter is None and re.search(r"\w://\S*$", before):
                raise ValueError(f"${{{part.name}}} inside a URL needs a filter: |url, or |raw if it is encoded")
            else:
                before += "x"


def _reference(inside: str) -> Reference:
    match = _REFERENCE.fullmatch(inside)
    if not match:
        raise ValueError(f"'${{{inside}}}' is not ${{field}} or ${{field|filter}}")
    name, filter_name = match.groups()
    if filter_name and filter_name not in FILTERS:
        raise ValueError(f"'${{{inside}}}': unknown filter {filter_name}; there are {', '.join(FILTERS)}")
    return Reference(name, filter_name)
