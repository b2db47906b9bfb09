# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer ``random``: values of our own making that are hard to guess, and key pairs."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import secrets
import string
import uuid
from collections.abc import Callable, Collection
from typing import Any

from .._core.contracts import Issuer, Maker, Options, Overlap, Provider, Recover, Revocation, Schema, Traits
from .._core.credential import Credential, SecretValue
from .._core.deps import library

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
_RSA_BITS = 3072


def _key(kind: str, bits: int) -> Any:
    made = library(f"cryptography.hazmat.primitives.asymmetric.{kind}")
    if kind == "rsa":
        return made.generate_private_key(65537, bits)
    return made.generate_private_key(made.SECP256R1()) if kind == "ec" else made.Ed25519PrivateKey.generate()


def _written(key: Any, private: str, public: str, encoding: str = "PEM") -> tuple[str, str]:
    """Write a key pair in these formats of the library's."""
    forms = library("cryptography.hazmat.primitives.serialization")
    shown = key.private_bytes(forms.Encoding.PEM, getattr(forms.PrivateFormat, private), forms.NoEncryption())
    return shown.decode(), key.public_key().public_bytes(
        getattr(forms.Encoding, encoding), getattr(forms.PublicFormat, public)
    ).decode()


def _pem(kind: str) -> Callable[[int, str], tuple[str, str]]:
    return lambda bits, _name: _written(_key(kind, bits), "PKCS8", "SubjectPublicKeyInfo")


def _ssh(_bits: int, name: str) -> tuple[str, str]:
    private, public = _written(_key("ed25519", 0), "OpenSSH", "OpenSSH", "OpenSSH")
    return private, f"{public} {name}"


def _jwk(_bits: int, _name: str) -> tuple[str, str]:
    """Write a key pair for ES256 (RFC 7517), whose id is its thumbprint (RFC 7638)."""
    numbers = _key("ec", 0).private_numbers()
    point = numbers.public_numbers
    sizes = {"x": point.x, "y": point.y, "d": numbers.private_value}
    texts = {name: _base64url(number.to_bytes(32, "big")) for name, number in sizes.items()}
    core = {"crv": "P-256", "kty": "EC", "x": texts["x"], "y": texts["y"]}
    digest = hashlib.sha256(json.dumps(core, separators=(",", ":"), sort_keys=True).encode()).digest()
    public = {**core, "alg": "ES256", "use": "sig", "kid": _base64url(digest)}
    return json.dumps({**public, "d": texts["d"]}), json.dumps(public)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


_PAIRS: dict[str, Callable[[int, str], tuple[str, str]]] = {
    "rsa": _pem("rsa"),
    "ed25519": _pem("ed25519"),
    "jwk": _jwk,
    "ssh": _ssh,
}
_FIXED = ("uuid", "fernet", *_PAIRS)


class RandomValues(Issuer):
    """Nobody but us knows its values, so there is nothing to list, to verify or to revoke."""

    traits = Traits(value=Maker.OURS, overlap=Overlap.NONE, revoke=Revocation.AUTO, recover=Recover.OURS)
    fields = ("value",)
    schema = Schema(
        properties={
            "format": {
                "enum": [*_FORMATS, *_PAIRS],
                "default": "hex",
                "description": "How the value is written; fernet is a key for Fernet encryption. rsa and ed25519 are "
                "key pairs in PEM (PKCS #8), jwk is one for ES256, ssh one for OpenSSH (ed25519).",
            },
            "bytes": {
                "type": "integer",
                "minimum": 16,
                "maximum": 1024,
                "description": f"How many bytes of entropy it has at least, {_BYTES} unless said; "
                "other formats than hex, base64url and alphanumeric have a size of their own.",
            },
            "bits": {"enum": [2048, _RSA_BITS, 4096], "description": f"Size of an rsa key, {_RSA_BITS} unless said."},
        }
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        shape = options.get("format")
        problems = [f"bytes: format {shape} has a size of its own"] if shape in _FIXED and "bytes" in options else []
        return [*problems, *(["bits: it is for format rsa"] if "bits" in options and shape != "rsa" else [])]

    @classmethod
    def fields_of(cls, options: Options) -> tuple[str, ...]:
        return ("private", "public") if options.get("format") in _PAIRS else cls.fields

    @classmethod
    def label(cls, options: Options) -> str:
        shape = options.get("format", "hex")
        return f"random {shape} {'key pair' if shape in _PAIRS else 'value'}"

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        shape = self.options.get("format", "hex")
        if shape in _PAIRS:
            private, public = _PAIRS[shape](self.options.get("bits", _RSA_BITS), name)
            return Credential(None, name, {"private": SecretValue(private), "public": SecretValue(public)})
        return Credential(None, name, {"value": SecretValue(_FORMATS[shape](self.options.get("bytes", _BYTES)))})


PROVIDER = Provider("Random values", issuers={"random": RandomValues})
