# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's secrets as a store: all keys of a folder in one request, a version for each as evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence, Options, Schema, Store
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    PendingApprovalError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client import InfisicalConnection

_ATTEMPTS = 3
_BATCH = "/v4/secrets/batch"
_REFERENCE = re.compile(r"\$\{[^}]+\}")
_NO_NAME = re.compile(r"[\s/:\x00-\x1f]")
Found = Mapping[str, Mapping[str, Any]]


class InfisicalSecrets(Store):
    readable = True
    schema = Schema(
        properties={
            "project": {"type": "string", "minLength": 1, "description": "Id of the project."},
            "environment": {"type": "string", "minLength": 1, "description": "Slug of the environment, such as prod."},
            "path": {
                "type": "string",
                "pattern": "^/",
                "default": "/",
                "description": "The folder. It must be there.",
            },
        },
        required=("project", "environment"),
    )
    connection: InfisicalConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"infisical {container['project']} {container['environment']}:{_folder(container)}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return f"{container['project']}/{container['environment']}:{_folder(container)}"

    @classmethod
    def mistakes(cls, container: Options, keys: Sequence[str]) -> list[str]:
        wrong = [key for key in keys if not key or _NO_NAME.search(key)]
        return [f"{key}: a name has no blanks, slashes or colons" for key in wrong]

    @classmethod
    def refuses(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        return [f"{key}: {why}" for key, value in values.items() if (why := _problem(value.reveal()))]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        found = self._read(container)
        return {"keys": {key: self._facts(found[key]) for key in keys if key in found}}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        """Infisical cannot compare and set in one: the versions are looked at right before, and again in the answer."""
        problems = self.mistakes(container, list(values)) + self.refuses(container, values)
        if problems:
            raise InvalidRequestError(f"writing to {self.label(container)}: {'; '.join(problems)}; nothing was sent")
        before = self._read(container)
        self._refuse_foreign_change(container, values, since, before)
        due = {key: value for key, value in values.items() if not _holds(before, key, value)}
        made = self._set(container, due, before) if due else {}
        now = {**{key: before[key] for key in values if key in before}, **made}
        return {"keys": {key: self._facts(now[key]) for key in values}}

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        there = self._read(container)
        gone = [{"secretKey": key} for key in keys if key in there]
        if gone:
            doing = f"deleting {', '.join(item['secretKey'] for item in gone)} of {self.label(container)}"
            try:
                self._change("DELETE", container, gone, doing)
            except OutcomeUnknownError:
                if any(item["secretKey"] in self._read(container) for item in gone):
                    raise
        return {"keys": {}}

    def listed(self, container: Options) -> list[dict[str, Any]]:
        """Name, version and dates of every secret in the folder; values are not asked for."""
        secrets = self._list(container, view=False)
        return [
            {"name": one["secretKey"], "version": one["version"], "updated_at": one["updatedAt"]} for one in secrets
        ]

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        return _versions(recorded) == _versions(observed)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        versions = {key: f"version {facts['version']}" for key, facts in evidence["keys"].items()}
        if len(versions) == 1:
            return next(iter(versions.values()))
        return ", ".join(f"{key} {version}" for key, version in versions.items()) or "absent"

    # What is there

    def _read(self, container: Options) -> Found:
        """With values, where the identity may read them."""
        try:
            secrets = self._list(container, view=True)
        except PermissionDeniedError:
            secrets = self._list(container, view=False)
        return {one["secretKey"]: one for one in secrets}

    def _list(self, container: Options, *, view: bool) -> list[dict[str, Any]]:
        query = {
            **_place(container),
            "viewSecretValue": str(view).lower(),
            "expandSecretReferences": "false",
            "recursive": "false",
            "include_imports": "false",
        }
        label = self.label(container)
        said = self.connection.ask("GET", "/v4/secrets", f"reading {label}", label, params=query)
        return _secrets(said, f"reading {label}")

    def _facts(self, secret: Mapping[str, Any]) -> dict[str, Any]:
        facts: dict[str, Any] = {"version": secret["version"], "updated_at": secret["updatedAt"]}
        value = _value(secret)
        return {**facts, "fingerprint": self.fingerprint(value)} if value else facts

    # Changes

    def _set(self, container: Options, values: Mapping[str, SecretValue], before: Found) -> Found:
        """Sent again only when reading shows that it did not arrive."""
        items = [{"secretKey": key, "secretValue": value.reveal()} for key, value in values.items()]
        doing = f"writing {', '.join(values)} of {self.label(container)}"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                made = self._change("PATCH", container, items, doing, mode="upsert")
                self._refuse_crossing(doing, made, values, before)
                return made
            except OutcomeUnknownError:
                now = self._read(container)
                if all(_holds(now, key, value) for key, value in values.items()):
                    return now
                if attempt == _ATTEMPTS or any(_version(now, key) != _version(before, key) for key in values):
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _change(
        self, method: str, container: Options, items: list[dict[str, str]], doing: str, **more: str
    ) -> dict[str, Mapping[str, Any]]:
        body = {**_place(container), **more, "secrets": items}
        said = self.connection.ask(method, _BATCH, doing, self.label(container), body=body)
        if "approval" in said:
            raise PendingApprovalError(
                f"{doing}: pending approval. A change policy has made it request {_request(said['approval'])}",
                hint="Have it approved in Infisical, under the project's change requests; then run again",
            )
        made = {one["secretKey"]: one for one in _secrets(said, doing)}
        if missing := [item["secretKey"] for item in items if item["secretKey"] not in made]:
            raise UnexpectedAnswerError(f"{doing}: the answer does not name {', '.join(missing)}")
        return made

    def _refuse_foreign_change(
        self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None, now: Found
    ) -> None:
        if since is None:
            return
        recorded = {key: facts["version"] for key, facts in since["keys"].items() if key in values}
        if recorded != {key: now[key]["version"] for key in values if key in now}:
            raise ConflictError(
                f"writing to {self.label(container)}: somebody else has changed it; nothing was sent",
                hint="See the secret's versions, and run again",
            )

    def _refuse_crossing(self, doing: str, made: Found, values: Mapping[str, SecretValue], before: Found) -> None:
        """A version that is not the next one tells that somebody else has written in between."""
        crossed = [key for key in values if made[key]["version"] != _version(before, key) + 1]
        if crossed:
            raise ConflictError(
                f"{doing}: somebody else has written {', '.join(crossed)} at the same time",
                hint="No value is lost: see the secret's versions, and run again",
            )


def _folder(container: Options) -> str:
    return "/" + "/".join(filter(None, (container.get("path") or "/").split("/")))


def _place(container: Options) -> dict[str, str]:
    return {
        "projectId": container["project"],
        "environment": container["environment"],
        "secretPath": _folder(container),
    }


def _problem(value: str) -> str:
    """Infisical trims values; a single newline at the end survives (its API's description, secret-router)."""
    if value.strip() + ("\n" if value.endswith("\n") else "") != value:
        return "Infisical trims blanks and newlines around a value"
    return "Infisical takes ${…} for a reference to another secret" if _REFERENCE.search(value) else ""


def _secrets(said: Mapping[str, Any], doing: str) -> list[dict[str, Any]]:
    found = said.get("secrets")
    needed = {"secretKey", "version", "updatedAt"}
    if not isinstance(found, list) or not all(isinstance(one, dict) and needed <= one.keys() for one in found):
        raise UnexpectedAnswerError(f"{doing}: the answer has no list of secrets with their versions")
    return found


def _value(secret: Mapping[str, Any]) -> SecretValue | None:
    shown = secret.get("secretValue")
    return SecretValue(shown) if shown and not secret.get("secretValueHidden") else None


def _holds(found: Found, key: str, value: SecretValue) -> bool:
    return key in found and _value(found[key]) == value


def _version(found: Found, key: str) -> int:
    return int(found[key]["version"]) if key in found else 0


def _versions(evidence: Evidence) -> dict[str, int]:
    return {key: facts["version"] for key, facts in evidence["keys"].items()}


def _request(approval: Any) -> str:
    named = approval if isinstance(approval, dict) else {}
    return str(named.get("slug") or named.get("id") or "of unknown name")
