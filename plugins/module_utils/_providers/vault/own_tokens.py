# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens without a parent, whose end would be theirs too. Each has an accessor; ours have their name as metadata.

More than a description: hvac's wire, the limits of role and mount are looked at, and logins' tokens are told apart.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from ..._core import durations
from ..._core.contracts import Answer, Issuer, Listed, Maker, Options, Overlap, Recover, Revocation, Schema, Traits
from ..._core.credential import Credential, SecretValue
from ..._core.errors import NotFoundError, PermissionDeniedError, RotorError
from ..._core.http.key_issuers import unknown_if_unreadable
from ..._core.http.shapes import Maybe, checked
from .answers import BY_TOKEN
from .client import VaultConnection
from .secret_ids import NAME, end_short_one, moment
from .tokens import TOKEN

_MADE_BY = "auth/token/create"
_FACTS = {"path": str, "meta": Maybe(dict), "creation_time": int, "expire_time": Maybe(str)}
_MADE = {"client_token": str, "accessor": str, "orphan": bool, "lease_duration": int}
_ROLE = {"orphan": bool, "token_explicit_max_ttl": Maybe(int), "token_bound_cidrs": Maybe([str])}


class VaultTokens(Issuer):
    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.RECONCILE)
    fields = ("token",)
    schema = Schema(
        {
            "role": {
                "type": "string",
                "minLength": 1,
                "description": "A token role by which tokens without a parent are made.",
            },
            "policies": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "description": "Those of a new token. Default: the role's, or those of the connection's own token.",
            },
            "lifetime": {
                "type": "string",
                "pattern": durations.PATTERN,
                "description": "How long a token is valid, such as 30d; longer than max_age.",
            },
        },
        required=("lifetime",),
    )
    unverifiable = "whether the connection's token may make tokens with these policies"
    rights = "to make tokens, to list (with sudo), look up and revoke their accessors; to read the token role"
    blast_radius = "whatever uses that token"
    console = "the command line: vault token create -orphan"
    connection: VaultConnection

    @classmethod
    def label(cls, options: Options) -> str:
        made_by = f" by the role {options['role']}" if "role" in options else ""
        return f"vault_token{made_by}"

    # Before

    def preflight(self, current: str | None) -> list[str]:
        longest, problems = [self.connection.longest("auth/token")], []
        if "role" in self.options:
            try:
                role = self._role()
            except NotFoundError:
                return [f"there is no token role {self.options['role']}"]
            longest.append(role.get("token_explicit_max_ttl"))
            if not role["orphan"]:
                problems.append(f"a token by the role {self.options['role']} ends with its parent: set orphan")
        least = min(filter(None, longest), default=self._seconds)
        if least < self._seconds:
            problems.append(f"a token lives for {durations.show(timedelta(seconds=least))} at most (max_lease_ttl)")
        self._accessors()  # what cannot be listed could not be found after a lost answer
        if current and self._look(current) is None:
            problems.append(f"the token with the accessor {current} is not valid")
        return problems

    def preview(self) -> list[str]:
        bound = self._role().get("token_bound_cidrs") if "role" in self.options else None
        where = f"a token by the role {self.options['role']} works from {', '.join(bound)} only" if bound else ""
        return [f"{where}: elsewhere nobody can see that a new one works, or that an old one does not"] if bound else []

    def is_own(self, credential_id: str) -> bool:
        return self.connection.is_own(credential_id)

    def shortfall(self, credential: Credential) -> list[str]:
        return self.connection.shortfall({"method": TOKEN, **credential.fields})

    # Its life

    def mint(self, name: str) -> Credential:
        doing = "making a token"
        body: dict[str, Any] = {"meta": {NAME: name}, "display_name": name, "ttl": f"{self._seconds}s"}
        if "policies" in self.options:
            body["policies"] = self.options["policies"]
        path = quote(self.options["role"], safe="") if "role" in self.options else ""
        place = f"/v1/auth/token/create/{path}" if path else "/v1/auth/token/create-orphan"
        with unknown_if_unreadable():
            answer = self.connection.adapter(doing).post(place, body)
            made = checked(answer.get("auth"), _MADE, f"{doing}: the answer is")
        new = Credential(made["accessor"], name, {"token": SecretValue(made["client_token"])})
        end_short_one(self, new, made["lease_duration"], self._seconds)
        return new

    def listed(self) -> list[Listed]:
        """List tokens that somebody has made, and none of a login."""
        found = ((accessor, self._look(accessor)) for accessor in self._accessors())
        return [_listed(accessor, facts) for accessor, facts in found if facts and facts["path"].startswith(_MADE_BY)]

    def verify(self, credential: Credential) -> Answer:
        """Let a token look itself up; from an address that it is not bound to, one that lives is told it is unknown."""
        try:
            self.connection.show(credential.fields["token"])
        except PermissionDeniedError as denied:
            if denied.code != BY_TOKEN:
                raise
            dead = credential.id is not None and self._look(credential.id) is None
            return Answer.REFUSED if dead else Answer.UNCLEAR
        return Answer.ACCEPTED

    def revoke(self, credential: Credential) -> None:
        if self._look(str(credential.id)) is None:
            return
        doing = f"revoking {credential.name}"
        self.connection.adapter(doing).post("/v1/auth/token/revoke-accessor", {"accessor": credential.id})

    # Inside

    @property
    def _seconds(self) -> int:
        return int(durations.parse(self.options["lifetime"]).total_seconds())

    def _role(self) -> dict[str, Any]:
        doing, name = "asking for the token role", quote(self.options["role"], safe="")
        answer = self.connection.adapter(doing).get(f"/v1/auth/token/roles/{name}")
        found: dict[str, Any] = checked(answer.get("data"), _ROLE, f"{doing}: the answer is")
        return found

    def _accessors(self) -> list[str]:
        return self.connection.keys("/v1/auth/token/accessors", "listing the accessors of tokens")

    def _look(self, accessor: str) -> dict[str, Any] | None:
        """Return what is known of a token; None where it has ended."""
        doing = "looking at a token"
        try:
            answer = self.connection.adapter(doing).look("/v1/auth/token/lookup-accessor", {"accessor": accessor})
        except RotorError as error:
            if error.status not in (400, 403, 404) or accessor in self._accessors():
                raise
            return None
        found: dict[str, Any] = checked(answer.get("data"), _FACTS, f"{doing}: the answer is")
        return found


def _listed(accessor: str, facts: dict[str, Any]) -> Listed:
    name = str((facts["meta"] or {}).get(NAME, ""))
    return Listed(accessor, name, datetime.fromtimestamp(facts["creation_time"], UTC), moment(facts["expire_time"]))
