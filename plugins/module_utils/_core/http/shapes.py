# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the shape of a JSON answer once, where it comes in: its readers need not check the type of a member.

A shape is a type; a list with the shape of its items; a mapping with the shapes of members, beside which there may be
others; a :class:`Maybe`; or a function that says whether a value is one of its kind, such as :func:`moment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import UnexpectedAnswerError

Shape = Any
_ABSENT = object()


@dataclass(frozen=True)
class Maybe:
    """Allow null in place of a shape, and the member to be missing unless it is to be ``there``."""

    shape: Shape
    there: bool = False


def checked(found: Any, shape: Shape, message: str, status: int | None = None) -> Any:
    """Return ``found`` if it has this shape; ``message`` says who answered, and begins the UnexpectedAnswerError."""
    path = _misfit(found, shape)
    if path is None:
        return found
    missing = ".".join(path).replace(".[]", "[]") or ("a list" if isinstance(shape, list) else "an object")
    raise UnexpectedAnswerError(f"{message} without {missing} as it should be", status=status)


def moment(found: Any) -> bool:
    """Return whether this is a date and time with a zone, in RFC 3339 or as a datetime."""
    try:
        read = datetime.fromisoformat(found) if isinstance(found, str) else found
    except ValueError:
        return False
    return isinstance(read, datetime) and _can_be_compared(read)


def _can_be_compared(found: datetime) -> bool:
    return found.tzinfo is not None and 1970 <= found.year < 9000


def _misfit(found: Any, shape: Shape) -> list[str] | None:
    """Return the path to the first member that does not fit; None where all do."""
    if isinstance(shape, Maybe):
        none = found is None or (found is _ABSENT and not shape.there)
        return None if none else _misfit(found, shape.shape)
    if isinstance(shape, Mapping):
        inner = [(name, found.get(name, _ABSENT), shape[name]) for name in shape] if isinstance(found, dict) else None
    elif isinstance(shape, list):
        inner = [("[]", item, shape[0]) for item in found] if isinstance(found, list) else None
    else:
        fits = _is_of(found, shape) if isinstance(shape, type) else shape(found)
        return None if fits else []
    if inner is None:
        return []
    misfits = ((name, _misfit(item, its)) for name, item, its in inner)
    return next(([name, *path] for name, path in misfits if path is not None), None)


def _is_of(found: Any, kind: type) -> bool:
    """Check a type; JSON's true is no number."""
    return isinstance(found, kind) and (kind is bool or not isinstance(found, bool))
