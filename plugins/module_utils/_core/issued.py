# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Select the credential that a module is to make or revoke from what an issuer lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from .contracts import Listed
from .errors import ConfigurationError
from .outside_text import identifier, printable


def meant(listed: Iterable[Listed], names: Collection[str], id_: str | None, now: datetime) -> list[Listed]:
    """Return the credentials of a name that still work; with an id that one alone, if its name fits."""
    working = [one for one in listed if not one.revoked and not (one.expires_at and one.expires_at <= now)]
    other = next((one for one in working if id_ and one.id == id_ and one.name not in names), None)
    if other:
        raise ConfigurationError(
            f"id: {identifier(other.id)} has another name: {printable(other.name) or 'none'}", hint="Correct name or id"
        )
    return [one for one in working if one.name in names and (not id_ or one.id == id_)]
