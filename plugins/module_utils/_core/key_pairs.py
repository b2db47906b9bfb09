# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate key pairs in PEM, OpenSSH's format and JWK."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from .deps import library

RSA_BITS = 3072


def _key(kind: str, bits: int) -> Any:
    made = library(f"cryptography.hazmat.primitives.asymmetric.{kind}")
    if kind == "rsa":
        return made.generate_private_key(65537, bits)
    return made.generate_private_key(made.SECP256R1()) if kind == "ec" else made.Ed25519PrivateKey.generate()


def _written(key: Any, private: str, public: str, encoding: str = "PEM") -> tuple[str, str]:
    """Serialize a key pair in formats of the cryptography library."""
    forms = library("cryptography.hazmat.primitives.serialization")
    hidden = key.private_bytes(forms.Encoding.PEM, getattr(forms.PrivateFormat, private), forms.NoEncryption())
    shown = key.public_key().public_bytes(getattr(forms.Encoding, encoding), getattr(forms.PublicFormat, public))
    return hidden.decode(), shown.decode()


def _pem(kind: str) -> Callable[[int, str], tuple[str, str]]:
    return lambda bits, _name: _written(_key(kind, bits), "PKCS8", "SubjectPublicKeyInfo")


def _ssh(_bits: int, name: str) -> tuple[str, str]:
    private, public = _written(_key("ed25519", 0), "OpenSSH", "OpenSSH", "OpenSSH")
    return private, f"{public} {name}"


def _jwk(_bits: int, _name: str) -> tuple[str, str]:
    """Generate a key pair for ES256 as JWK (RFC 7517), whose id is its thumbprint (RFC 7638)."""
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


PAIRS: dict[str, Callable[[int, str], tuple[str, str]]] = {
    "rsa": _pem("rsa"),
    "ed25519": _pem("ed25519"),
    "jwk": _jwk,
    "ssh": _ssh,
}
"""Format -> generator of a private and a public key, with the size in bits for rsa and our name for ssh."""
