# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which secrets and identities have left the map, and which identities may be dropped."""

from __future__ import annotations

from collections.abc import Container, Mapping

from ....module_utils._core import registry
from ....module_utils._core.contracts import Issuer
from ....module_utils._core.errors import ConfigurationError, ConflictError
from ..secret_map.model import PartSpec, Secret, SecretMap
from .state import SecretState


def left_alive(states: Mapping[str, SecretState]) -> dict[str, Secret]:
    """Build what stands for the secrets outside the map that may have credentials alive: nobody rotates them."""
    names = [name for name, state in states.items() if state.lost_mints or any(row.alive for row in state.credentials)]
    nobody, why = PartSpec("none", None, {}), "it has left the map"
    return {name: Secret(name, nobody, (), unrotated=why, left=True) for name in sorted(names)}


def relied_on(secret_map: SecretMap) -> dict[str, list[str]]:
    """Return each identity that something in the map relies on, with the secrets and connections that do."""
    found: dict[str, list[str]] = {}
    for name, secret in secret_map.secrets.items():
        for identity in registry.find("issuers", secret.issuer.type).relies_on(secret.issuer.options):
            found.setdefault(identity, []).append(name)
    for name, options in secret_map.connections.items():
        for identity in registry.find("connections", str(options["type"])).relies_on(options):
            found.setdefault(identity, []).append(f"connection {name}")
    return found


def departed(secret: Secret, state: SecretState, relied: Container[str]) -> list[str]:
    """List the identities that this ledger has given credentials, and that nothing in the map relies on any more."""
    if registry.find("issuers", secret.issuer.type).drop is Issuer.drop:
        return []
    known = dict.fromkeys(row.provider_id for row in state.credentials if row.provider_id)
    return [identity for identity in known if identity not in relied]


def demand_departed(secret_map: SecretMap, secret: Secret, state: SecretState, identity: str) -> None:
    """Raise an error unless this ledger knows an identity, the map does not, and none of its credentials lives."""
    relied: Mapping[str, list[str]] = relied_on(secret_map)
    if holders := relied.get(identity):
        raise ConflictError(f"{identity} is not dropped: the map has it in {', '.join(holders)}")
    if identity not in (known := departed(secret, state, relied)):
        hint = f"There are: {', '.join(known)}" if known else "It has none that have left the map"
        raise ConfigurationError(f"{identity} is no identity of {secret.name} that this ledger knows", hint=hint)
    if alive := [row.name for row in state.credentials if row.provider_id == identity and row.alive]:
        hint = f"Rotate it first: -e rotate_only={secret.name}"
        raise ConflictError(f"{identity} is not dropped: {', '.join(alive)} has yet to be revoked", hint=hint)
