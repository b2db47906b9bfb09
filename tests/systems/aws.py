# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS, by moto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.moto import REGION
from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {"path": "/canary", "region": "eu-central-1", "secret": "molecule"}
NEEDED = ("path", "region")
CONNECTION = {"region": "eu-central-1"}
CREDENTIALS = ("access_key_id", "secret_access_key")


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    aws, keys = {"region": REGION, "endpoint_url": systems.aws.url}, systems.moto.admin
    named, value = {"name": "CANARY"}, {"value": systems.value}
    yield Case("aws_ssm_secret", {**aws, "path": "/canary", **named}, keys | value)
    yield Case("aws_ssm_secret_info", {**aws, "path": "/canary"}, keys)
    yield Case("aws_secretsmanager_secret", {**aws, "secret": f"canary-{systems.mount}", **named}, keys | value)
    yield Case("aws_secretsmanager_secret_info", aws, keys)
