# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The world as one ASGI application."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from tests import foreign

from . import oracle
from .front import Front
from .provider import Provider
from .specs import Descriptions
from .world import World


def providers() -> list[type[Provider]]:
    """Find the class of each folder and of another collection's bench.

    They are seeded in this order: scenarios after the systems they use.
    """
    folder = Path(__file__).parent
    modules = [
        importlib.import_module(f"{__package__}.{item.name}")
        for item in pkgutil.iter_modules([str(folder)])
        if item.ispkg
    ]
    kinds = [
        kind
        for module in [*modules, *foreign.modules()]
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Provider) and _is_of(kind, module.__name__)
    ]
    return sorted(kinds, key=lambda kind: (kind.is_scenario, kind.name))


def _is_of(kind: type[Provider], package: str) -> bool:
    """Whether it is one of the package's own, and no base of several."""
    return f"{kind.__module__}.".startswith(f"{package}.") and "name" in vars(kind)


def build(credentials: Mapping[str, str], *, specs: Path | None = None, speed: float = 1.0) -> Front:
    """``credentials``, such as the environment, may have those of the operator; the world makes what is missing."""
    world = World(providers(), credentials, speed)
    mounts = [Mount(provider.prefix, app=provider.app()) for provider in world.providers.values()]
    return Front(Starlette(routes=[oracle.routes(world), *mounts]), world, Descriptions(specs))
