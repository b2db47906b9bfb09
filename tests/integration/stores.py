# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a map names a place in each store, and the connections to them with the plainest of credentials."""

from __future__ import annotations

from typing import Any

from tests.sandbox.visitor import Visitor
from tests.servers.moto import REGION, Moto
from tests.servers.openbao import OpenBao

DOCUMENT = "molecule/control-plane"
TENANT = {
    "store": "tenant",
    "path": "/settings/secrets",
    "write": {"body": {"key": "<key>", "value": "<value>"}, "success": {"status": "saved"}},
    "read": {"evidence": {"updated_at": "[key=<key>].updated_at"}},
}


def connections(world: Visitor, bao: OpenBao, moto: Moto, known: dict[str, Any]) -> dict[str, Any]:
    keys = {"access_key_id": {"env": "AWS_KEY"}, "secret_access_key": {"env": "AWS_SECRET"}}
    aws = {"region": REGION, "endpoint_url": moto.url, **keys}
    identity = {"client_id": world.credentials["INFISICAL_CLIENT_ID"], "client_secret": {"env": "INFISICAL_SECRET"}}
    return known | {
        "vault": {"type": "vault", "url": bao.url, "auth": {"method": "token", "token": {"env": "VAULT_TOKEN"}}},
        "ssm": {"type": "aws_ssm", **aws},
        "sm": {"type": "aws_secretsmanager", **aws},
        "infisical": {
            "type": "infisical",
            "url": f"{world.url}/infisical/api",
            "auth": {"method": "universal", **identity},
        },
        "tenant": {"type": "http", "url": f"{world.url}/tenant", "token": {"env": "TENANT_TOKEN"}},
        "files": {"type": "dotenv"},
    }
