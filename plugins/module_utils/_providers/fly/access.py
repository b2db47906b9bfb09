# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for Fly share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback

from ..._core import references
from .client import GRAPHQL_URL, MACHINES_URL, FlyConnection

ACCESS: dict[str, dict[str, Any]] = {
    "token": {
        "type": "str",
        "required": True,
        "no_log": True,
        "fallback": (env_fallback, ["FLY_ACCESS_TOKEN", "FLY_API_TOKEN"]),
    },
    "api_url": {"type": "str", "default": MACHINES_URL},
    "graphql_url": {"type": "str", "default": GRAPHQL_URL},
    "ca_cert": {"type": "path"},
}


def connect(params: Mapping[str, Any]) -> FlyConnection:
    options = {
        "token": params["token"],
        "url": params["api_url"],
        **{name: params[name] for name in ("graphql_url", "ca_cert")},
    }
    return references.connect(FlyConnection, options)
