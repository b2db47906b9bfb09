# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set passwords of Keycloak users, such as the administrator's, and reset secrets of clients. A new one ends the old.

Sources: keycloak.org's description of the admin API (docs-api, rest-api), and the words by which the token endpoint
refuses, in keycloak/keycloak (issue 22901: a right password without its OTP). Not verified: whether a policy of the
realm refuses 43 characters of letters, digits, ``-`` and ``_``.

More than a description: a client signs in, users and clients are found by their names, and are shown by signing in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._core import errors
from .._core.contracts import Answer, Options, Provider, Schema
from .._core.credential import Credential, SecretValue
from .._core.http import paths, shapes
from .._core.http.key_api import ApiConnection, Call, ResetApi, SetApi, send
from .._core.http.key_issuers import ResetIssuer, SetIssuer
from .._core.references import SCHEMA as CREDENTIAL

_NAME = {"type": "string", "minLength": 1}
_REALM = {**_NAME, "description": "Realm of the user or client."}
_TOKEN = Call("POST", "/realms/<realm>/protocol/openid-connect/token", "<form>", ok=(200, 400, 401), form=True)
_OF_CLIENT = "/admin/realms/<realm>/clients/<uuid>/client-secret"
_DEAD_CLIENT = ("Invalid client or Invalid client credentials", "Invalid client secret")
_NO_ACCOUNT = "Client not enabled to retrieve service account"
_LEAST = 20
"""Seconds before an access token expires at which another one is fetched."""


class KeycloakConnection(ApiConnection):
    where = ("url", "realm")
    schema = Schema(
        {
            "url": {**_NAME, "description": "Base address, with the path if there is one: https://HOST."},
            "realm": {**_NAME, "default": "master", "description": "Realm of the client that signs in."},
            "client_id": {**_NAME, "description": "Client that signs in; it needs a service account."},
            "client_secret": CREDENTIAL,
            "ca_cert": ApiConnection.schema.properties["ca_cert"],
        },
        required=("url", "client_id", "client_secret"),
    )
    references = ("client_secret",)
    in_headers = ()
    system = "Keycloak"
    whoami = Call("GET", "/admin/realms", params={"briefRepresentation": "true"})

    def authorizer(self, options: Options) -> Callable[[], str]:
        client = {"client_id": options["client_id"], "client_secret": options["client_secret"].reveal()}
        realm, self._token = options.get("realm", "master"), ("", 0.0)
        self.client = (realm, options["client_id"])

        def header() -> str:
            if self.clock.monotonic() >= self._token[1]:
                self._token = self._signed_in(realm, {**client, "grant_type": "client_credentials"})
            return f"Bearer {self._token[0]}"

        return header

    def _signed_in(self, realm: str, form: Mapping[str, str]) -> tuple[str, float]:
        status, found = self.sign_in(realm, form, "signing in")
        token, lasts = paths.at(found, "access_token"), paths.at(found, "expires_in")
        if status != 200 or not isinstance(token, str) or not isinstance(lasts, int):
            raise errors.AuthenticationError(f"Keycloak does not let client {form['client_id']} in", status=status)
        return SecretValue(token).reveal(), self.clock.monotonic() + max(lasts - _LEAST, 0)

    def sign_in(self, realm: str, form: Mapping[str, str], doing: str) -> tuple[int, Any]:
        answer = send(self.bare(), _TOKEN, doing, {"realm": realm, "form": form}, reads=True)
        return answer.status, answer.json

    def find(self, kind: str, realm: str, params: Mapping[str, str], doing: str) -> dict[str, Any]:
        """Return a user or a client, whose ``id`` is the one inside of Keycloak."""
        call = Call("GET", f"/admin/realms/<realm>/{kind}", params=params)
        answer = send(self.http, call, doing, {"realm": realm}, reads=True)
        found: list[dict[str, Any]] = shapes.checked(answer.json, [{"id": str}], answer.where)
        if len(found) != 1:
            raise errors.NotFoundError(f"{doing}: realm {realm} has {len(found)} of them")
        return found[0]


