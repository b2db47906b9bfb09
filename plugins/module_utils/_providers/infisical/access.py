# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for Infisical share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback

from ansible_collections.rotor.secrets.plugins.module_utils._core import references
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical import tokens
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client import URL, InfisicalConnection

_CLIENT = "INFISICAL_UNIVERSAL_AUTH_CLIENT"
ACCESS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "default": URL, "fallback": (env_fallback, ["INFISICAL_API_URL"])},
    "token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["INFISICAL_TOKEN"])},
    "client_id": {"type": "str", "fallback": (env_fallback, [f"{_CLIENT}_ID"])},
    "client_secret": {"type": "str", "no_log": True, "fallback": (env_fallback, [f"{_CLIENT}_SECRET"])},
    "project": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "path": {"type": "str", "default": "/"},
}


def connect(params: Mapping[str, Any]) -> InfisicalConnection:
    """A token goes before a client's id and secret, as with Infisical's own tool."""
    auth: dict[str, Any] = {"method": tokens.UNIVERSAL, "client_id": params["client_id"]}
    if params["token"]:
        auth = {"method": tokens.TOKEN, "token": references.resolve(params["token"], "token")}
    elif params["client_id"] and params["client_secret"]:
        auth["client_secret"] = references.resolve(params["client_secret"], "client_secret")
    else:
        raise ConfigurationError(
            "there is nothing to log in with",
            hint=f"Set token or INFISICAL_TOKEN; or client_id and client_secret, or {_CLIENT}_ID and {_CLIENT}_SECRET",
        )
    return InfisicalConnection({"url": params["url"], "auth": auth}, clock=Clock())


def container(params: Mapping[str, Any]) -> Options:
    return {name: params[name] for name in ("project", "environment", "path")}
