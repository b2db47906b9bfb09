# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer ``random``: a value of our own making, for whatever takes any value that is hard to guess."""

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
_FIXED = ("uuid", "fernet")


class RandomValues(Issuer):
    """Nobody but us knows its values, so there is nothing to list, to verify or to revoke."""

    traits = Traits(value=Maker.OURS, overlap=Overlap.NONE, revoke=Revocation.AUTO, recover=Recover.OURS)
    fields = ("value",)
    schema = Schema(
        properties={
            "format": {
                "enum": list(_FORMATS),
                "default": "hex",
                "description": "How the value is written; fernet is a key for Fernet encryption.",
            },
            "bytes": {
                "type": "integer",
                "minimum": 16,
                "maximum": 1024,
                "description": f"How many bytes of entropy it has at least, {_BYTES} unless said; "
                "uuid and fernet have a size of their own.",
            },
        }
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        shape = options.get("format")
        return [f"bytes: format {shape} has a size of its own"] if shape in _FIXED and "bytes" in options else []

    @classmethod
    def label(cls, options: Options) -> str:
        return f"random {options.get('format', 'hex')} value"

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        make = _FORMATS[self.options.get("format", "hex")]
        return Credential(None, name, {"value": SecretValue(make(self.options.get("bytes", _BYTES)))})


PROVIDER = Provider("Random values", issuers={"random": RandomValues})
