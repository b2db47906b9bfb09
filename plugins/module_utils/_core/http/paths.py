# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find values in JSON by their paths: ``items[0].name``, ``secrets.<key>.version``, ``[key=<key>].updated_at``.

A bracket with a number leads into a list by position, one with ``field=text`` to its first object that says so.
"""

from __future__ import annotations

import re
from typing import Any

ABSENT: Any = object()
"""Stands for what is not there, where a null is something else."""
_STEP = re.compile(r"(?:^|\.)(?P<member>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<field>[^\[\]=]+)=(?P<text>[^\[\]]+)\]")


def problem(path: str) -> str:
    """Say what is wrong with a path; empty where nothing is."""
    rest = _STEP.sub("", path)
    return "" if path and not rest else f"{path} is not a path such as data.items[0].name or [key=<key>].updated_at"


def last_member(path: str) -> str:
    """Return the name of the member to which a path leads."""
    return next((step["member"] for step in reversed(list(_STEP.finditer(path))) if step["member"]), "")


def at(document: Any, path: str, key: str = "") -> Any:
    """Return what stands at a path for ``key``; None where nothing does."""
    found = find(document, path, key)
    return None if found is ABSENT else found


def find(document: Any, path: str, key: str = "") -> Any:
    """Return what stands at a path for ``key``; ABSENT where nothing does."""
    for step in _STEP.finditer(path):
        if step["index"]:
            document = _item(document, int(step["index"]))
        elif step["field"]:
            document = _found(document, step["field"], step["text"].replace("<key>", key))
        else:
            document = _member(document, step["member"].replace("<key>", key))
    return document


def says(document: Any, path: str, value: Any) -> bool:
    """Return whether that plain value stands at a path. What is absent says nothing, nor null; true is not 1."""
    found = find(document, path)
    return bool(found == value) and isinstance(found, bool) == isinstance(value, bool)


def text_of(found: Any) -> str | None:
    """Return the text of a string or a number; None of anything else, which has no text that its sender has written."""
    return str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else None


def _member(document: Any, name: str) -> Any:
    return document.get(name, ABSENT) if isinstance(document, dict) else ABSENT


def _item(document: Any, index: int) -> Any:
    return document[index] if isinstance(document, list) and index < len(document) else ABSENT


def _found(document: Any, field: str, text: str) -> Any:
    items = document if isinstance(document, list) else ()
    return next((item for item in items if isinstance(item, dict) and str(item.get(field)) == text), ABSENT)
