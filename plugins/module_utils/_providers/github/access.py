# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for GitHub share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..._core import references
from ..._core.contracts import Options
from ..._core.errors import ConfigurationError
from .client import GitHubConnection
from .scope import SCHEMA

ACCESS: dict[str, dict[str, Any]] = {
    "token": {"type": "str", "no_log": True},
    "app_id": {"type": "str"},
    "app_installation": {"type": "str"},
    "app_private_key": {"type": "str", "no_log": True},
    "api_url": {"type": "str"},
    "ca_cert": {"type": "path"},
}
ACCESS_RULES: dict[str, Any] = {
    "mutually_exclusive": [("token", "app_id")],
    "required_together": [("app_id", "app_private_key")],
    "required_by": {"app_installation": "app_id"},
}
CONTAINER: dict[str, dict[str, Any]] = {
    "repository": {"type": "str"},
    "organization": {"type": "str"},
    "environment": {"type": "str"},
    "application": {"type": "str", "choices": ["actions", "dependabot", "codespaces"], "default": "actions"},
}
CONTAINER_RULES: dict[str, Any] = {
    "required_one_of": [("repository", "organization")],
    "mutually_exclusive": [("repository", "organization"), ("environment", "organization")],
}
_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
_ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


def rules(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Join these rules for AnsibleModule."""
    joined: dict[str, Any] = {"supports_check_mode": True}
    for part in parts:
        for name, rule in part.items():
            joined[name] = joined.get(name, []) + rule if isinstance(rule, list) else rule
    return joined


def connect(params: Mapping[str, Any]) -> GitHubConnection:
    url = params["api_url"] or _url_of(os.environ.get("GH_HOST") or "github.com")
    where = {"url": url, "ca_cert": params["ca_cert"]}
    return references.connect(GitHubConnection, {**where, **_credential(params, url)}, _option)


def container(params: Mapping[str, Any]) -> Options:
    """Return the container that the options name."""
    return {name: params[name] for name in SCHEMA.properties if params.get(name) is not None}


def _credential(params: Mapping[str, Any], url: str) -> Options:
    if params["app_id"]:
        key = params["app_private_key"]
        return {"app": {"id": params["app_id"], "installation": params["app_installation"], "private_key": key}}
    names = _TOKENS if _is_of_github(url) else _ENTERPRISE_TOKENS
    token = params["token"] or next(filter(None, map(os.environ.get, names)), None)
    if not token:
        raise ConfigurationError("there is neither token nor app_id", hint=f"Set one of them, or {' or '.join(names)}")
    return {"token": token}


def _option(reference: str) -> str:
    return reference.replace(".", "_")


def _url_of(host: str) -> str:
    """Return the API's URL for a host, as gh does: ``api.HOST``, or ``HOST/api/v3`` for Enterprise Server."""
    return f"https://api.{host}" if _is_of_github(f"https://{host}") else f"https://{host}/api/v3"


def _is_of_github(url: str) -> bool:
    """Return whether gh would send the tokens for github.com to this URL."""
    host = (urlsplit(url).hostname or "").removeprefix("api.")
    return host in ("github.com", "github.localhost") or host.endswith(".ghe.com")
