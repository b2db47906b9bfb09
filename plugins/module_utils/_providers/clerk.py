# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotate the secret key of a Clerk application's instance. Old keys stay valid for as long as the map says.

Sources: clerk/openapi-specs, platform/beta.yml (a private beta: Clerk lets a workspace in on request) and
bapi/2025-11-10.yml, by which a key is shown. Not verified: that the key which an application is shown with is the
newest of several; whether a rotation within the overlap of another one shortens that.

More than a description: there are two issuers, and the overlap is the map's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from .._core import durations
from .._core.contracts import Handwork, Options, Provider, Recover, Schema
from .._core.http.key_api import ApiConnection, Call, PersonApi, RollApi, Verify
from .._core.http.key_issuers import PersonIssuer, RollIssuer

_APP = "/platform/applications/<application>"
_ROTATE = f"{_APP}/instances/<environment>/rotate_secret_keys"
_HOUR = timedelta(hours=1)
_CONSOLE = "dashboard.clerk.com, the application and its instance, Configure, API keys"


class ClerkConnection(ApiConnection):
    system = "Clerk"
    base_url = "https://api.clerk.com/v1"
    whoami = Call("GET", "/platform/applications")


class ClerkSecretKeys(RollIssuer):
    where = ("application", "environment")
    schema = Schema(
        {
            "application": {"type": "string", "minLength": 1, "description": "Id of the application."},
            "environment": {
                "enum": ["development", "production"],
                "description": "Environment of the instance whose key it is.",
            },
            "overlap": {
                "type": "string",
                "pattern": durations.PATTERN,
                "default": "24h",
                "description": "How long old keys stay valid, in whole hours.",
            },
        },
        required=("application", "environment"),
    )
    traits = replace(RollIssuer.traits, recover=Recover.READABLE)
    rights = "a token of the Platform API, which makes and shows the keys of every application of the workspace"
    blast_radius = "whatever asks Clerk's Backend API, from sign-in on"
    console = _CONSOLE
    connection: ClerkConnection

    @classmethod
    def describe(cls, options: Options) -> RollApi:
        instance = f"instances[environment_type={options['environment']}]"
        return RollApi(
            Call("POST", _ROTATE, {"delay_old_secrets_expiration_hours": "<hours>", "reason": "<name>"}),
            {"token": f"{instance}.secret_key"},
            f"{instance}.instance_id",
            Verify(Call("GET", "/instance")),
            durations.parse(options.get("overlap", "24h")),
            Call("GET", _APP, params={"include_secret_keys": "true"}),
        )

    @classmethod
    def places(cls, options: Options) -> Mapping[str, Any]:
        return {**options, "hours": cls.ends_after(options) // _HOUR}

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        overlap = durations.parse(options.get("overlap", "24h"))
        return [] if overlap >= _HOUR and not overlap % _HOUR else ["overlap: it is counted in whole hours"]

    @classmethod
    def label(cls, options: Options) -> str:
        return f"clerk_secret_key of application {options['application']}, {options['environment']}"


class ClerkDashboardKeys(PersonIssuer):
    """For a workspace without the Platform API."""

    system, base_url = "Clerk", ClerkConnection.base_url
    blast_radius = ClerkSecretKeys.blast_radius
    api = PersonApi(
        Handwork(
            _CONSOLE,
            "add a secret key",
            "delete the old secret key",
            pattern=r"sk_(live|test)_\w+",
        ),
        Verify(Call("GET", "/instance")),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return "clerk_dashboard_key"


PROVIDER = Provider(
    "Clerk",
    connections={"clerk": ClerkConnection},
    issuers={"clerk_secret_key": ClerkSecretKeys, "clerk_dashboard_key": ClerkDashboardKeys},
    contact="https://clerk.com/support",
)
