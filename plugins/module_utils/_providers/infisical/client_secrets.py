# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client secrets of a machine identity's universal auth. Our name is the description.

A client secret is never shown to the server but in a login, and a refused login counts towards the lockout of the whole
identity: so whether one lives is told by the list alone.

More than a description: it goes by the store's connection, and a new one is compared with the connection's own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from ..._core import durations
from ..._core.contracts import Issuer, Listed, Maker, Options, Overlap, Recover, Revocation, Schema, Traits
from ..._core.credential import Credential, SecretValue
from ..._core.errors import NotFoundError, PermissionDeniedError
from ..._core.http.key_issuers import unknown_if_unreadable
from ..._core.http.shapes import Maybe, checked, moment
from .client import InfisicalConnection

_LIST = "/v1/auth/universal-auth/identities/{}/client-secrets"
_FACTS = {
    "id": str,
    "description": Maybe(str),
    "clientSecretPrefix": Maybe(str),
    "createdAt": moment,
    "clientSecretTTL": Maybe(int),
    "clientSecretNumUsesLimit": Maybe(int),
    "isClientSecretRevoked": Maybe(bool),
}
_RIGHT = "The connection's identity needs the organization's right to edit identities, as that one is, or more"


class InfisicalClientSecrets(Issuer):
    where = ("identity",)
    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.RECONCILE)
    fields = ("client_secret",)
    schema = Schema(
        {
            "identity": {"type": "string", "minLength": 1, "description": "Id of the machine identity."},
            "lifetime": {
                "type": "string",
                "pattern": durations.PATTERN,
                "description": "How long a client secret is valid, such as 120d; longer than max_age. Without end, "
                "unless said.",
            },
        },
        required=("identity",),
    )
    unverifiable = "whether the connection's identity may make client secrets, and revoke them"
    rights = "the organization's right to edit identities; the identity may not be less privileged than the other one"
    blast_radius = "whatever logs in as that identity"
    console = "Organization, Access Control, Identities, the identity, Universal Auth"
    connection: InfisicalConnection

    @classmethod
    def label(cls, options: Options) -> str:
        return f"infisical_client_secret of the identity {options['identity']}"

    def preflight(self, current: str | None) -> list[str]:
        try:
            there = {one["id"]: one for one in self._all()}
        except NotFoundError as error:
            return [f"{self._what} is not there, or has no universal auth: {error}"]
        if not current:
            return []
        if current not in there or there[current].get("isClientSecretRevoked"):
            return [f"the client secret {current} is no valid one of {self._what}"]
        if limit := there[current].get("clientSecretNumUsesLimit"):
            return [
                f"the current one can be used {limit} times, and a new one has no limit: bring one without, by hand"
            ]
        return []

    def is_own(self, credential_id: str) -> bool:
        """Compare the connection's own secret with the beginning that the list shows of the one with that id."""
        own = self.connection.client_secret
        if own is None:
            return False
        begins = next((one.get("clientSecretPrefix") for one in self._all() if one["id"] == credential_id), None)
        return bool(begins and own.reveal().startswith(begins))

    def shortfall(self, credential: Credential) -> list[str]:
        """Log in with the new one, and compare what it lists of the identity with what this connection lists."""
        other = self.connection.opened_with(credential.fields["client_secret"])
        if other is None:
            return []
        try:
            seen = {one["id"] for one in self._all(other)}
        except (NotFoundError, PermissionDeniedError):
            return [f"the right to list the client secrets of {self._what}"]
        return (
            [] if seen == {one["id"] for one in self._all()} else [f"the same list of client secrets of {self._what}"]
        )

    def mint(self, name: str) -> Credential:
        doing = f"making a client secret of {self._what}"
        seconds = durations.parse(self.options["lifetime"]).total_seconds() if "lifetime" in self.options else 0
        body = {"description": name, "ttl": int(seconds), "numUsesLimit": 0}
        with unknown_if_unreadable():
            answer = self._ask("POST", self._path, doing, body=body)
            made = checked(answer, {"clientSecret": str, "clientSecretData": {"id": str}}, f"{doing}: the answer is")
        return Credential(made["clientSecretData"]["id"], name, {"client_secret": SecretValue(made["clientSecret"])})

    def listed(self) -> list[Listed]:
        return [_listed(one) for one in self._all()]

    def revoke(self, credential: Credential) -> None:
        if not any(one["id"] == credential.id and not one.get("isClientSecretRevoked") for one in self._all()):
            return
        path = f"{self._path}/{quote(str(credential.id), safe='')}/revoke"
        try:
            self._ask("POST", path, f"revoking {credential.name}", idempotent=True)
        except NotFoundError:  # it was, by a request whose answer was lost
            return

    @property
    def _what(self) -> str:
        return f"the identity {self.options['identity']}"

    @property
    def _path(self) -> str:
        return _LIST.format(quote(self.options["identity"], safe=""))

    def _all(self, connection: InfisicalConnection | None = None) -> list[dict[str, Any]]:
        doing = f"listing the client secrets of {self._what}"
        answer = self._ask("GET", self._path, doing, connection)
        found: list[dict[str, Any]] = checked(answer, {"clientSecretData": [_FACTS]}, f"{doing}: the answer is")[
            "clientSecretData"
        ]
        return found

    def _ask(
        self, method: str, path: str, doing: str, connection: InfisicalConnection | None = None, **more: Any
    ) -> dict[str, Any]:
        try:
            return (connection or self.connection).ask(method, path, doing, self._what, **more)
        except PermissionDeniedError as denied:
            denied.hint = _RIGHT
            raise


def _listed(one: dict[str, Any]) -> Listed:
    created, ttl = datetime.fromisoformat(one["createdAt"]), one.get("clientSecretTTL")
    expires = created + timedelta(seconds=ttl) if ttl else None
    revoked = bool(one.get("isClientSecretRevoked"))
    return Listed(one["id"], one.get("description") or "", created, expires, revoked=revoked)
