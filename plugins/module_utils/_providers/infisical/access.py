# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for Infisical share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback

from ..._core import references
from ..._core.contracts import Options
from ..._core.errors import ConfigurationError
from . import tokens
from .client import URL, InfisicalConnection


def _from_env(*names: str) -> tuple[Any, list[str]]:
    return (env_fallback, [f"INFISICAL_{name}" for name in names])


ACCESS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "default": URL, "fallback": _from_env("DOMAIN", "API_URL")},
    "ca_cert": {"type": "path"},
    "token": {"type": "str", "no_log": True},
    "client_id": {"type": "str"},
    "client_secret": {"type": "str", "no_log": True},
    "project": {"type": "str", "required": True, "fallback": _from_env("PROJECT_ID")},
    "environment": {"type": "str", "required": True},
    "path": {"type": "str", "default": "/"},
}
_TOKEN = "INFISICAL_TOKEN"  # noqa: S105 - the name of a variable
_CLIENT = {name: f"INFISICAL_UNIVERSAL_AUTH_{name.upper()}" for name in ("client_id", "client_secret")}


def connect(params: Mapping[str, Any]) -> InfisicalConnection:
    where = {name: params[name] for name in ("url", "ca_cert")}
    return references.connect(InfisicalConnection, {**where, "auth": _auth(params)}, _option)


def container(params: Mapping[str, Any]) -> Options:
    return {name: params[name] for name in ("project", "environment", "path")}


def _auth(params: Mapping[str, Any]) -> Options:
    """Return the login: the task's before the environment's, and in each a token before a client."""
    with_client = params["client_id"] or params["client_secret"]
    if params["token"] and with_client:
        raise ConfigurationError("there are a token and a client to log in with", hint="Leave one of them out")
    token = None if with_client else params["token"] or os.environ.get(_TOKEN)
    if token:
        return {"method": tokens.TOKEN, "token": token}
    client = {name: params[name] or os.environ.get(variable) for name, variable in _CLIENT.items()}
    if missing := [f"{name} or {_CLIENT[name]}" for name, value in client.items() if not value]:
        hint = "" if with_client else f", or token or {_TOKEN}"
        raise ConfigurationError("there is nothing to log in with", hint=f"Set {', and '.join(missing)}{hint}")
    return {"method": tokens.UNIVERSAL, **client}


def _option(reference: str) -> str:
    return reference.removeprefix("auth.")
