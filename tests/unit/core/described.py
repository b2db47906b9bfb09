# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An issuer of the registry, in front of a server that answers by a script."""

from __future__ import annotations

from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
from tests.unit.core.doubles import Scripted, VirtualClock

TOKEN = SecretValue("token-of-the-described-issuers")
KEY = Credential("7", "rotor-1", {"token": SecretValue("key-of-the-described-issuers")})


def issuer(type_: str, server: Scripted, account: dict[str, Any] | None = None, **options: Any) -> Issuer:
    """``account``: the connection's options in place of a token."""
    kind: type[Issuer] = registry.find("issuers", type_)
    (connection,) = schema.connection_types("issuers", type_)
    clock = VirtualClock()
    opened = registry.find("connections", connection)({"url": server.url, **(account or {"token": TOKEN})}, clock=clock)
    return kind(options, opened, clock=clock)


def by_hand(type_: str, server: Scripted, **options: Any) -> Issuer:
    """An issuer whose values a person makes, and that needs no connection."""
    kind: type[Issuer] = registry.find("issuers", type_)
    return kind({"url": server.url, **options}, None, clock=VirtualClock())


def mistakes(type_: str, **options: Any) -> list[str]:
    kind: type[Issuer] = registry.find("issuers", type_)
    return kind.validate(options, None)
