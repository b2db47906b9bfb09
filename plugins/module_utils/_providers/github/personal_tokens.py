# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Personal access tokens: a person makes one, and whoever has it can end it.

Sources: docs.github.com, REST API, Revocation: on github.com that call takes no credential, and tells the owner of the
token. Not verified: how long an ended token is still accepted; on Enterprise Server the call asks for a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..._core.contracts import Handwork, Options, Revocation
from ..._core.credential import Credential, SecretValue
from ..._core.errors import PersonNeededError, RotorError, StoppedError, UntrustedServerError
from ..._core.http.key_api import Call, PersonApi, Verify, send
from ..._core.http.key_issuers import PersonIssuer
from .client import token_expiry


class GitHubPersonalTokens(PersonIssuer):
    """A token whose value is not kept is ended by a person."""

    traits = replace(PersonIssuer.traits, revoke=Revocation.API)
    revokes_by_value = True
    system, base_url = "GitHub", "https://api.github.com"
    api = PersonApi(
        Handwork(
            "github.com/settings/tokens",
            "generate a token with the rights, the repositories and the expiry of the old one",
            "delete the old token",
            pattern=r"(ghp|github_pat)_\w+",
        ),
        Verify(Call("GET", "/user")),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return "github_personal_token"

    def take(self, name: str, fields: Mapping[str, SecretValue]) -> Credential:
        """Find by an answer to the token when it expires; whether it is accepted is asked after that."""
        credential = super().take(name, fields)
        headers = {"Authorization": f"Bearer {fields['token'].reveal()}"}
        try:
            answer = send(self._bare(""), Call("GET", "/user"), f"showing {name}", {}, headers=headers, reads=True)
        except (StoppedError, UntrustedServerError):
            raise
        except RotorError:
            return credential
        expires_at = token_expiry(answer)
        return replace(credential, facts={"expires_at": expires_at.isoformat()} if expires_at else {})

    def revoke(self, credential: Credential) -> None:
        if not credential.fields:
            handwork = self.api.handwork
            raise PersonNeededError(f"the value of {credential.name} is not kept: {handwork.where}: {handwork.end}")
        call = Call("POST", "/credentials/revoke", {"credentials": ["<token>"]}, ok=(202,))
        doing, places = f"revoking {credential.name}", {"token": credential.fields["token"].reveal()}
        send(self._bare(""), call, doing, places, idempotent=True)
