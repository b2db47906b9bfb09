# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suites that go over all modules and connections must know of a system; one file each, which is found.

A file may have ``cases``, one task for each of its modules, and any of the mappings and names that are collected below.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.thin_modules import Systems


@dataclass
class Case:
    """One task, and the names of the environment's variables that hold its secrets."""

    module: str
    options: Mapping[str, Any]
    secret: Mapping[str, str]
    """Option -> the credential, or the value, that it gets."""


@cache
def modules() -> tuple[ModuleType, ...]:
    names = sorted(item.name for item in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)


def cases(systems: Systems, file: Path) -> list[Case]:
    """Collect a task for each module, in an order in which each finds what it needs; ``file`` is on the host."""
    return [case for module in modules() if hasattr(module, "cases") for case in module.cases(systems, file)]


def _mapping(name: str) -> dict[str, Any]:
    return {key: value for module in modules() for key, value in getattr(module, name, {}).items()}


def _names(name: str) -> Iterator[str]:
    return (item for module in modules() for item in getattr(module, name, ()))


OPTIONS: Mapping[str, Any] = {"name": "CANARY"} | _mapping("OPTIONS")
"""Values for options that a module or a container may need."""
NEEDED = frozenset({"name", *_names("NEEDED")})
"""Those of them that are given to every module that has them, though they are not required in every case."""
CONNECTION: Mapping[str, Any] = _mapping("CONNECTION")
"""The same for connections."""
LOGINS: Mapping[str, Mapping[str, Any]] = _mapping("LOGINS")
"""A credential that is one of several ways in -> the options that belong to it."""
CREDENTIALS = frozenset({"token", *_names("CREDENTIALS")})
"""Options of the usual way in."""
OBJECTS: Mapping[str, Mapping[str, Any]] = _mapping("OBJECTS")
"""An option of a connection that holds a credential beside others -> these others."""
SPECS: Mapping[str, Mapping[str, Any]] = _mapping("SPECS")
"""The argument specs of modules whose work an action does."""
