# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys of a GitHub App: a person makes and deletes them, and GitHub shows each by its fingerprint.

Source: docs.github.com, Managing private keys for GitHub Apps: an App has up to 25 keys, and the fingerprint is the
SHA-256 of the public key. There is no call for them; a JWT that is signed with a deleted key is answered 401.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from ..._core.contracts import Answer, Handwork, Options, Schema
from ..._core.credential import Credential, SecretValue
from ..._core.deps import library
from ..._core.errors import InvalidRequestError
from ..._core.http.key_api import Call, PersonApi, Verify
from ..._core.http.key_issuers import PersonIssuer
from .app import far_apart, signed_jwt


class GitHubAppKeys(PersonIssuer):
    """Its id is the fingerprint."""

    fields = ("private_key",)
    system, base_url = "GitHub", "https://api.github.com"
    where = ("app",)
    schema = Schema(
        {
            **PersonIssuer.schema.properties,
            "app": {
                "type": ["string", "integer"],
                "minLength": 1,
                "description": "Client id of the App, or its App id.",
            },
        },
        required=("app",),
    )
    api = PersonApi(
        Handwork(
            "github.com/settings/apps, the App, Private keys",
            "generate a private key",
            "delete the old key, by its fingerprint",
            several_lines=True,
        ),
        Verify(Call("GET", "/app")),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"github_app_key of the App {options['app']}"

    def take(self, name: str, fields: Mapping[str, SecretValue]) -> Credential:
        return Credential(_fingerprint(fields["private_key"]), name, fields)

    def verify(self, credential: Credential) -> Answer:
        doing, client, now = f"showing a key of {self._where}", self._bare(""), self.clock.now()
        answer: Any = None
        while answer is None or (answer.status == 401 and far_apart(answer.date, now)):
            now = answer.date if answer else now  # our clock is wrong, and GitHub refuses what it dates
            jwt = signed_jwt(self.options["app"], credential.fields["private_key"], now)
            headers = {"Authorization": f"Bearer {jwt.reveal()}"}
            answer = client.request("GET", "/app", doing=doing, ok=(200, 401), headers=headers)
        answer.json  # noqa: B018 - a page for people proves nothing
        return Answer.ACCEPTED if answer.status == 200 else Answer.REFUSED


def _fingerprint(value: SecretValue) -> str:
    """Return the fingerprint that GitHub shows beside a key."""
    serialization = library("cryptography.hazmat.primitives.serialization")
    try:
        public = serialization.load_pem_private_key(value.reveal().encode(), password=None).public_key()
    except (ValueError, TypeError):  # their text may quote the key
        raise InvalidRequestError("the value is not taken: it is not a private key without a passphrase") from None
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{base64.b64encode(hashlib.sha256(der).digest()).decode()}"
