# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Infisical keeps: a project with environments and folders, secrets with versions, identities and their tokens."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

PROJECT = "molecule"
"""The project's id. Real ones are UUIDs; this one can be read."""
READ, DESCRIBE, CREATE, EDIT, DELETE = "read", "describe", "create", "edit", "delete"
WRITE = "write"
"""All of the rights to change."""
EVERYTHING = frozenset((READ, DESCRIBE, CREATE, EDIT, DELETE, WRITE))
_BLANKS = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
"""What JavaScript's `trim` takes away; Python's `strip` takes others."""
_HIDDEN = "<hidden-by-infisical>"
_REFERENCE = re.compile(r"\$\{([^}]+)\}")
_DEPTH = 5
"""References in the values of references are followed so far."""


@dataclass
class Secret:
    """`rotated`: Infisical rotates it itself, and drops what others write."""

    key: str
    value: str
    created_at: datetime
    updated_at: datetime
    rotated: bool = False
    past: list[tuple[str, datetime]] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def version(self) -> int:
        return len(self.past) + 1

    def change(self, value: str, now: datetime) -> None:
        """A version more, also where the value is the same."""
        self.past.append((self.value, self.updated_at))
        self.value, self.updated_at = value, now

    def at(self, version: int) -> tuple[str, datetime]:
        return [*self.past, (self.value, self.updated_at)][version - 1]


@dataclass
class Folder:
    environment: str
    path: str
    secrets: dict[str, Secret] = field(default_factory=dict)
    guarded: bool = False
    """A change policy covers it: writes become requests."""
    imports: list[Folder] = field(default_factory=list)
    """Folders whose secrets are read through this one; its own come first, then those of the last import."""

    @property
    def label(self) -> str:
        return f"infisical secret of {PROJECT} {self.environment}:{self.path}"


@dataclass
class Request:
    """A change that waits for somebody's approval; a value of None is a deletion."""

    folder: Folder
    values: dict[str, str | None]
    slug: str
    created_at: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def shown(self) -> dict[str, Any]:
        facts = {"id": self.id, "slug": self.slug, "status": "open", "hasMerged": False}
        return {**facts, "createdAt": timestamp(self.created_at)}


@dataclass
class ClientSecret:
    """One of those with which an identity logs in."""

    value: str
    description: str
    created_at: datetime
    ttl: int = 0
    uses: int = 0
    limit: int = 0
    revoked: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def works(self, now: datetime) -> bool:
        expired = self.ttl and (now - self.created_at).total_seconds() >= self.ttl
        return not (self.revoked or expired or (self.limit and self.uses >= self.limit))

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "createdAt": timestamp(self.created_at),
            "updatedAt": timestamp(self.created_at),
            "description": self.description,
            "clientSecretPrefix": self.value[:4],
            "clientSecretNumUses": self.uses,
            "clientSecretNumUsesLimit": self.limit,
            "clientSecretTTL": self.ttl,
            "identityUAId": "ua",
            "isClientSecretRevoked": self.revoked,
        }


@dataclass
class Identity:
    """`unseen` are names that its rights to look are not for."""

    name: str
    client_id: str
    client_secret: str
    rights: frozenset[str] = EVERYTHING
    unseen: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    """Names whose values its right to read is not for."""
    member: bool = True
    failures: int = 0
    secrets: list[ClientSecret] = field(default_factory=list)

    def may(self, right: str, key: str | None = None) -> bool:
        if right in (READ, DESCRIBE):
            return right in self.rights and key not in self.unseen and not (right == READ and key in self.unreadable)
        return right in self.rights or WRITE in self.rights


@dataclass
class Token:
    value: str
    identity: Identity
    expires_at: float | None
    too_old: bool = False
    """Refused by its age with 401, although it has no end."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


def new_token(identity: Identity, expires_at: float | None) -> Token:
    """It looks like the JWT that a real one is."""
    parts = "eyJ" + secrets.token_urlsafe(16), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    return Token(".".join(parts), identity, expires_at)


def trimmed(text: str) -> str:
    return text.strip(_BLANKS)


def kept(value: str) -> str:
    """The server trims values; a single newline at the end survives."""
    return trimmed(value) + ("\n" if value.endswith("\n") else "")


def references(value: str) -> list[str]:
    return _REFERENCE.findall(value)


def expanded(value: str, known: dict[str, str], depth: int = 0) -> str:
    """`known` are the values by what a reference to them says."""
    if depth == _DEPTH:
        return ""
    return _REFERENCE.sub(lambda match: expanded(known.get(match[1], ""), known, depth + 1), value)


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(folder: Folder, secret: Secret, *, value: str | None, version: int = 0) -> dict[str, Any]:
    """As SecretRaw of the description; a value of None is hidden."""
    number = version or secret.version
    return {
        "id": secret.id,
        "_id": secret.id,
        "workspace": PROJECT,
        "environment": folder.environment,
        "version": number,
        "type": "shared",
        "secretKey": secret.key,
        "secretValue": _HIDDEN if value is None else value,
        "secretValueHidden": value is None,
        "secretPath": folder.path,
        "secretComment": "",
        "isRotatedSecret": secret.rotated,
        "createdAt": timestamp(secret.created_at),
        "updatedAt": timestamp(secret.at(number)[1]),
    }
