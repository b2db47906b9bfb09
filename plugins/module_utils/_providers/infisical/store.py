# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's secrets as a store: all keys of a folder in one request, versions and fingerprints as evidence."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..._core.contracts import Evidence, Options, Schema, Store, by_version
from ..._core.credential import SecretValue
from ..._core.errors import (
    CrossedError,
    ForeignChangeError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PendingApprovalError,
    RotorError,
    UnexpectedAnswerError,
    after_an_effect,
)
from .client import InfisicalConnection
from .folders import Found, Looks, folder, place, secrets_of, value_of
from .texts import name_problem, value_problem

_ATTEMPTS = 3
_PAUSE = 2.0
"""Seconds in which a request whose answer was lost may still arrive."""
_BATCH = "/v4/secrets/batch"
_MOST_BYTES = 1024 * 1023
"""Of all secrets in a request, which has 1 MiB at most: Infisical leaves that to its framework."""
Items = list[dict[str, str]]


class InfisicalSecrets(Store):
    readable = True
    compares = True
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
    unverifiable = "whether the identity may write, and whether somebody has to approve it, since only reading is tried"
    connection: InfisicalConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"infisical {container['project']} {container['environment']}:{folder(container)}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return f"{container['project']}/{container['environment']}:{folder(container)}"

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        return [f"{key}: {problem}" for key in keys if (problem := name_problem(key))]

    @classmethod
    def reject_values(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        problems = [f"{key}: {why}" for key, value in values.items() if (why := value_problem(value.reveal()))]
        if len(json.dumps(_items(values))) > _MOST_BYTES:
            problems.append(f"{', '.join(values)}: Infisical takes no request of more than 1 MiB")
        return problems

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        """Return version and fingerprint of each key, and refuse those that Infisical rotates itself."""
        found = self._looks(container).at(keys)
        self._refuse_rotated(container, found, keys)
        return {"keys": {key: self._facts(found[key]) for key in keys if key in found}}

    def read(self, container: Options, key: str) -> SecretValue:
        return self.contents(container, [key])[key]

    def contents(self, container: Options, keys: Sequence[str]) -> Mapping[str, SecretValue]:
        looks = self._looks(container)
        wanted = list(keys or looks.everything())
        found = looks.at(wanted)
        values = {key: value_of(found[key]) if key in found else None for key in wanted}
        if lacking := [key for key, value in values.items() if value is None]:
            what = f"{self.label(container)} has no value in {', '.join(lacking)}"
            raise NotFoundError(f"{what}, or the identity may not read it")
        return {key: value for key, value in values.items() if value}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        """Write keys, comparing versions right before and in the answer: there is no compare-and-set."""
        self.refuse_unfit(container, values)
        before = self._looks(container).at(values)
        due = {key: value for key, value in values.items() if not _holds(before, key, value)}
        self._refuse_foreign(container, before, due, since)
        self._refuse_rotated(container, before, due)
        made = self._set(container, due, before) if due else {}
        now = {**before, **made}
        return {"keys": {key: self._facts(now[key]) for key in values}}

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        """Delete keys; each attempt begins with those that are left."""
        trouble: RotorError | None = None
        for _attempt in range(_ATTEMPTS):
            there = self._left(container, keys, trouble)
            if not there:
                return {"keys": {}}
            doing = f"deleting {', '.join(there)} of {self.label(container)}"
            try:
                self._change("DELETE", container, [{"secretKey": key} for key in there], doing)
            except (NotFoundError, OutcomeUnknownError) as error:
                trouble = trouble if isinstance(trouble, OutcomeUnknownError) else error
            else:
                return {"keys": {}}
        if trouble and self._left(container, keys, trouble):
            raise trouble
        return {"keys": {}}

    def listed(self, container: Options) -> list[dict[str, Any]]:
        """List name, version and date of every secret in the folder, without values."""
        found = self._looks(container).everything()
        return [{"name": key, "version": one["version"], "updated_at": one["updatedAt"]} for key, one in found.items()]

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare values where they could be read, versions otherwise, which a comment changes, too."""
        before, now = recorded["keys"], observed["keys"]
        return before.keys() == now.keys() and all(_same(before[key], now[key]) for key in before)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return by_version(evidence)

    def _looks(self, container: Options) -> Looks:
        return Looks(self.connection, container, self.label(container))

    def _facts(self, secret: Mapping[str, Any]) -> dict[str, Any]:
        """Return a secret's evidence: no fingerprint where the value is hidden, an empty one for an empty value."""
        facts = {"version": secret["version"], "id": secret["id"], "updated_at": secret["updatedAt"]}
        if secret.get("secretValueHidden"):
            return facts
        value = value_of(secret)
        return {**facts, "fingerprint": self.fingerprint(value) if value else ""}

    # Changes

    def _set(self, container: Options, values: Mapping[str, SecretValue], before: Found) -> Found:
        """Write keys, and once more only when reading shows that a write did not arrive."""
        doing = f"writing {', '.join(values)} of {self.label(container)}"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                made = self._change("PATCH", container, _items(values), doing, mode="upsert")
            except OutcomeUnknownError:
                self.clock.sleep(_PAUSE)
                with after_an_effect():
                    now = self._looks(container).at(values)
                if all(_holds(now, key, value) for key, value in values.items()):
                    return now
                if attempt == _ATTEMPTS or any(_version(now, key) != _version(before, key) for key in values):
                    raise
            else:
                self._refuse_other_values(doing, made, values)
                self._refuse_crossing(doing, made, values, before)
                return made
        raise AssertionError("the last attempt returns or raises")

    def _change(self, method: str, container: Options, items: Items, doing: str, **more: str) -> Found:
        body = {**place(container), **more, "secrets": items}
        response = self.connection.ask(method, _BATCH, doing, self.label(container), body=body)
        if "approval" in response:
            raise PendingApprovalError(
                f"{doing}: pending approval. A change policy has made it request {_name(response['approval'])}",
                hint="Have it approved in Infisical, under the project's change requests, and run again then; "
                "not before, since each run would make one more request",
            )
        made = secrets_of(response, doing)
        if missing := [item["secretKey"] for item in items if item["secretKey"] not in made]:
            raise UnexpectedAnswerError(f"{doing}: the answer does not name {', '.join(missing)}")
        return made

    def _left(self, container: Options, keys: Collection[str], trouble: RotorError | None) -> list[str]:
        with after_an_effect(isinstance(trouble, OutcomeUnknownError)):
            return [key for key in self._looks(container).at(keys, view=False) if key in keys]

    # What is no success, and what never will be

    def _refuse_foreign(
        self, container: Options, now: Found, due: Mapping[str, SecretValue], since: Evidence | None
    ) -> None:
        """Refuse keys that changed since; one with its new value is of an earlier try, or approved meanwhile."""
        if since is None:
            return
        there = {key: self._facts(now[key]) for key in due if key in now}
        if moved := [key for key in due if not _same(since["keys"].get(key), there.get(key))]:
            raise ForeignChangeError(
                f"writing to {self.label(container)}: somebody else has changed {', '.join(moved)}; nothing was sent"
            )

    def _refuse_rotated(self, container: Options, found: Found, keys: Collection[str]) -> None:
        if rotated := [key for key in keys if found.get(key, {}).get("isRotatedSecret")]:
            raise InvalidRequestError(
                f"{self.label(container)}: Infisical rotates {', '.join(rotated)} itself, and drops what others write",
                hint="End that rotation in Infisical first",
            )

    @staticmethod
    def _refuse_other_values(doing: str, made: Found, values: Mapping[str, SecretValue]) -> None:
        seen = {key for key in values if not made[key].get("secretValueHidden") and "secretValue" in made[key]}
        if other := [key for key in values if key in seen and value_of(made[key]) != values[key]]:
            raise UnexpectedAnswerError(f"{doing}: it was taken, and {', '.join(other)} has another value all the same")

    @staticmethod
    def _refuse_crossing(doing: str, made: Found, values: Mapping[str, SecretValue], before: Found) -> None:
        """Raise CrossedError where a version is not the next one: somebody else has written in between."""
        crossed = [key for key in values if made[key]["version"] != _version(before, key) + 1]
        if crossed:
            raise CrossedError(
                f"{doing}: it is done, and somebody else has written {', '.join(crossed)} right before",
                hint="No value is lost: compare the versions (one may be ours, after a lost answer), and run again",
            )


def _items(values: Mapping[str, SecretValue]) -> Items:
    return [{"secretKey": key, "secretValue": value.reveal()} for key, value in values.items()]


def _holds(found: Found, key: str, value: SecretValue) -> bool:
    return key in found and value_of(found[key]) == value


def _version(found: Found, key: str) -> int:
    return int(found[key]["version"]) if key in found else 0


def _same(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> bool:
    """Compare two evidences of a key; one that was deleted and made anew has version 1, and another id."""
    if before is None or now is None:
        return before is now
    if "fingerprint" in before and "fingerprint" in now:
        return bool(before["fingerprint"] == now["fingerprint"])
    return "id" in before and all(before.get(fact) == now.get(fact) for fact in ("id", "version"))


def _name(approval: Any) -> str:
    named = approval if isinstance(approval, dict) else {}
    return str(named.get("slug") or named.get("id") or "of unknown name")
