# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Select the credential that a module is to make or revoke from what an issuer lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from .contracts import Listed
from .credential import Credential
from .errors import ConfigurationError
from .outside_text import identifier, printable

_DATES = ("created_at", "expires_at", "last_used_at")


def wanted_id(params: Mapping[str, Any]) -> str | None:
    """Return the id of the credential that is to be revoked; ConfigurationError where none is."""
    id_: str | None = params["id"]
    if id_ is not None and params["state"] == "present":
        raise ConfigurationError("id: it says which one to revoke, and state is present", hint="Leave it out")
    return id_


def meant(listed: Iterable[Listed], names: Collection[str], id_: str | None, now: datetime) -> list[Listed]:
    """Return the credentials of a name that still work; with an id that one alone, if its name fits."""
    listed = list(listed)
    working = [one for one in listed if not one.revoked and not (one.expires_at and one.expires_at <= now)]
    other = next((one for one in working if id_ and one.id == id_ and one.name not in names), None)
    if other:
        raise ConfigurationError(
            f"id: {identifier(other.id)} has another name: {printable(other.name) or 'none'}", hint="Correct name or id"
        )
    named = [one for one in working if one.name in names]
    if named and id_ and all(one.id != id_ for one in listed):
        ids = ", ".join(identifier(one.id) for one in named)
        raise ConfigurationError(
            f"id: {printable(id_)} is not listed, and others of that name work: {ids}",
            hint="Correct the id; if that one was revoked, remove the task",
        )
    return [one for one in named if not id_ or one.id == id_]


def shown(one: Listed) -> dict[str, Any]:
    """Return what a module says of a credential, the same whether it was listed or made."""
    dates = {name: getattr(one, name) for name in _DATES}
    told = {name: date and date.isoformat() for name, date in dates.items()}
    return {"id": one.id, "name": one.name, **told, "scope": one.scope, "revoked": one.revoked}


def made(credential: Credential) -> dict[str, Any]:
    """Return the same of a credential that was just made, as far as its provider has told."""
    dates: dict[str, Any] = {name: _moment(credential.facts.get(name, "")) for name in _DATES}
    one = Listed("", credential.name, **dates, scope=credential.facts.get("scope", ""))
    return {**shown(one), "id": credential.id}


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
