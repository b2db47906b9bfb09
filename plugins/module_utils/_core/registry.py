# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the classes behind the ``type:`` of a map.

Built-ins go by a short name; each folder of ``_providers`` holds one. Anybody else's goes by
``namespace.collection.kind``, and is looked up in that collection's ``plugins/module_utils/rotor_provider.py``, which
holds a ``PROVIDER`` like ours.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Provider
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError

_HOME = "ansible_collections.rotor.secrets.plugins.module_utils._providers"
KINDS = ("connections", "stores", "issuers", "consumers", "checks")


@dataclass(frozen=True)
class _Entry:
    package: str
    provider: Provider


@cache
def _built_in() -> tuple[_Entry, ...]:
    home = importlib.import_module(_HOME)
    folders = sorted(module.name for module in pkgutil.iter_modules(home.__path__) if module.ispkg)
    packages = [f"{_HOME}.{folder}" for folder in folders]
    return tuple(_Entry(package, importlib.import_module(f"{package}.provider").PROVIDER) for package in packages)


def names(kind: str) -> list[str]:
    """The short names of a kind, for suggestions and the schema."""
    return sorted(name for entry in _built_in() for name in getattr(entry.provider, kind))


@cache
def find(kind: str, name: str) -> Any:
    """The class; ConfigurationError with what there is when nobody offers it."""
    for entry in _built_in():
        target = getattr(entry.provider, kind).get(name)
        if target:
            return _load(entry.package, target)
    if name.count(".") == 2:
        return _find_foreign(kind, name)
    raise ConfigurationError(f"there is no {kind[:-1]} type {name}", hint=f"There are: {', '.join(names(kind))}")


def _find_foreign(kind: str, name: str) -> Any:
    namespace, collection, short = name.split(".")
    package = f"ansible_collections.{namespace}.{collection}.plugins.module_utils"
    try:
        provider = importlib.import_module(f"{package}.rotor_provider").PROVIDER
        return _load(package, getattr(provider, kind)[short])
    except (ImportError, AttributeError, KeyError) as error:
        raise ConfigurationError(
            f"there is no {kind[:-1]} type {name}",
            hint=f"Is the collection {namespace}.{collection} installed, and does its rotor_provider.py offer {short}?",
        ) from error


def _load(package: str, target: str) -> Any:
    module, _colon, class_name = target.partition(":")
    return getattr(importlib.import_module(f"{package}.{module}"), class_name)
