# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager as a store: a secret is a text, which is a JSON object of several keys, or one value.

A write makes a version that is AWSPENDING, and moves AWSCURRENT to it from the very version that was read: AWS refuses
that when somebody was faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._core.contracts import Evidence, Limits, Options, Schema, Store, too_long
from ..._core.credential import SecretValue
from ..._core.errors import (
    ConflictError,
    ForeignChangeError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    after_an_effect,
)
from .client import SecretsManagerConnection
from .documents import Document, JsonObject, NotAnObjectError, WholeText
from .versions import Described, Snapshot, VersionedSecret

OWNER_TAG = "rotor_ledger"
JSON, TEXT = "json", "text"
_MOST = 64 * 1024
_ATTEMPTS = 5
_ARN = re.compile(r"arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:(.+?)(-[A-Za-z0-9]{6})?")
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


class SecretsManagerSecrets(Store):
    """A container is one secret."""

    schema = Schema(
        properties={
            "secret": {"type": "string", "minLength": 1, "description": "The secret, by its name or its ARN."},
            "format": {
                "type": "string",
                "enum": [JSON, TEXT],
                "default": JSON,
                "description": "json: the secret is an object, and keys are its members. text: it is one value.",
            },
            "create": {
                "type": "boolean",
                "default": False,
                "description": "Make the secret where there is none.",
            },
            "kms_key_id": {"type": "string", "description": "The KMS key of a secret that is made."},
            "description": {"type": "string", "description": "The description of a secret that is made."},
            "tags": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "The tags of a secret that is made.",
            },
        },
        required=("secret",),
    )
    readable = True
    compares = True
    limits = Limits()
    unverifiable = "whether the credentials may write the secret, and encrypt with its KMS key"
    connection: SecretsManagerConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"secretsmanager secret {container['secret']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        """Return the secret's name; an ARN ends in that and a random suffix."""
        arn = _ARN.fullmatch(container["secret"])
        return str(arn.group(1) if arn else container["secret"])

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        name = container["secret"]
        wrong = [] if _ARN.fullmatch(name) or _NAME.fullmatch(name) else [f"{name}: AWS takes letters, digits, /_+=.@-"]
        if container.get("format") == TEXT and len(keys) > 1:
            wrong.append(f"{', '.join(keys)}: a secret of format text is one value; format: json holds several")
        return wrong

    @classmethod
    def reject_values(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        """Report values that are too long for a secret even without its other keys."""
        if container.get("format") == TEXT:
            return too_long(values, _MOST)
        if len(JsonObject(None).with_values(values).encode()) <= _MOST:
            return []
        return [f"{', '.join(values)}: a secret has at most {_MOST} bytes, with all its keys"]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        return self._evidence(container, self._read(container), keys)

    def read(self, container: Options, key: str) -> SecretValue:
        """Read the current version, also of a secret that is a replica or that AWS rotates by itself."""
        return self.contents(container, [key])[key]

    def contents(self, container: Options, keys: Sequence[str]) -> Mapping[str, SecretValue]:
        if not keys and container.get("format") == TEXT:
            return super().contents(container, keys)
        secret = self._secret(container)
        document = self._document(container, secret.read(secret.describe()).text)
        found = {key: document.text(key) for key in keys or document.keys}
        if lacking := [key for key, value in found.items() if value is None]:
            raise NotFoundError(f"{self.label(container)} has no text in {', '.join(lacking)}")
        return {key: value for key, value in found.items() if value}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        self.refuse_unfit(container, values)

        def edit(text: str | None) -> str | None:
            document = self._document(container, text)
            return None if document.holds(values) else document.with_values(values)

        return self._change(container, list(values), edit, since)

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        """Remove keys from a JSON object. A secret of one value is deleted by :meth:`schedule_deletion`."""
        if container.get("format") == TEXT:
            raise InvalidRequestError(
                f"{self.label(container)} is one value, without which it would not be a secret",
                hint="Delete it as a whole, with the module aws_secretsmanager_secret",
            )

        def edit(text: str | None) -> str | None:
            document = self._object(container, text)
            return document.without(keys) if set(keys) & set(document.keys) else None

        return self._change(container, keys, edit, None)

    def is_there(self, container: Options) -> bool:
        """Return whether the secret exists and is not scheduled for deletion."""
        try:
            return not self._secret(container).describe().is_deleted
        except NotFoundError:
            return False

    def schedule_deletion(self, container: Options, recovery_days: int) -> None:
        self._secret(container).delete(recovery_days)

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare our keys' fingerprints: the secret's version moves with every other key, too."""
        return bool(recorded["keys"] == observed["keys"])

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return f"version {evidence['version']}" if evidence.get("version") else "absent"

    # What is there

    def _secret(self, container: Options) -> VersionedSecret:
        return VersionedSecret(self.connection, container["secret"], self.label(container))

    def _read(self, container: Options) -> Snapshot:
        secret = self._secret(container)
        try:
            described = secret.describe()
        except NotFoundError as error:
            if container.get("create") and not _ARN.fullmatch(container["secret"]):
                return Snapshot(None)
            hint = "It is missing, or in another region or account. With create: true, it is made"
            raise NotFoundError(error.message, hint=hint, status=error.status, request_id=error.request_id) from None
        self._refuse_obstacles(container, described)
        return secret.read(described)

    def _document(self, container: Options, text: str | None) -> Document:
        return WholeText(text) if container.get("format") == TEXT else self._object(container, text)

    def _object(self, container: Options, text: str | None) -> JsonObject:
        try:
            return JsonObject(text)
        except NotAnObjectError:
            raise InvalidRequestError(
                f"{self.label(container)} holds no JSON object", hint="If it is one value, set format: text"
            ) from None

    def _evidence(self, container: Options, seen: Snapshot, keys: Sequence[str]) -> Evidence:
        ledger = seen.described.tags.get(OWNER_TAG) if seen.described else None
        evidence = {"keys": self._facts(container, seen, keys), "version": seen.version}
        return {**evidence, **({"ledger": ledger} if ledger else {})}

    def _facts(self, container: Options, seen: Snapshot, keys: Sequence[str]) -> dict[str, Any]:
        document = self._document(container, seen.text)
        held = {key: document.held(key) for key in keys}
        return {key: {"fingerprint": self.fingerprint(value)} for key, value in held.items() if value}

    def _refuse_obstacles(self, container: Options, described: Described) -> None:
        """Refuse a secret that is deleted, a replica, managed by a service, or in rotation by somebody else."""
        label, region = self.label(container), self.connection.region
        if described.is_deleted:
            raise ConflictError(f"{label} is about to be deleted", hint="Restore it: aws secretsmanager restore-secret")
        if described.owner:
            raise ConflictError(f"{label} belongs to the AWS service {described.owner}", hint="Take another secret")
        if described.primary_region not in ("", region):
            raise ConflictError(
                f"{label} is a replica of one in {described.primary_region}",
                hint=f"Write it there, with a connection to {described.primary_region}",
            )
        if described.rotates:
            raise ConflictError(
                f"AWS rotates {label} by itself",
                hint="Two who rotate one secret undo each other's work: aws secretsmanager cancel-rotate-secret",
            )
        if described.foreign_pending:
            raise ConflictError(
                f"{label} has a version that is pending, {described.foreign_pending}: somebody else is rotating it",
                hint="Wait until that has ended; or take the label AWSPENDING from that version, if it never will",
            )

    # What is done

    def _change(
        self,
        container: Options,
        keys: Sequence[str],
        edit: Callable[[str | None], str | None],
        since: Evidence | None,
    ) -> Evidence:
        """Read, edit, compare and set; once more, where somebody else has changed other keys meanwhile.

        ``edit`` makes the text that is to be from the one that is there; None when that may stay.
        """
        for _attempt in range(_ATTEMPTS):
            seen = self._read(container)
            self._refuse_foreign_change(container, seen, keys, since)
            text = edit(seen.text)
            if text is None:
                if self._secret(container).is_settled(seen):
                    return self._evidence(container, seen, keys)
                continue
            self._refuse_too_long(container, text)
            if version := self._set(container, seen, text):
                evidence = self._evidence(container, Snapshot(seen.described, version, text), keys)
                return {**evidence, **self._tag_owner(container, seen)}
        raise ConflictError(
            f"{self.label(container)} was changed by others at every attempt",
            hint="None of ours is in force. Run again",
        )

    def _refuse_foreign_change(
        self, container: Options, seen: Snapshot, keys: Sequence[str], since: Evidence | None
    ) -> None:
        if since is None:
            return
        recorded = {key: facts for key, facts in since["keys"].items() if key in keys}
        if not self.unchanged({"keys": recorded}, {"keys": self._facts(container, seen, keys)}):
            raise ForeignChangeError(
                f"writing to {self.label(container)}: somebody else has changed its keys, by version {seen.version}"
            )

    def _refuse_too_long(self, container: Options, text: str) -> None:
        if len(text.encode()) > _MOST:
            raise InvalidRequestError(
                f"{self.label(container)} would have more than the {_MOST} bytes that AWS takes; nothing was sent",
                hint="Move some of its keys to a secret of their own",
            )

    def _set(self, container: Options, seen: Snapshot, text: str) -> str | None:
        """Store the text and return its version; None when somebody else was faster."""
        if seen.described:
            return self._secret(container).replace(text, seen.version)
        tags = [{"Key": key, "Value": tag} for key, tag in (container.get("tags") or {}).items()]
        given = {"KmsKeyId": container.get("kms_key_id"), "Description": container.get("description"), "Tags": tags}
        try:
            return self._secret(container).create(text, {name: setting for name, setting in given.items() if setting})
        except ConflictError:
            return None

    def _tag_owner(self, container: Options, seen: Snapshot) -> dict[str, str]:
        """Tag the secret with the ledger's id; a missing right to do so is no failure of the write."""
        there = seen.described.tags.get(OWNER_TAG) if seen.described else None
        if not self.owner_tag or there == self.owner_tag:
            return {}
        try:
            with after_an_effect():
                self._secret(container).tag({OWNER_TAG: self.owner_tag})
        except OutcomeUnknownError:
            return {}
        return {"ledger": self.owner_tag}
