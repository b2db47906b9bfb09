# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing of values, and fingerprints that let two values be compared without either being known.

A sealed field is Fernet (AES-128-CBC with HMAC-SHA256) over a JSON object that also names the secret, the credential
and the field, so that a ciphertext moved to another row does not open. Fingerprints use a key of their own, which is
kept wrapped in the ledger: the sealing key can be rotated without losing one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from ....module_utils._core.credential import SecretValue
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError

HOW_TO_MAKE_A_KEY = (
    "Make one with: python3 -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())' "
    "and keep it where the ledger is not"
)

DAMAGED = "The ledger was edited or damaged; nothing was written with it"
KEY_BYTES = 32


class Sealer:
    """Opens with any of its keys, seals with the first."""

    def __init__(self, key: SecretValue) -> None:
        """``key``: one Fernet key, or several with commas between, the newest first."""
        fernet = library("cryptography.fernet")
        try:
            keys = [fernet.Fernet(part.strip()) for part in key.reveal().split(",")]
        except (ValueError, TypeError):
            raise ConfigurationError("secret_ledger.key is not a Fernet key", hint=HOW_TO_MAKE_A_KEY) from None
        self._newest = keys[0]
        self._keys = fernet.MultiFernet(keys)
        self._invalid = fernet.InvalidToken

    def seal(self, secret: str, credential: str, field: str, value: SecretValue) -> str:
        bound = {"secret": secret, "credential": credential, "field": field, "value": value.reveal()}
        return self._seal(json.dumps(bound).encode())

    def open(self, secret: str, credential: str, field: str, sealed: str) -> SecretValue:
        bound = json.loads(self._decrypt(sealed))
        if (bound["secret"], bound["credential"], bound["field"]) != (secret, credential, field):
            raise ConfigurationError(
                f"the ledger's sealed {field} of {credential} belongs to something else",
                hint=DAMAGED,
            )
        return SecretValue(bound["value"])

    def seal_plan(self, run: str, plan: Mapping[str, Any]) -> str:
        """A plan has no value of ours in it; but an option of somebody's check may be a secret of theirs."""
        return self._seal(json.dumps({"run": run, "plan": plan}).encode())

    def open_plan(self, run: str, sealed: str) -> Mapping[str, Any]:
        bound = json.loads(self._decrypt(sealed))
        if bound.get("run") != run:
            raise ConfigurationError(f"the ledger's plan of run {run} belongs to something else", hint=DAMAGED)
        return bound["plan"]

    def wrap(self, name: str, keys: Sequence[bytes]) -> str:
        """Seal the ledger's own keys of one purpose, in the order of their making."""
        return self._seal(b"".join([name.encode(), b":", *keys]))

    def unwrap(self, name: str, wrapped: str) -> list[bytes]:
        """Open what :meth:`wrap` has sealed under that name."""
        bound, _colon, keys = self._decrypt(wrapped).partition(b":")
        if bound != name.encode():
            raise ConfigurationError(f"the ledger's {name} belongs to something else", hint=DAMAGED)
        return [keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES)]

    def renewed(self, sealed: str) -> str:
        """The same under the newest key; the text itself where that is what seals it."""
        try:
            self._newest.decrypt(sealed.encode())
        except self._invalid:
            return self._seal(self._decrypt(sealed))
        return sealed

    def _seal(self, data: bytes) -> str:
        return self._keys.encrypt(data).decode()

    def _decrypt(self, sealed: str) -> bytes:
        try:
            return self._keys.decrypt(sealed.encode())
        except self._invalid:
            raise ConfigurationError(
                "the ledger does not open with the key in secret_ledger.key",
                hint="Give the key that it was made with; after a key rotation, the new and the old one with a comma",
            ) from None


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def mac(key: bytes, *parts: str) -> str:
    """HMAC-SHA256 over the parts; their boundaries count."""
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()


def fingerprint(key: bytes, secret: str, fields: Mapping[str, SecretValue]) -> str:
    """Twelve hex digits that are equal for equal values of one secret, and say nothing without the key."""
    flat = [part for name in sorted(fields) for part in (name, fields[name].reveal())]
    return mac(key, "fingerprint", secret, *flat)[:12]
