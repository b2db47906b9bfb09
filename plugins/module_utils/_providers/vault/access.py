# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for Vault share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback

from ..._core import references
from ..._core.contracts import Options
from ..._core.errors import ConfigurationError
from . import tokens
from .client import VaultConnection
from .store import MOUNT, VaultSecrets


def _from_env(name: str) -> tuple[Any, list[str]]:
    """Read an option from the environment as OpenBao's CLI does; Vault's knows only ``VAULT_``."""
    return (env_fallback, [f"BAO_{name}", f"VAULT_{name}"])


ACCESS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True, "fallback": _from_env("ADDR")},
    "namespace": {"type": "str", "fallback": _from_env("NAMESPACE")},
    "ca_cert": {"type": "path", "fallback": _from_env("CACERT")},
    "auth_method": {"type": "str", "choices": [tokens.TOKEN, *tokens.METHODS], "default": tokens.TOKEN},
    "auth_mount": {"type": "str"},
    "auth_namespace": {"type": "str"},
    "token": {"type": "str", "no_log": True, "fallback": _from_env("TOKEN")},
    "role_id": {"type": "str"},
    "secret_id": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "role": {"type": "str"},
    "jwt": {"type": "str", "no_log": True},
}
NEEDED: list[tuple[str, str, tuple[str, ...]]] = [
    ("auth_method", name, method.needed) for name, method in tokens.METHODS.items()
]
CONTAINER: dict[str, dict[str, Any]] = {
    "path": {"type": "str", "required": True},
    "mount": {"type": "str", "default": MOUNT},
    "version": {"type": "int", "choices": [1, 2]},
}


def connect(params: Mapping[str, Any]) -> VaultConnection:
    method = params["auth_method"]
    if method == tokens.TOKEN and not params["token"]:
        raise ConfigurationError("there is no token", hint="Set token, BAO_TOKEN or VAULT_TOKEN, or an auth_method")
    given = {"mount": params["auth_mount"], "namespace": params["auth_namespace"]}
    given |= {option: params[option] for option in ("role_id", "username", "role", *tokens.SECRET)}
    auth = {"method": method, **{option: value for option, value in given.items() if value}}
    where = {name: params[name] for name in ("url", "namespace", "ca_cert")}
    return references.connect(VaultConnection, {**where, "auth": auth}, _option)


def _option(reference: str) -> str:
    return reference.removeprefix("auth.")


def container(params: Mapping[str, Any]) -> Options:
    return {name: params[name] for name in VaultSecrets.schema.properties if params.get(name) is not None}
