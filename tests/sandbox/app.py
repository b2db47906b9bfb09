# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The world as one ASGI application."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from . import apis, oracle
from .fly import Fly
from .front import Front
from .github import GitHub
from .infisical import Infisical
from .keys import Keys
from .molecule import Molecule
from .specs import Descriptions
from .tenants import Tenants
from .world import World

# Seeded in this order: scenarios after the systems that they live in.
PROVIDERS = (Fly, GitHub, Infisical, Tenants, Molecule, Keys, *apis.ALL)


def build(credentials: dict[str, str], *, specs: Path | None = None, speed: float = 1.0) -> Front:
    world = World(PROVIDERS, credentials, speed)
    mounts = [Mount(provider.prefix, app=provider.app()) for provider in world.providers.values()]
    return Front(Starlette(routes=[oracle.routes(world), *mounts]), world, Descriptions(specs))
