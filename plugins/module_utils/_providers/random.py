# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate random values and key pairs.

More than a description: there is no API, and each format has a size and options of its own.
"""

from __future__ import annotations

import base64
import math
import secrets
import string
import uuid
from collections.abc import Callable, Collection
from typing import Any

from .._core.contracts import Issuer, Maker, Options, Overlap, Provider, Recover, Revocation, Schema, Traits
from .._core.credential import Credential, SecretValue
from .._core.key_pairs import PAIRS, RSA_BITS

_BYTES = 32
_ALPHANUMERIC = string.ascii_letters + string.digits


def _alphanumeric(size: int) -> str:
    length = math.ceil(size * 8 / math.log2(len(_ALPHANUMERIC)))
    return "".join(secrets.choice(_ALPHANUMERIC) for _turn in range(length))


_FORMATS: dict[str, Callable[[int], str]] = {
    "hex": secrets.token_hex,
    "base64url": secrets.token_urlsafe,
    "alphanumeric": _alphanumeric,
    "uuid": lambda _size: str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
    "fernet": lambda _size: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
}
_FIXED = ("uuid", "fernet", *PAIRS)


class RandomValues(Issuer):
    """Generate values that no provider knows: there is nothing to list, to verify or to revoke."""

    traits = Traits(value=Maker.OURS, overlap=Overlap.NONE, revoke=Revocation.AUTO, recover=Recover.OURS)
    fields = ("value",)
    schema = Schema(
        properties={
            "format": {
                "enum": [*_FORMATS, *PAIRS],
                "default": "hex",
                "description": "How the value is written; fernet is a key for Fernet encryption. rsa and ed25519 are "
                "key pairs in PEM (PKCS #8), jwk is one for ES256, ssh one for OpenSSH (ed25519).",
            },
            "bytes": {
                "type": "integer",
                "minimum": 16,
                "maximum": 1024,
                "description": f"Least number of bytes of entropy, {_BYTES} unless said; for hex, base64url and "
                "alphanumeric, since other formats have a size of their own.",
            },
            "bits": {"enum": [2048, RSA_BITS, 4096], "description": f"Size of an rsa key, {RSA_BITS} unless said."},
        }
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        shape = options.get("format")
        problems = [f"bytes: format {shape} has a size of its own"] if shape in _FIXED and "bytes" in options else []
        return [*problems, *(["bits: it is for format rsa"] if "bits" in options and shape != "rsa" else [])]

    @classmethod
    def fields_of(cls, options: Options) -> tuple[str, ...]:
        return ("private", "public") if options.get("format") in PAIRS else cls.fields

    @classmethod
    def label(cls, options: Options) -> str:
        shape = options.get("format", "hex")
        return f"random {shape} {'key pair' if shape in PAIRS else 'value'}"

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        shape = self.options.get("format", "hex")
        if shape in PAIRS:
            private, public = PAIRS[shape](self.options.get("bits", RSA_BITS), name)
            return Credential(None, name, {"private": SecretValue(private), "public": SecretValue(public)})
        return Credential(None, name, {"value": SecretValue(_FORMATS[shape](self.options.get("bytes", _BYTES)))})


PROVIDER = Provider("Random values", issuers={"random": RandomValues})
