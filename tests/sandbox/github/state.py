# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GitHub keeps: tokens with their permissions, repositories with secrets, workflows and runs."""

from __future__ import annotations

import base64
import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from ..ratelimit import Window

LEVELS = ("none", "read", "write")
_numbers = itertools.count(5580)


def number() -> int:
    return next(_numbers)


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Token:
    """`permissions` None means all of them, `repositories` None all of these."""

    name: str
    value: str
    permissions: dict[str, str] | None = None
    repositories: list[str] | None = None
    hourly: Window = field(default_factory=lambda: Window(5000, 3600))
    points: Window = field(default_factory=lambda: Window(900, 60))
    creations: Window = field(default_factory=lambda: Window(80, 60))

    def sees(self, repository: str) -> bool:
        return self.repositories is None or repository.lower() in [item.lower() for item in self.repositories]

    def may(self, permission: str, level: str) -> bool:
        if self.permissions is None:
            return True
        granted = self.permissions.get(permission, "read" if permission == "metadata" else "none")
        return LEVELS.index(granted) >= LEVELS.index(level)


@dataclass
class Secret:
    name: str
    value: str
    created_at: datetime
    updated_at: datetime


@dataclass
class Workflow:
    """`uses` names the secret that its job needs; a workflow without inputs takes none."""

    id: int
    name: str
    file: str
    created_at: datetime
    triggers: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    uses: str | None = None

    @property
    def path(self) -> str:
        return f".github/workflows/{self.file}"


@dataclass
class Run:
    id: int
    number: int
    workflow: Workflow
    event: str
    branch: str
    head_sha: str
    created_at: datetime
    updated_at: datetime
    secrets: dict[str, str]
    status: str = "queued"
    conclusion: str | None = None

    @property
    def active(self) -> bool:
        return self.status != "completed"


@dataclass
class Repository:
    id: int
    owner: str
    name: str
    created_at: datetime
    branches: tuple[str, ...] = ("main",)
    secrets: dict[str, Secret] = field(default_factory=dict)
    workflows: list[Workflow] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    _key: PrivateKey = field(default_factory=PrivateKey.generate, repr=False)
    key_id: str = field(default_factory=lambda: str(secrets.randbelow(10**18) + 10**18))

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def public_key(self) -> str:
        return base64.b64encode(bytes(self._key.public_key)).decode()

    def open(self, sealed: bytes) -> str:
        """What is inside of a sealed box; a ValueError where it was not sealed for this repository."""
        try:
            return SealedBox(self._key).decrypt(sealed).decode()
        except CryptoError:
            raise ValueError("the box does not open with the repository's key") from None

    def put(self, name: str, value: str, now: datetime) -> bool:
        """Whether the secret is new."""
        old = self.secrets.get(name)
        self.secrets[name] = Secret(name, value, old.created_at if old else now, now)
        return old is None

    def find_workflow(self, identity: str) -> Workflow | None:
        return next((item for item in self.workflows if identity in (str(item.id), item.file)), None)

    def queue(self, workflow: Workflow, event: str, branch: str, now: datetime) -> Run:
        """Repository secrets are read at this moment, and not again."""
        captured = {secret.name: secret.value for secret in self.secrets.values()}
        count = sum(run.workflow is workflow for run in self.runs) + 1
        run = Run(number(), count, workflow, event, branch, secrets.token_hex(20), now, now, captured)
        self.runs.append(run)
        return run


def is_base64(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False
