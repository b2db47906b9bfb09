# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regenerate the secret key of a Trigger.dev project's environment. The old key stays valid for 24 hours.

Sources: triggerdotdev/trigger.dev, docs/v3-openapi.yaml, by which a key is shown; the routes that read and regenerate
it are in apps/webapp/app/routes alone, and the 24 hours in models/api-key.server.ts. Not verified: how long Trigger.dev
keeps these routes, since no documentation has them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from .._core.contracts import Options, Provider, Recover, Schema
from .._core.http.key_api import ApiConnection, Call, RollApi, Verify
from .._core.http.key_issuers import RollIssuer

_ENVIRONMENT = "/api/v1/projects/<project>/<environment>"


class TriggerConnection(ApiConnection):
    system = "Trigger.dev"
    base_url = "https://api.trigger.dev"
    whoami = Call("GET", "/api/v1/projects")


class TriggerSecretKeys(RollIssuer):
    where = ("project", "environment")
    schema = Schema(
        {
            "project": {"type": "string", "pattern": "^[A-Za-z0-9_]+$", "description": "Reference of the project."},
            "environment": {"enum": ["dev", "staging", "prod"], "description": "Environment whose key it is."},
        },
        required=("project", "environment"),
    )
    traits = replace(RollIssuer.traits, recover=Recover.READABLE)
    rights = "a personal access token whose owner may write the environment's API keys"
    blast_radius = "whatever triggers tasks"
    console = "the dashboard, the project, API keys"
    connection: TriggerConnection
    api = RollApi(
        Call("POST", f"{_ENVIRONMENT}/regenerate-api-key"),
        {"token": "apiKey"},
        "",
        Verify(Call("GET", "/api/v1/deployments", params={"page[size]": 5})),
        timedelta(hours=24),
        Call("GET", _ENVIRONMENT),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"trigger_secret_key of project {options['project']}, {options['environment']}"


PROVIDER = Provider(
    "Trigger.dev",
    connections={"trigger": TriggerConnection},
    issuers={"trigger_secret_key": TriggerSecretKeys},
    contact="https://trigger.dev/contact",
)
