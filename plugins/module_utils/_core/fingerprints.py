# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve hex digits that stand for a value: equal for equal values, and saying nothing without their key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cache

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue


class Fingerprints:
    """Fingerprints under one key, which can be compared with each other and with no others."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, value: SecretValue) -> str:
        return self._mac(value.reveal())[:12]

    def narrowed(self, purpose: str) -> Fingerprints:
        """With a key made from this one, for ``purpose`` alone."""
        return Fingerprints(bytes.fromhex(self._mac("narrowed", purpose)))

    def key(self) -> SecretValue:
        """The key in hex, for a host that is to compare its own values; only ever a narrowed one."""
        return SecretValue(self._key.hex())

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


@cache
def for_this_process() -> Fingerprints:
    """Where there is no ledger, two values can be compared within one task and no longer."""
    return Fingerprints(secrets.token_bytes(32))
