# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One secret of Secrets Manager and its versions, of which labels say what they are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ..._core.errors import InvalidRequestError, OutcomeUnknownError, RotorError, UnexpectedAnswerError, after_an_effect
from ..._core.http.shapes import Maybe, moment
from .client import SecretsManagerConnection

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
_OURS = "rotor-"
_ATTEMPTS = 3


def _stages(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(labels, list) for labels in found.values())


_ONE = {"VersionId": str}
_DESCRIBED = {
    "ARN": str,
    "Name": Maybe(str),
    "VersionIdsToStages": Maybe(_stages),
    "SecretVersionsToStages": Maybe(_stages),
    "Tags": Maybe([{"Key": str, "Value": str}]),
    "LastChangedDate": Maybe(moment),
    "DeletedDate": Maybe(moment),
    **dict.fromkeys(("Description", "KmsKeyId", "OwningService", "PrimaryRegion"), Maybe(str)),
}


@dataclass(frozen=True)
class Described:
    """What AWS says of a secret without giving away its text."""

    facts: Mapping[str, Any]
    """As AWS tells them."""

    @property
    def stages(self) -> dict[str, list[str]]:
        """Return the staging labels of each version; ListSecrets names them differently."""
        return self.facts.get("VersionIdsToStages") or self.facts.get("SecretVersionsToStages") or {}

    @property
    def tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.facts.get("Tags") or []}

    @property
    def is_deleted(self) -> bool:
        return bool(self.facts.get("DeletedDate"))

    @property
    def rotates(self) -> bool:
        return bool(self.facts.get("RotationEnabled"))

    @property
    def owner(self) -> str:
        return self.facts.get("OwningService") or ""

    @property
    def primary_region(self) -> str:
        return self.facts.get("PrimaryRegion") or ""

    @property
    def current(self) -> str | None:
        """Return the version with AWSCURRENT; of several, the latest."""
        return next((version for version in reversed(self.stages) if CURRENT in self.stages[version]), None)

    @property
    def foreign_pending(self) -> str | None:
        """Return a pending version that is not ours: somebody else is rotating. Ours is left from a crash."""
        waiting = [version for version, stages in self.stages.items() if PENDING in stages and CURRENT not in stages]
        return next((version for version in waiting if not version.startswith(_OURS)), None)

    @property
    def summary(self) -> dict[str, Any]:
        """Return the facts that the info module shows."""
        facts = self.facts
        return {
            "name": facts["Name"],
            "arn": facts["ARN"],
            "description": facts.get("Description", ""),
            "kms_key_id": facts.get("KmsKeyId", ""),
            "version": self.current,
            "changed_at": _moment(facts.get("LastChangedDate")),
            "deleted_at": _moment(facts.get("DeletedDate")),
            "rotates": self.rotates,
            "tags": self.tags,
        }


@dataclass(frozen=True)
class Snapshot:
    """A secret as it is now. ``described`` is None where there is none, ``version`` where it has no value yet."""

    described: Described | None
    version: str | None = None
    text: str | None = field(default=None, repr=False)


