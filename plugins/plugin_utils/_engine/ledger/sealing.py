# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing of values, and fingerprints by which two values can be compared without either being known.

A sealed field is Fernet (AES-128-CBC with HMAC-SHA256) over a JSON object that also names the secret, the credential
and the field, so that a ciphertext moved to another row does not open. Fingerprints have a key of their own, which the
ledger keeps wrapped: so the sealing key can be rotated without losing one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence

from ....module_utils._core.credential import Credential, PublicValue, SecretValue
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError
from ....module_utils._core.fingerprints import Fingerprints
from ..decide.state import CredentialRow
from .database import DAMAGED, Row

HOW_TO_MAKE_A_KEY = (
    "Make one with: python3 -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())' "
    "and keep it where the ledger is not"
)
KEY_BYTES = 32


class Sealer:
    """Seals with the newest key of ``secret_ledger.key``, and opens with any of them."""

    def __init__(self, key: SecretValue) -> None:
        """``key``: one Fernet key, or several with commas between, the newest first."""
        fernet = library("cryptography.fernet")
        try:
            parts = [part.strip() for part in key.reveal().split(",")]
            keys = [fernet.Fernet(part) for part in parts]
        except (ValueError, TypeError):
            raise ConfigurationError("secret_ledger.key is not a Fernet key") from None
        self.older = tuple(mac(part.encode(), "this key")[:12] for part in parts if part != parts[0])
        """Tells the keys after the newest apart, and says nothing of them."""
        self._newest = keys[0]
        self._keys = fernet.MultiFernet(keys)
        self._invalid = fernet.InvalidToken

    def seal(self, secret: str, credential: str, field: str, value: SecretValue) -> str:
        """Encrypt a field of a credential."""
        bound = {"secret": secret, "credential": credential, "field": field, "value": value.reveal()}
        if not value.masked:
            bound["public"] = "yes"
        return self._encrypt(json.dumps(bound).encode())

    def open(self, secret: str, credential: str, field: str, sealed: str) -> SecretValue:
        """Decrypt a field; raise ConfigurationError if the ciphertext is another field's."""
        bound = json.loads(self._decrypt(sealed))
        if (bound["secret"], bound["credential"], bound["field"]) != (secret, credential, field):
            raise _misplaced(f"sealed {field} of {credential}")
        return (PublicValue if bound.get("public") else SecretValue)(bound["value"])

    def seal_plan(self, run: str, plan: Row) -> str:
        """Encrypt a run's plan: an option of a check in it may be somebody's secret."""
        return self._encrypt(json.dumps({"run": run, "plan": plan}).encode())

    def open_plan(self, run: str, sealed: str) -> Row:
        """Decrypt a plan; raise ConfigurationError if the ciphertext is another run's."""
        bound = json.loads(self._decrypt(sealed))
        if bound.get("run") != run:
            raise _misplaced(f"plan of run {run}")
        plan: Row = bound["plan"]
        return plan

    def wrap(self, name: str, keys: Sequence[bytes]) -> str:
        """Encrypt the ledger's own keys of one name, the oldest first."""
        return self._encrypt(b"".join([name.encode(), b":", *keys]))

    def unwrap(self, name: str, wrapped: str) -> list[bytes]:
        """Decrypt the ledger's own keys of that name."""
        bound, _colon, keys = self._decrypt(wrapped).partition(b":")
        if bound != name.encode():
            raise _misplaced(name)
        return [keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES)]

    def renew(self, sealed: str) -> str:
        """Encrypt a ciphertext's content again, unless the newest key has encrypted it."""
        try:
            self._newest.decrypt(sealed.encode())
        except self._invalid:
            return self._encrypt(self._decrypt(sealed))
        return sealed

    def _encrypt(self, data: bytes) -> str:
        return str(self._keys.encrypt(data).decode())

    def _decrypt(self, sealed: str) -> bytes:
        try:
            return bytes(self._keys.decrypt(sealed.encode()))
        except self._invalid:
            raise ConfigurationError(
                "the ledger does not open with the key in secret_ledger.key",
                hint="Give the key that it was made with; after a key rotation, the new and the old one with a comma",
            ) from None


class LedgerKeys:
    """The keys of one ledger, and what is sealed and fingerprinted with them."""

    def __init__(self, sealer: Sealer, meta: Mapping[str, str]) -> None:
        """``meta``: the table of that name, which has the ledger's own keys wrapped."""
        self.sealer = sealer
        self.wrapped = meta["fingerprint_key"]
        self.fingerprint_keys = sealer.unwrap("fingerprint_key", self.wrapped)
        self.audit_keys = sealer.unwrap("audit_key", meta["audit_key"])
        self._rekeyed = Fingerprints(self.fingerprint_keys[0], self.fingerprint_keys[1:])
        self.fingerprints = self._rekeyed.narrowed("values in stores")

    def fingerprint(self, secret: str, fields: Mapping[str, SecretValue]) -> str:
        """Compute twelve hex digits that are equal for equal fields of one secret, and say nothing without the key."""
        flat = [part for name in sorted(fields) for part in (name, fields[name].reveal())]
        return self._rekeyed.covered(mac(self.fingerprint_keys[0], "fingerprint", secret, *flat)[:12])

    def seal(self, secret: str, credential: Credential) -> dict[str, str]:
        """Encrypt all fields of a credential."""
        return {
            name: self.sealer.seal(secret, credential.name, name, value) for name, value in credential.fields.items()
        }

    def unseal(self, row: CredentialRow) -> Credential:
        """Decrypt the fields of a credential; raise ConfigurationError unless they are those that were minted."""
        fields = {name: self.sealer.open(row.secret, row.name, name, sealed) for name, sealed in row.sealed.items()}
        if fields and self.fingerprint(row.secret, fields) != row.fingerprint:
            raise ConfigurationError(
                f"the ledger's copy of {row.name} is not what was minted", hint="The ledger was edited or damaged"
            )
        return Credential(row.provider_id, row.name, fields, row.facts)


def new_key() -> bytes:
    """Generate a key for fingerprints or the audit log."""
    return secrets.token_bytes(KEY_BYTES)


def mac(key: bytes, *parts: str) -> str:
    """Compute HMAC-SHA256 over the parts; their boundaries count."""
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()


def _misplaced(subject: str) -> ConfigurationError:
    return ConfigurationError(f"the ledger's {subject} belongs to something else", hint=DAMAGED)
