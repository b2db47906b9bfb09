# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access keys of an IAM user, of which AWS allows two. They have no name: one whose answer was lost is not told apart.

Source: docs.aws.amazon.com, IAM: managing access keys; CreateAccessKey, UpdateAccessKey, GetAccessKeyLastUsed; STS:
GetAccessKeyInfo, which need not know a key that was deleted.

More than a description: boto3, a key is disabled before it is deleted, and is compared with the connection's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ..._core.contracts import Answer, Issuer, Listed, Maker, Options, Overlap, Recover, Revocation, Schema, Traits
from ..._core.credential import Credential, PublicValue, SecretValue
from ..._core.errors import (
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    after_an_effect,
)
from ..._core.http.key_issuers import unknown_if_unreadable
from ..._core.http.shapes import Maybe
from .client import AwsConnection

_KEY = {"AccessKeyId": str, "Status": str, "CreateDate": datetime}
_MADE = {"AccessKey": {"AccessKeyId": str, "SecretAccessKey": str}}
_USED = {"AccessKeyLastUsed": Maybe({"LastUsedDate": Maybe(datetime)})}
_ACTIVE, _INACTIVE = "Active", "Inactive"
_UNKNOWN_KEY = "InvalidClientTokenId"
_UNTOLD = (AuthenticationError, InvalidRequestError, NotFoundError, PermissionDeniedError)


class IamAccessKeys(Issuer):
    where = ("user",)
    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.NONE)
    fields = ("access_key_id", "secret_access_key")
    schema = Schema(
        {"user": {"type": "string", "minLength": 1, "description": "Name of the IAM user."}}, required=("user",)
    )
    unverifiable = "whether the credentials may make access keys of the user, and end them"
    rights = (
        "`iam:ListAccessKeys`, `iam:GetAccessKeyLastUsed`, `iam:CreateAccessKey`, `iam:UpdateAccessKey` and "
        "`iam:DeleteAccessKey` on the user"
    )
    blast_radius = "whatever runs as that user"
    console = "IAM, Users, the user, Security credentials"
    connection: AwsConnection

    @classmethod
    def label(cls, options: Options) -> str:
        return f"aws_iam_access_key of the user {options['user']}"

    @classmethod
    def reports_last_used(cls, options: Options) -> bool:
        return True

    # Before

    def preflight(self, current: str | None) -> list[str]:
        try:
            keys = self._keys("asking")
        except NotFoundError:
            return [f"there is no user {self.options['user']} in the account"]
        if current and not any(key["AccessKeyId"] == current and key["Status"] == _ACTIVE for key in keys):
            return [f"the access key {current} is no active one of the user {self.options['user']}"]
        return []

    def quota(self) -> int:
        return 2

    def is_own(self, credential_id: str) -> bool:
        return self.connection.access_key() == credential_id

    def shortfall(self, credential: Credential) -> list[str]:
        """Compare who it is, and which keys it lists, with what this connection is told."""
        other = self.connection.opened_with(credential.fields)
        doing = "comparing a new access key with the connection's"
        mine, theirs = (_identity(one, doing) for one in (self.connection, other))
        if mine != theirs:
            return [f"to be {mine}"]
        try:
            seen = {key["AccessKeyId"] for key in self._keys(doing, other)}
        except PermissionDeniedError:
            return ["iam:ListAccessKeys"]
        return [] if seen == {key["AccessKeyId"] for key in self._keys(doing)} else ["the list of the user's keys"]

    # Its life

    def mint(self, name: str) -> Credential:
        with unknown_if_unreadable():
            made = self._call("CreateAccessKey", f"making {name}", _MADE)["AccessKey"]
        pair = {
            "access_key_id": PublicValue(made["AccessKeyId"]),
            "secret_access_key": SecretValue(made["SecretAccessKey"]),
        }
        return Credential(made["AccessKeyId"], name, pair)

    def listed(self) -> list[Listed]:
        return [self._listed(key) for key in self._keys("listing")]

    def verify(self, credential: Credential) -> Answer:
        """Ask STS who it is, which every key may; of an inactive one AWS says that there is no such key."""
        try:
            _identity(self.connection.opened_with(credential.fields, role=False), "showing an access key")
        except AuthenticationError as refused:
            if refused.code != _UNKNOWN_KEY:
                raise
            return Answer.REFUSED
        return Answer.ACCEPTED

    def disable(self, credential: Credential) -> None:
        self._set(credential, _INACTIVE)

    def enable(self, credential: Credential) -> None:
        self._set(credential, _ACTIVE)

    def revoke(self, credential: Credential) -> None:
        with self._unless_gone(credential):
            doing = f"deleting the access key {credential.id}"
            self._call("DeleteAccessKey", doing, repeatable=True, AccessKeyId=credential.id)

    # Inside

    def _set(self, credential: Credential, status: str) -> None:
        with self._unless_gone(credential):
            doing = f"making the access key {credential.id} {status.lower()}"
            self._call("UpdateAccessKey", doing, repeatable=True, AccessKeyId=credential.id, Status=status)

    @contextmanager
    def _unless_gone(self, credential: Credential) -> Iterator[None]:
        """Pass over a key that the user does not have, unless AWS says that it is somebody else's."""
        try:
            yield
        except NotFoundError as missing:
            with after_an_effect(isinstance(missing, OutcomeUnknownError)):
                theirs = self._is_elsewhere(str(credential.id))
            if theirs:
                missing.hint = f"The key {credential.id} is another account's, or another user's: use its connection"
                raise

    def _is_elsewhere(self, key: str) -> bool:
        """Ask whose a key is; what AWS does not know, or does not let us ask, is nobody's."""
        doing = f"asking whose the access key {key} is"
        account = self.connection.call("GetCallerIdentity", doing, needs={"Account": str}, service="sts")["Account"]
        questions = (
            ("sts", "GetAccessKeyInfo", "Account", account),
            ("iam", "GetAccessKeyLastUsed", "UserName", self.options["user"]),
        )
        for service, operation, owner, ours in questions:
            try:
                found = self.connection.call(operation, doing, service=service, AccessKeyId=key).get(owner)
            except _UNTOLD:
                continue
            if found not in (None, ours):
                return True
        return False

    def _keys(self, doing: str, connection: AwsConnection | None = None) -> list[dict[str, Any]]:
        doing = f"{doing} for the access keys of {self.options['user']}"
        found: list[dict[str, Any]] = self._call(
            "ListAccessKeys", doing, {"AccessKeyMetadata": [_KEY]}, connection=connection
        )["AccessKeyMetadata"]
        return found

    def _listed(self, key: Mapping[str, Any]) -> Listed:
        doing = f"asking when {key['AccessKeyId']} was last used"
        used = self.connection.call(
            "GetAccessKeyLastUsed", doing, needs=_USED, service="iam", AccessKeyId=key["AccessKeyId"]
        )
        last = (used.get("AccessKeyLastUsed") or {}).get("LastUsedDate")
        return Listed(key["AccessKeyId"], "", key["CreateDate"], last_used_at=last, scope=key["Status"])

    def _call(
        self,
        operation: str,
        doing: str,
        needs: Mapping[str, Any] | None = None,
        *,
        connection: AwsConnection | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        about = {"resource": f"the user {self.options['user']}", "service": "iam", "UserName": self.options["user"]}
        return (connection or self.connection).call(operation, doing, needs=needs, **about, **more)


def _identity(connection: AwsConnection, doing: str) -> str:
    return str(connection.call("GetCallerIdentity", doing, needs={"Arn": str}, service="sts")["Arn"])
