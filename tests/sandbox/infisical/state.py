# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Infisical keeps: projects with environments and folders, secrets with versions, identities and their tokens."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PROJECT = "molecule"
"""The project's id. Real ones are UUIDs; this one can be read."""
READ, DESCRIBE, WRITE = "read", "describe", "write"
EVERYTHING = frozenset((READ, DESCRIBE, WRITE))


@dataclass
class Secret:
    key: str
    value: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Folder:
    environment: str
    path: str
    secrets: dict[str, Secret] = field(default_factory=dict)
    guarded: bool = False
    """A change policy covers it: writes become requests."""

    @property
    def label(self) -> str:
        return f"infisical secret of {PROJECT} {self.environment}:{self.path}"


@dataclass
class Request:
    """A change that waits for somebody's approval."""

    folder: Folder
    values: dict[str, str | None]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Identity:
    name: str
    client_id: str
    client_secret: str
    rights: frozenset[str] = EVERYTHING
    failures: int = 0


@dataclass
class Token:
    value: str
    identity: Identity
    expires_at: float | None
    too_old: bool = False
    """Refused by its age with 401, although it has no end."""


def new_token(identity: Identity, expires_at: float | None) -> Token:
    return Token(f"ey{secrets.token_urlsafe(48)}", identity, expires_at)


def kept(value: str) -> str:
    """The server trims values; a single newline at the end survives."""
    return value.strip() + ("\n" if value.endswith("\n") else "")


def shown(folder: Folder, secret: Secret, *, value: bool) -> dict[str, Any]:
    """As SecretRaw of the description; the placeholder of a hidden value is the server's own."""
    return {
        "id": secret.id,
        "_id": secret.id,
        "workspace": PROJECT,
        "environment": folder.environment,
        "version": secret.version,
        "type": "shared",
        "secretKey": secret.key,
        "secretValue": secret.value if value else "<hidden-by-infisical>",
        "secretValueHidden": not value,
        "secretPath": folder.path,
        "secretComment": "",
        "createdAt": secret.created_at.isoformat(),
        "updatedAt": secret.updated_at.isoformat(),
    }
