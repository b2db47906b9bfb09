# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stores there are: each file in ``benches``, and the modules of other collections as the baseline."""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer, Maker
from tests import foreign
from tests.conformance import benches
from tests.conformance.bench import Bench, Front
from tests.conformance.issuers import absent
from tests.conformance.issuers import benches as issuer_benches
from tests.conformance.issuers.bench import IssuerBench


@dataclass(frozen=True)
class Column:
    kind: type[Bench] | type[IssuerBench]
    module: ModuleType
    is_baseline: bool = False

    @property
    def title(self) -> str:
        return self.kind.title

    @property
    def group(self) -> str:
        """Columns of one file share their servers, and so a process."""
        return self.module.__name__

    def open(self, front: Front) -> AbstractContextManager[Any]:
        opened: AbstractContextManager[Any] = self.module.open_bench(self.kind, front)
        return opened


@cache
def _modules(home: ModuleType = benches) -> list[ModuleType]:
    names = sorted(item.name for item in pkgutil.iter_modules(home.__path__))
    found = [importlib.import_module(f"{home.__name__}.{name}") for name in names]
    return [module for module in found if hasattr(module, "BENCHES")]


def ours() -> list[Column]:
    return [Column(kind, module) for module in _modules() for kind in module.BENCHES]


def issuers() -> list[Column]:
    """Every issuer that the registry knows, whether or not there is a bench for it, and another collection's."""
    ours = [Column(kind, module) for module in _modules(issuer_benches) for kind in module.BENCHES]
    theirs = [Column(kind, module) for module in foreign.modules() for kind in module.BENCHES]
    return [column for name in registry.names("issuers") for column in _benches_of(name, ours)] + theirs


def _benches_of(name: str, benched: list[Column]) -> list[Column]:
    found = [column for column in benched if getattr(column.kind, "issuer_type", "") == name]
    kind = registry.find("issuers", name)
    if found or (kind.verify is not Issuer.verify and kind.traits.value is not Maker.PERSON):
        return found or [Column(absent.without_bench(name), absent)]
    return [Column(absent.not_asked(name), absent)]


def of(level: str) -> list[Column]:
    if level == "issuers":
        return issuers()
    return [column for column in ours() if level != "modules" or getattr(column.kind, "module", None)]


def baseline(venv: Path) -> list[Column]:
    module = importlib.import_module("tests.conformance.baseline")
    vars(module)["VENV"] = venv
    return [Column(kind, module, is_baseline=True) for kind in module.BENCHES]


def stop_all() -> None:
    for module in (*_modules(), *_modules(issuer_benches)):
        module.stop_all()
