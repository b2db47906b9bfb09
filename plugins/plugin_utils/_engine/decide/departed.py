# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which identities have left the map, and which of them may be dropped."""

from __future__ import annotations

from ....module_utils._core import registry
from ....module_utils._core.contracts import Issuer
from ....module_utils._core.errors import ConfigurationError, ConflictError
from ..secret_map.model import Secret, SecretMap
from .state import SecretState


def departed(secret: Secret, state: SecretState) -> list[str]:
    """List the identities that this ledger has given credentials, and that the secret's entry names no more."""
    kind = registry.find("issuers", secret.issuer.type)
    named = kind.identities(secret.issuer.options) if kind.drop is not Issuer.drop else ()
    known = dict.fromkeys(row.provider_id for row in state.credentials if row.provider_id)
    return [identity for identity in known if identity not in named] if named else []


def demand_departed(secret_map: SecretMap, secret: Secret, state: SecretState, identity: str) -> None:
    """Raise an error unless this ledger knows an identity, no entry names it, and none of its credentials lives."""
    if holders := [name for name, one in secret_map.secrets.items() if identity in _identities(one)]:
        raise ConflictError(f"{identity} is not dropped: the map has it in {', '.join(holders)}")
    if identity not in (known := departed(secret, state)):
        hint = f"There are: {', '.join(known)}" if known else "It has none that have left the map"
        raise ConfigurationError(f"{identity} is no identity of {secret.name} that this ledger knows", hint=hint)
    if alive := [row.name for row in state.credentials if row.provider_id == identity and row.alive]:
        hint = f"Rotate it first: -e rotate_only={secret.name}"
        raise ConflictError(f"{identity} is not dropped: {', '.join(alive)} has yet to be revoked", hint=hint)


def _identities(secret: Secret) -> tuple[str, ...]:
    found: tuple[str, ...] = registry.find("issuers", secret.issuer.type).identities(secret.issuer.options)
    return found
