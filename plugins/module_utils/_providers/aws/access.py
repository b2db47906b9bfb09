# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for AWS share. Keys that are not given are found by boto3, as AWS's own tools do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ansible.module_utils.basic import env_fallback

from ..._core import references
from .client import AwsConnection

Kind = TypeVar("Kind", bound=AwsConnection)

ACCESS: dict[str, dict[str, Any]] = {
    "region": {"type": "str", "fallback": (env_fallback, ["AWS_REGION", "AWS_DEFAULT_REGION"])},
    "profile": {"type": "str", "fallback": (env_fallback, ["AWS_PROFILE"])},
    "access_key_id": {"type": "str", "no_log": True, "aliases": ["access_key"]},
    "secret_access_key": {"type": "str", "no_log": True, "aliases": ["secret_key"]},
    "session_token": {"type": "str", "no_log": True},
    "role_arn": {"type": "str"},
    "external_id": {"type": "str"},
    "ca_cert": {"type": "path"},
    "endpoint_url": {"type": "str", "fallback": (env_fallback, ["AWS_ENDPOINT_URL"])},
}
TOGETHER = [("access_key_id", "secret_access_key")]


def connect(kind: type[Kind], params: Mapping[str, Any]) -> Kind:
    given = {name: params[name] for name in ACCESS if params[name]}
    return references.connect(kind, given)
