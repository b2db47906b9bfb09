# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's secrets as a store: write-only, sealed with the public key of their scope, dated and nothing more."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Evidence,
    Limits,
    Options,
    Schema,
    Store,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.deps import library
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import REPOSITORY, GitHubConnection

_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_SLACK = timedelta(minutes=1)
"""By how much two of GitHub's clocks may differ."""


@dataclass(frozen=True)
class Scope:
    """Where secrets live. Repositories for Actions now; each other scope is another path with a key of its own."""

    label: str
    path: str
    repository: str

    @classmethod
    def of(cls, container: Options) -> Scope:
        repository = container["repository"]
        return cls(f"github {repository}", f"/repos/{repository}/actions", repository)

    def secret(self, name: str) -> str:
        return f"{self.path}/secrets/{name}"


class GitHubSecrets(Store):
    schema = Schema(properties={"repository": REPOSITORY}, required=("repository",))
    limits = Limits(value_bytes=48 * 1024, keys_at_once=1)
    unknown = "whether the token may write secrets, since a fine-grained one shows only what it may read"
    connection: GitHubConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return Scope.of(container).label

    @classmethod
    def identity(cls, container: Options) -> str:
        return Scope.of(container).path.lower()

    @classmethod
    def mistakes(cls, container: Options, keys: Sequence[str]) -> list[str]:
        return [f"{key}: {problem}" for key in keys if (problem := _name_problem(key))]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        """The repository and the key are asked once in a run: the write and the workflow check need them, too."""
        scope = Scope.of(container)
        repository = self.connection.repository(scope.repository)
        if repository.get("archived") or repository.get("disabled"):
            raise PermissionDeniedError(f"{scope.label} is archived or disabled: GitHub takes no secrets for it")
        self.connection.public_key(scope.path)
        seen = {key: self._secret(scope, key) for key in keys}
        return {"keys": {key: found for key, found in seen.items() if found}}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        scope = Scope.of(container)
        problems = self.mistakes(container, list(values)) + self.refuses(container, values)
        if problems:
            raise InvalidRequestError(f"writing to {scope.label}: {'; '.join(problems)}; nothing was sent")
        written = {name: self._put(scope, name, value).date for name, value in values.items()}
        return {"keys": {name: self._read_back(scope, name, at) for name, at in written.items()}}

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        scope = Scope.of(container)
        self.connection.repository(scope.repository)  # so that a 404 is the key's
        for key in keys:
            doing = f"deleting {key} of {scope.label}"
            self.connection.change("DELETE", scope.secret(key), doing, ok=(204, 404), idempotent=True)
        return {"keys": {}}

    def listed(self, container: Options) -> list[dict[str, Any]]:
        """Name, created_at and updated_at of every secret, from all pages."""
        scope = Scope.of(container)
        pages = self.connection.pages(f"{scope.path}/secrets", "secrets", f"listing the secrets of {scope.label}")
        return [secret for page in pages for secret in page]

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """All there is to compare is when each key was written; a key that was absent must still be."""
        return bool(recorded["keys"] == observed["keys"])

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        latest = max((key["updated_at"] for key in evidence["keys"].values()), default="")
        return f"updated {latest[11:19]}" if latest else "absent"

    def _put(self, scope: Scope, name: str, value: SecretValue) -> Answer:
        key = self.connection.public_key(scope.path)
        try:
            return self._send(scope, name, value, key)
        except InvalidRequestError:
            renewed = self.connection.public_key(scope.path, fresh=True)
            if renewed["key_id"] == key["key_id"]:
                raise
            return self._send(scope, name, value, renewed)

    def _send(self, scope: Scope, name: str, value: SecretValue, key: Mapping[str, Any]) -> Answer:
        body = {"encrypted_value": _seal(key, value), "key_id": key["key_id"]}
        doing = f"writing {name} of {scope.label}"
        return self.connection.change("PUT", scope.secret(name), doing, body=body, ok=(201, 204), idempotent=True)

    def _secret(self, scope: Scope, name: str) -> dict[str, Any] | None:
        try:
            found = self.connection.get(
                scope.secret(name), f"looking at {name} of {scope.label}", needs=("updated_at",)
            )
        except NotFoundError:
            return None
        return {"updated_at": found["updated_at"]}

    def _read_back(self, scope: Scope, name: str, written: datetime) -> dict[str, Any]:
        """The answer to a write has no date; reading gives it, though perhaps from a replica that lags behind."""

        def fresh() -> dict[str, Any] | None:
            seen = self._secret(scope, name)
            return seen if seen and datetime.fromisoformat(seen["updated_at"]) > written - _SLACK else None

        found = self.connection.clock.poll(fresh, every=2, within=20)
        if found is None:
            raise UnexpectedAnswerError(f"GitHub took {name} of {scope.label}, and does not show it", hint="Run again")
        return found


def _name_problem(name: str) -> str:
    if not _NAME.fullmatch(name):
        return "GitHub keeps names of capitals, digits and underscores, without a digit in front"
    return "GitHub keeps names that begin with GITHUB_ for itself" if name.startswith("GITHUB_") else ""


def _seal(key: Mapping[str, Any], value: SecretValue) -> str:
    public = library("nacl.public")
    try:
        box = public.SealedBox(public.PublicKey(base64.b64decode(key["key"])))
    except ValueError as error:
        raise UnexpectedAnswerError("GitHub's public key for secrets is not a Curve25519 key") from error
    return base64.b64encode(box.encrypt(value.reveal().encode())).decode()
