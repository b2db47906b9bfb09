# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve hex digits that stand for a value: equal for equal values, and saying nothing without their key.

A new key does not replace the old one, it goes over it: the new fingerprint is that of the old fingerprint. So every
one that was ever recorded can be brought under the new key, whether or not its value is still known.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from functools import cache

from .credential import SecretValue


class Fingerprints:
    """Fingerprints under one key, which can be compared with each other and with no others."""

    def __init__(self, key: bytes, later: Sequence[bytes] = ()) -> None:
        """``later``: the keys that went over the first one since, the oldest first."""
        self._key = key
        self._later = tuple(later)

    def __call__(self, value: SecretValue) -> str:
        return self.covered(self._mac(value.reveal())[:12])

    def covered(self, fingerprint: str) -> str:
        """Bring a fingerprint by the first key under all the later keys."""
        for key in self._later:
            fingerprint = hmac.new(key, fingerprint.encode(), hashlib.sha256).hexdigest()[:12]
        return fingerprint

    def narrowed(self, purpose: str) -> Fingerprints:
        """Derive fingerprints for ``purpose`` alone from the first key; the later keys serve every purpose."""
        return Fingerprints(bytes.fromhex(self._mac("narrowed", purpose)), self._later)

    def key(self) -> SecretValue:
        """Return the keys in hex, for a host that is to compare its own values; only ever narrowed ones."""
        return SecretValue(",".join(key.hex() for key in (self._key, *self._later)))

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


@cache
def for_this_process() -> Fingerprints:
    """Return fingerprints whose key lives as long as this process, for a task without a ledger."""
    return Fingerprints(secrets.token_bytes(32))
