# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret-ids of an AppRole. Each has an accessor, by which it is found and ended; ours have their name as metadata.

More than a description: hvac's wire, and the limits of role, mount and current secret-id are looked at.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from ..._core import durations
from ..._core.contracts import Answer, Issuer, Listed, Maker, Options, Overlap, Recover, Revocation, Schema, Traits
from ..._core.credential import Credential, SecretValue
from ..._core.errors import ConfigurationError, NotFoundError, after_an_effect
from ..._core.http.key_issuers import unknown_if_unreadable
from ..._core.http.shapes import Maybe, checked
from .client import VaultConnection

NAME = "rotor"
"""The key of a credential's name in its metadata."""
_FACTS = {
    "metadata": Maybe(dict),
    "creation_time": str,
    "expiration_time": str,
    "cidr_list": Maybe([str]),
    "secret_id_num_uses": int,
}
_ROLE = {"secret_id_num_uses": int, "secret_id_ttl": int, "bind_secret_id": bool}
_MADE = {"secret_id": str, "secret_id_accessor": str, "secret_id_ttl": int}


class VaultSecretIds(Issuer):
    where = ("role", "mount")
    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.RECONCILE)
    fields = ("secret_id",)
    schema = Schema(
        {
            "role": {"type": "string", "minLength": 1, "description": "Name of the AppRole."},
            "mount": {
                "type": "string",
                "minLength": 1,
                "default": "approle",
                "description": "Where the auth method is mounted.",
            },
            "lifetime": {
                "type": "string",
                "pattern": durations.PATTERN,
                "description": "How long a secret-id is valid, such as 120d; longer than max_age. As the role has it, "
                "unless said.",
            },
            "cidr_list": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "description": "The addresses from which a secret-id can be used, such as 10.0.0.0/8.",
            },
        },
        required=("role",),
    )
    rights = "to read the role and its role-id, and to list, make, look up and destroy its secret-ids"
    blast_radius = "whatever logs in with that role"
    console = "the command line: vault write -f auth/approle/role/ROLE/secret-id"
    connection: VaultConnection

    @classmethod
    def label(cls, options: Options) -> str:
        return f"vault_approle_secret_id of the role {options['role']}"

    # Before

    def preflight(self, current: str | None) -> list[str]:
        try:
            role = self._role()
            there = {accessor: self._look(accessor) for accessor in self._accessors()}
        except NotFoundError as error:
            return [f"{self._what} is not there: {error}"]
        problems = [] if role["bind_secret_id"] else [f"{self._what} takes no secret-id"]
        if uses := role["secret_id_num_uses"]:
            problems.append(f"a secret-id of {self._what} is used up after {uses} logins: set secret_id_num_uses to 0")
        least = min(filter(None, [role["secret_id_ttl"], self.connection.longest(f"auth/{self._mount}")]), default=0)
        if "lifetime" in self.options and 0 < least < self._seconds:
            lives = durations.show(timedelta(seconds=least))
            problems.append(f"a secret-id of {self._what} lives for {lives} at most (secret_id_ttl, max_lease_ttl)")
        old = there.get(current or "")
        if current and old is None:
            problems.append(f"the secret-id with the accessor {current} is not one of {self._what}")
        bound = sorted((old or {}).get("cidr_list") or ())
        if old and bound != sorted(self.options.get("cidr_list", ())):
            problems.append(f"the current one can be used from {', '.join(bound) or 'anywhere'}: say so in cidr_list")
        return problems

    def preview(self) -> list[str]:
        ttl = self._role()["secret_id_ttl"]
        return [f"it ends by itself after {durations.show(timedelta(seconds=ttl))} (secret_id_ttl)"] if ttl else []

    def is_own(self, credential_id: str) -> bool:
        own = self.connection.secret_id
        return own is not None and self._lookup(own).get("secret_id_accessor") == credential_id

    def shortfall(self, credential: Credential) -> list[str]:
        role_id = self._ask("its role-id", f"{self._path}/role-id", {"role_id": str})["role_id"]
        auth = {"method": "approle", "mount": self._mount, "role_id": role_id, **credential.fields}
        return self.connection.shortfall(auth)

    # Its life

    def mint(self, name: str) -> Credential:
        doing = f"making a secret-id of {self._what}"
        body: dict[str, Any] = {"metadata": json.dumps({NAME: name})}
        if "lifetime" in self.options:
            body["ttl"] = f"{self._seconds}s"
        if self.options.get("cidr_list"):
            body["cidr_list"] = self.options["cidr_list"]
        with unknown_if_unreadable():
            answer = self.connection.adapter(doing).post(f"{self._path}/secret-id", body)
            made = checked(answer.get("data"), _MADE, f"{doing}: the answer is")
        new = Credential(made["secret_id_accessor"], name, {"secret_id": SecretValue(made["secret_id"])})
        if "lifetime" in self.options:
            end_short_one(self, new, made["secret_id_ttl"], self._seconds)
        return new

    def listed(self) -> list[Listed]:
        found = ((accessor, self._look(accessor)) for accessor in self._accessors())
        return [_listed(accessor, facts) for accessor, facts in found if facts]

    def verify(self, credential: Credential) -> Answer:
        """Look a secret-id up, which is no login and uses none of it up."""
        return Answer.ACCEPTED if self._lookup(credential.fields["secret_id"]) else Answer.REFUSED

    def revoke(self, credential: Credential) -> None:
        if credential.id not in self._accessors():
            return
        doing, body = f"destroying {credential.name}", {"secret_id_accessor": credential.id}
        self.connection.adapter(doing).post(f"{self._path}/secret-id-accessor/destroy", body)

    # Inside

    @property
    def _mount(self) -> str:
        return str(self.options.get("mount") or "approle").strip("/")

    @property
    def _what(self) -> str:
        return f"the role {self.options['role']} at auth/{self._mount}"

    @property
    def _path(self) -> str:
        return f"/v1/auth/{quote(self._mount)}/role/{quote(self.options['role'], safe='')}"

    @property
    def _seconds(self) -> int:
        return int(durations.parse(self.options["lifetime"]).total_seconds())

    def _role(self) -> dict[str, Any]:
        return self._ask("it", self._path, _ROLE)

    def _ask(self, about: str, path: str, shape: dict[str, Any]) -> dict[str, Any]:
        doing = f"asking for {about} of {self._what}" if about != "it" else f"asking for {self._what}"
        found: dict[str, Any] = checked(
            self.connection.adapter(doing).get(path).get("data"), shape, f"{doing}: the answer is"
        )
        return found

    def _accessors(self) -> list[str]:
        doing = f"listing the secret-ids of {self._what}"
        return self.connection.keys(f"{self._path}/secret-id", doing)

    def _lookup(self, secret_id: SecretValue) -> dict[str, Any]:
        """Return what is known of a secret-id; nothing where it is none of the role."""
        doing, body = f"showing a secret-id of {self._what}", {"secret_id": secret_id.reveal()}
        answer = self.connection.adapter(doing).look(f"{self._path}/secret-id/lookup", body)
        if not answer:  # 204
            return {}
        shape = {**_FACTS, "secret_id_accessor": str}
        found: dict[str, Any] = checked(answer.get("data"), shape, f"{doing}: the answer is")
        return found

    def _look(self, accessor: str) -> dict[str, Any] | None:
        """Return what is known of a secret-id; None where it has ended since it was listed."""
        doing, body = f"looking at a secret-id of {self._what}", {"secret_id_accessor": accessor}
        try:
            answer = self.connection.adapter(doing).look(f"{self._path}/secret-id-accessor/lookup", body)
        except NotFoundError:
            return None
        found: dict[str, Any] = checked(answer.get("data"), _FACTS, f"{doing}: the answer is")
        return found


def _listed(accessor: str, facts: dict[str, Any]) -> Listed:
    created, expires = (moment(facts[name]) for name in ("creation_time", "expiration_time"))
    return Listed(accessor, str((facts["metadata"] or {}).get(NAME, "")), created, expires)


def end_short_one(issuer: Issuer, made: Credential, seconds: int, wanted: int) -> None:
    """End a credential that the server has given a shorter life than it was asked for, as it does without a word."""
    if 0 < seconds < wanted:
        with after_an_effect():
            issuer.revoke(made)
        lives = durations.show(timedelta(seconds=seconds))
        raise ConfigurationError(
            f"{made.name} would live for {lives} only, and was ended", hint="Set a longer max_lease_ttl"
        )


def moment(text: str | None) -> datetime | None:
    """Return a time of Vault's, which writes the year 1 for none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.year > 1 and found.tzinfo else None