class KeycloakUserPasswords(SetIssuer):
    where = ("realm", "username")
    schema = Schema(
        {"realm": _REALM, "username": {**_NAME, "description": "Name of the user whose password is set."}},
        required=("realm", "username"),
    )
    fields = ("password",)
    rights = "a client with manage-users and view-users of the realm"
    blast_radius = "whoever signs in as the user; as the administrator, the administration"
    console = "the admin console, Users, the user, Credentials"
    connection: KeycloakConnection
    api = SetApi(
        Call(
            "PUT",
            "/admin/realms/<realm>/users/<uuid>/reset-password",
            {"type": "password", "value": "<value>", "temporary": False},
        ),
        "password",
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"keycloak_user_password of {options['username']}, realm {options['realm']}"

    def preflight(self, current: str | None) -> list[str]:
        try:
            user = self._user()
        except errors.NotFoundError:
            return [f"there is no {self._where}, or the connection's client may not see it"]
        what = (
            f"{self._where}: the user has a second factor (OTP), without which Keycloak refuses the right password, too"
        )
        return [f"{what}. Set it by hand, or take the factor away"] if user.get("totp") else []

    def activate(self, credential: Credential) -> None:
        """Set the password; where a policy refuses a reused one, ask whether it is in force after a lost answer."""
        value = credential.fields["password"].reveal()
        try:
            self._send(
                self.api.set, f"setting {self._where}", {"value": value, "uuid": self._user()["id"]}, idempotent=False
            )
        except errors.InvalidRequestError:
            if self.answer(credential) is not Answer.ACCEPTED:
                raise

    def verify(self, credential: Credential) -> Answer:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": self.options["username"]}
        form["password"] = credential.fields["password"].reveal()
        status, found = self.connection.sign_in(self.options["realm"], form, f"showing {self._where}")
        if status == 200 and paths.at(found, "access_token"):
            return Answer.ACCEPTED
        dead = status == 401 and paths.at(found, "error") == "invalid_grant"
        return Answer.REFUSED if dead else Answer.UNCLEAR

    def _user(self) -> dict[str, Any]:
        query = {"username": self.options["username"], "exact": "true"}
        return self.connection.find("users", self.options["realm"], query, f"looking for {self._where}")


class KeycloakClientSecrets(ResetIssuer):
    where = ("realm", "client_id")
    schema = Schema(
        {"realm": _REALM, "client_id": {**_NAME, "description": "Id of the client whose secret is reset."}},
        required=("realm", "client_id"),
    )
    fields = ("secret",)
    rights = "a client with manage-clients and view-clients of the realm"
    blast_radius = "every sign-in of the application"
    console = "the admin console, Clients, the client, Credentials"
    connection: KeycloakConnection
    api = ResetApi(reset=Call("POST", _OF_CLIENT), read=Call("GET", _OF_CLIENT), value={"secret": "value"}, id="")

    @classmethod
    def label(cls, options: Options) -> str:
        return f"keycloak_client_secret of {options['client_id']}, realm {options['realm']}"

    def preflight(self, current: str | None) -> list[str]:
        if (self.options["realm"], self.options["client_id"]) == self.connection.client:
            what = f"the connection signs in with {self._where}, and the old one ends with the new one"
            return [f"{what}. Give the connection a client of its own"]
        return super().preflight(current)

    def _send(self, call: Call, doing: str, more: Mapping[str, Any] | None = None, **options: Any) -> Any:
        query = {"clientId": self.options["client_id"]}
        uuid = self.connection.find("clients", self.options["realm"], query, f"looking for {self._where}")["id"]
        return super()._send(call, doing, {**(more or {}), "uuid": uuid}, **options)

    def verify(self, credential: Credential) -> Answer:
        form = {"grant_type": "client_credentials", "client_id": self.options["client_id"]}
        form["client_secret"] = credential.fields["secret"].reveal()
        status, found = self.connection.sign_in(self.options["realm"], form, f"showing {self._where}")
        said = paths.at(found, "error_description")
        if (status == 200 and paths.at(found, "access_token")) or (status in (400, 401) and said == _NO_ACCOUNT):
            return Answer.ACCEPTED
        return Answer.REFUSED if status == 401 and said in _DEAD_CLIENT else Answer.UNCLEAR


PROVIDER = Provider(
    "Keycloak",
    connections={"keycloak": KeycloakConnection},
    issuers={"keycloak_user_password": KeycloakUserPasswords, "keycloak_client_secret": KeycloakClientSecrets},
    contact="https://www.keycloak.org/community",
)
