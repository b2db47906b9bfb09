# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for GitHub share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback

from ansible_collections.rotor.secrets.plugins.module_utils._core import references
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import URL, GitHubConnection

ACCESS: dict[str, dict[str, Any]] = {
    "token": {
        "type": "str",
        "required": True,
        "no_log": True,
        "fallback": (env_fallback, ["GH_TOKEN", "GITHUB_TOKEN"]),
    },
    "api_url": {"type": "str", "default": URL},
    "repository": {"type": "str", "required": True},
}


def connect(params: Mapping[str, Any]) -> GitHubConnection:
    token = references.resolve(params["token"], "token")
    return GitHubConnection({"token": token, "url": params["api_url"]}, clock=Clock())
