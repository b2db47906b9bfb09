# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts in an answer's JSON, by their places, such as ``[].config.env.NAME``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def places(body: bytes) -> list[str]:
    """Every place of a text; none where the body is no JSON."""
    found: dict[str, None] = {}
    _changed(body, lambda place, text: found.setdefault(place) or text)
    return list(found)


def with_text(body: bytes, place: str, text: str) -> bytes:
    """The body with another text at that place."""
    return _changed(body, lambda here, old: text if here == place else old)


def _changed(body: bytes, change: Callable[[str, str], str]) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return body
    return json.dumps(_walk(document, "", change)).encode()


def _walk(node: Any, place: str, change: Callable[[str, str], str]) -> Any:
    if isinstance(node, str):
        return change(place, node)
    if isinstance(node, list):
        return [_walk(one, f"{place}[]", change) for one in node]
    if isinstance(node, dict):
        return {name: _walk(one, f"{place}.{name}".lstrip("."), change) for name, one in node.items()}
    return node
