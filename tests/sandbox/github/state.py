# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GitHub keeps: tokens with their permissions, organizations, repositories with secrets, workflows and runs."""

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
    expires_at: datetime | None = None
    of_app: bool = False
    hourly: Window = field(default_factory=lambda: Window(5000, 3600))
    points: Window = field(default_factory=lambda: Window(900, 60))
    creations: Window = field(default_factory=lambda: Window(80, 60))

    @property
    def alive(self) -> bool:
        return self.expires_at is None or self.expires_at > datetime.now(UTC)

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
    visibility: str = ""
    selected: list[int] = field(default_factory=list)


@dataclass
class Vault:
    """One place for secrets, with a key pair of its own."""

    label: str
    permission: str
    limit: int = 100
    shared: bool = False  # among an organization's repositories
    secrets: dict[str, Secret] = field(default_factory=dict)
    _key: PrivateKey = field(default_factory=PrivateKey.generate, repr=False)
    key_id: str = field(default_factory=lambda: str(secrets.randbelow(10**18) + 10**18))

    @property
    def public_key(self) -> str:
        return base64.b64encode(bytes(self._key.public_key)).decode()

    def open(self, sealed: bytes) -> str:
        """What is inside of a sealed box; a ValueError where it was not sealed for this place."""
        try:
            return str(SealedBox(self._key).decrypt(sealed), "utf-8")
        except CryptoError:
            raise ValueError("the box does not open with this place's key") from None

    def put(self, name: str, value: str, now: datetime) -> bool:
        """Whether the secret is new."""
        old = self.secrets.get(name)
        new = Secret(name, value, old.created_at if old else now, now)
        if old:
            new.visibility, new.selected = old.visibility, old.selected
        self.secrets[name] = new
        return old is None

    def values(self) -> dict[str, str]:
        return {secret.name: secret.value for secret in self.secrets.values()}


TITLES = {"actions": "", "dependabot": ", Dependabot", "codespaces": ", Codespaces"}


@dataclass
class Organization:
    id: int
    login: str
    vaults: dict[str, Vault] = field(init=False)

    def __post_init__(self) -> None:
        self.vaults = {
            application: Vault(
                f"github organization {self.login}{title}",
                "organization_secrets" if application == "actions" else f"organization_{application}_secrets",
                limit=1000,
                shared=True,
            )
            for application, title in TITLES.items()
        }

    def shared_with(self, repository: Repository) -> dict[str, str]:
        """What its workflows get: every repository here is a private one."""
        secrets = self.vaults["actions"].secrets.values()
        return {
            secret.name: secret.value
            for secret in secrets
            if secret.visibility != "selected" or repository.id in secret.selected
        }


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
    environment: str | None = None
    steps: tuple[str, ...] = ()

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
    workflows: list[Workflow] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    vaults: dict[str, Vault] = field(init=False)
    environments: dict[str, Vault] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vaults = {
            application: Vault(
                f"github {self.full_name}{title}", "secrets" if application == "actions" else f"{application}_secrets"
            )
            for application, title in TITLES.items()
        }

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def secrets(self) -> dict[str, Secret]:
        return self.vaults["actions"].secrets

    @property
    def environment_names(self) -> list[str]:
        return sorted(vault.label.partition(", environment ")[2] for vault in self.environments.values())

    def add_environment(self, name: str) -> None:
        self.environments[name.lower()] = Vault(f"github {self.full_name}, environment {name}", "environments")

    def find_workflow(self, identity: str) -> Workflow | None:
        return next((item for item in self.workflows if identity in (str(item.id), item.file)), None)

    def queue(self, workflow: Workflow, event: str, branch: str, now: datetime, shared: dict[str, str]) -> Run:
        """The organization's and the repository's secrets are read at this moment, and not again."""
        captured = shared | self.vaults["actions"].values()
        count = sum(run.workflow is workflow for run in self.runs) + 1
        run = Run(number(), count, workflow, event, branch, secrets.token_hex(20), now, now, captured)
        self.runs.append(run)
        return run


def begin(repository: Repository, run: Run) -> None:
    """The job starts; the secrets of its environment are read now."""
    run.status = "in_progress"
    environment = repository.environments.get((run.workflow.environment or "").lower())
    if environment:
        run.secrets |= environment.values()


def is_base64(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False
