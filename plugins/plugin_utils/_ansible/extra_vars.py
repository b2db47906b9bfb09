# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse what ``-e`` and the fields of a survey give."""

from __future__ import annotations

from typing import Any

from ...module_utils._core.errors import ConfigurationError


def names_in(value: Any, option: str) -> tuple[str, ...]:
    """Parse a list of names, or names with commas between, as ``-e`` gives them."""
    if is_blank(value):
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(part.strip() for part in value if part.strip())
    raise ConfigurationError(f"{option} is neither a list of names nor names with commas between")


def is_blank(value: Any) -> bool:
    """Return whether the field of a survey was left empty."""
    return value is None or (isinstance(value, str) and not value.strip())
