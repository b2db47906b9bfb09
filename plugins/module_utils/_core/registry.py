# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the classes behind the ``type:`` of a map.

Built-ins go by a short name; each module or package of ``_providers`` holds a ``PROVIDER``. Anybody else's goes by
``namespace.collection.kind``, and is looked up in that collection's ``plugins/module_utils/rotor_provider.py``, which
holds one like ours.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from traceback import extract_tb
from typing import Any

from .contracts import Provider
from .errors import ConfigurationError

_HOME = f"{__package__.rpartition('.')[0]}._providers"
_OWN = Provider("the engine's own", checks={"shadows": "shadows:Shadows"})
"""What the engine adds to a map, and nobody names in one."""
KINDS = ("connections", "stores", "issuers", "consumers", "checks")


@dataclass(frozen=True)
class _Entry:
    package: str
    provider: Provider


@cache
def _built_in() -> tuple[_Entry, ...]:
    modules = sorted(module.name for module in pkgutil.iter_modules(importlib.import_module(_HOME).__path__))
    places = [f"{_HOME}.{name}" for name in modules]
    return tuple(_Entry(place, importlib.import_module(place).PROVIDER) for place in places)


def providers() -> dict[str, Provider]:
    """Return our own providers by the names of their modules."""
    return {entry.package.rpartition(".")[2]: entry.provider for entry in _built_in()}


@cache
def names(kind: str) -> tuple[str, ...]:
    """Return the short names of a kind in their order, for suggestions and the schema."""
    return tuple(sorted(name for entry in _built_in() for name in getattr(entry.provider, kind)))


@cache
def find(kind: str, name: str) -> Any:
    """Return the class; ConfigurationError with what there is when nobody offers it."""
    entry = _entry(kind, name)
    target = getattr(entry.provider, kind)[name.rpartition(".")[2]]
    if isinstance(target, type):
        return target
    module, _colon, class_name = target.partition(":")
    return getattr(importlib.import_module(f"{entry.package}.{module}"), class_name)


def provider(kind: str, name: str) -> Provider:
    """Return the provider that offers a type."""
    return _entry(kind, name).provider


def _entry(kind: str, name: str) -> _Entry:
    for entry in (*_built_in(), _Entry(__package__ or "", _OWN)):
        if name in getattr(entry.provider, kind):
            return entry
    if name.count(".") == 2:
        return _foreign(kind, name)
    raise ConfigurationError(f"there is no {kind[:-1]} type {name}", hint=f"There are: {', '.join(names(kind))}")


def _foreign(kind: str, name: str) -> _Entry:
    namespace, collection, short = name.split(".")
    package = f"ansible_collections.{namespace}.{collection}.plugins.module_utils"
    provider = _foreign_provider(package, f"there is no {kind[:-1]} type {name}")
    offered = getattr(provider, kind)
    if short not in offered:
        own = ", ".join(f"{namespace}.{collection}.{one}" for one in sorted(offered)) or "none"
        raise ConfigurationError(f"there is no {kind[:-1]} type {name}", hint=f"That collection offers: {own}")
    return _Entry(package, provider)


def _foreign_provider(package: str, problem: str) -> Provider:
    """Import the provider of another collection; ConfigurationError where there is none, or its module is wrong."""
    module, collection = f"{package}.rotor_provider", ".".join(package.split(".")[1:3])
    try:
        found = getattr(importlib.import_module(module), "PROVIDER", None)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{module}.".startswith(f"{missing}."):
            hint = f"Is the collection {collection} installed, with a plugins/module_utils/rotor_provider.py?"
        else:
            hint = f"The rotor_provider.py of {collection} cannot be imported: {_quoted(error)}"
        raise ConfigurationError(problem, hint=hint) from error
    if not isinstance(found, Provider):
        raise ConfigurationError(problem, hint=f"The rotor_provider.py of {collection} has no PROVIDER = Provider(…)")
    return found


def _quoted(error: Exception) -> str:
    """Say class, place and text of an error; while a module is imported, nobody has a value that it could quote."""
    last = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}, line {last.lineno} of {PurePath(last.filename).name}: {error}"