class VersionedSecret:
    """One secret, by name or ARN; ``label`` names it in errors."""

    def __init__(self, connection: SecretsManagerConnection, name: str, label: str) -> None:
        self._connection = connection
        self._name = name
        self._label = label

    def describe(self) -> Described:
        return Described(self._call("DescribeSecret", "looking at", needs=_DESCRIBED))

    def read(self, described: Described) -> Snapshot:
        """Read the text of the version that was described as current."""
        version = described.current
        if version is None:
            return Snapshot(described)
        answer = self._call("GetSecretValue", "reading", needs={**_ONE, "SecretString": Maybe(str)}, VersionId=version)
        if "SecretString" not in answer:
            raise InvalidRequestError(
                f"{self._label} holds bytes and no text", hint="Only secrets with a SecretString can be managed"
            )
        return Snapshot(described, version, answer["SecretString"])

    def create(self, text: str, settings: Mapping[str, Any]) -> str:
        """Create the secret and return its version; ConflictError when somebody else has just created it."""
        token = _token()
        answer = self._call(
            "CreateSecret",
            "making",
            needs=_ONE,
            identifier="Name",
            repeatable=True,
            ClientRequestToken=token,
            SecretString=text,
            **settings,
        )
        return str(answer["VersionId"])

    def replace(self, text: str, current: str | None) -> str | None:
        """Make a new version current in place of ``current`` and return it; None when somebody was faster.

        The token is the version's id, which makes a repetition after a lost answer harmless.
        """
        token = _token()
        stages = self._put(token, text, PENDING)
        mine = CURRENT in stages or self._promote(token, current)  # a first version becomes current at once
        with after_an_effect(mine):
            settled = mine and self._is_handed_out(token, text, current)
        with suppress(RotorError):  # a label that stays behind does no harm: we know it as ours
            self._call("UpdateSecretVersionStage", "tidying up", VersionStage=PENDING, RemoveFromVersionId=token)
        return token if settled else None

    def is_settled(self, seen: Snapshot) -> bool:
        """Return whether readers get the current version: its writer may have been killed before that."""
        if seen.version is None or seen.text is None:
            return True
        return self._is_handed_out(seen.version, seen.text, seen.version)

    def tag(self, tags: Mapping[str, str]) -> None:
        listed = [{"Key": key, "Value": tag} for key, tag in tags.items()]
        self._call("TagResource", "tagging", repeatable=True, Tags=listed)

    def delete(self, recovery_days: int) -> None:
        """Schedule the deletion; the secret can be restored for so many days."""
        try:
            self._call("DeleteSecret", "deleting", needs={"ARN": str}, RecoveryWindowInDays=recovery_days)
        except (InvalidRequestError, OutcomeUnknownError) as error:
            with after_an_effect(isinstance(error, OutcomeUnknownError)):
                is_deleted = self.describe().is_deleted
            if not is_deleted:
                raise

    def _put(self, token: str, text: str, stage: str) -> list[str]:
        answer = self._call(
            "PutSecretValue",
            "writing to",
            needs={**_ONE, "VersionStages": [str]},
            repeatable=True,
            ClientRequestToken=token,
            SecretString=text,
            VersionStages=[stage],
        )
        return list(answer["VersionStages"])

    def _promote(self, token: str, current: str | None) -> bool:
        """Move AWSCURRENT to a version; a repetition after a success fails, so looking tells the outcome."""
        move = {"VersionStage": CURRENT, "MoveToVersionId": token}
        if current:
            move["RemoveFromVersionId"] = current
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._call("UpdateSecretVersionStage", "making the new version current of", needs={"ARN": str}, **move)
            except (InvalidRequestError, OutcomeUnknownError) as error:
                with after_an_effect(isinstance(error, OutcomeUnknownError)):
                    now = self.describe().current
                if now != current:
                    return now == token
                if attempt == _ATTEMPTS:
                    raise
            else:
                return True
        raise AssertionError("the last attempt returns or raises")

    def _is_handed_out(self, token: str, text: str, before: str | None) -> bool:
        """Wait until readers get a version; False when a third one has become current."""
        if self._handed_out() == token:
            return True
        if self.describe().current == token:
            self._put(token, text, CURRENT)  # says nothing new to AWS; without it, moto hands out the old one for ever

        def settled() -> bool | None:
            if self._handed_out() == token:
                return True
            return None if self.describe().current in (token, before) else False

        found = self._connection.clock.poll(settled, every=2, within=20)
        if found is None:
            raise UnexpectedAnswerError(f"AWS took a new version of {self._label}, and does not hand it out")
        return found

    def _handed_out(self) -> str:
        """Return the version that GetSecretValue gives by default."""
        return str(self._call("GetSecretValue", "reading", needs=_ONE)["VersionId"])

    def _call(self, operation: str, verb: str, *, identifier: str = "SecretId", **more: Any) -> dict[str, Any]:
        more[identifier] = self._name
        return self._connection.call(operation, f"{verb} {self._label}", resource=self._name, **more)


def summaries(connection: SecretsManagerConnection) -> list[dict[str, Any]]:
    """Return the facts of all secrets of the region but those scheduled for deletion."""
    item = {**_DESCRIBED, "Name": str}
    listed = connection.pages("ListSecrets", "listing the secrets of Secrets Manager", "SecretList", item)
    return sorted((Described(facts).summary for facts in listed), key=lambda summary: str(summary["name"]))


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds") if at else None


def _token() -> str:
    """Make a ClientRequestToken, which becomes the version's id; AWS wants 32 to 64 characters."""
    return f"{_OURS}{uuid4()}"
