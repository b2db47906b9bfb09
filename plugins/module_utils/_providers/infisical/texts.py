# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names and values Infisical keeps as they are, by the schemas of its routes."""

from __future__ import annotations

import re

_BLANKS = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_BLANKS += "\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What trim() of JavaScript takes away; strip() of Python takes others."""
_REFERENCE = re.compile(r"\$\{[^}]+\}")
"""Newer servers look for fewer of them than older ones."""


def name_problem(name: str) -> str:
    if not name or name.strip(_BLANKS) != name:
        return "Infisical trims blanks around a name" if name else "a name is not empty"
    if set(":/") & set(name):
        return "a name has no colon and no slash"
    return "" if name not in (".", "..") and name.isprintable() else "this is no name that an address can hold"


def value_problem(value: str) -> str:
    """Say why Infisical would not keep a value as it is; one newline at the end survives."""
    if value.strip(_BLANKS) + ("\n" if value.endswith("\n") else "") != value:
        return "Infisical trims blanks and newlines around a value"
    return "Infisical takes ${…} for a reference to another secret" if _REFERENCE.search(value) else ""
