# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dotenv files, on the host itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.rotor.secrets.plugins.module_utils._core.stored import SECRETS
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.resources import FILE
from tests.systems import Case

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems

OPTIONS = {"host": "localhost", "path": "/canary"}
NEEDED = ("path",)
SPECS = {"dotenv_secret": {**FILE, **SECRETS}}


def cases(systems: Systems, file: Path) -> Iterator[Case]:
    yield Case("dotenv_secret", {"path": str(file), "create": True, "name": "CANARY"}, {"value": systems.value})
