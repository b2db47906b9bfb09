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

from tests.conformance import benches
from tests.conformance.bench import Bench, Front


@dataclass(frozen=True)
class Column:
    kind: type[Bench]
    module: ModuleType
    is_baseline: bool = False

    @property
    def title(self) -> str:
        return self.kind.title

    @property
    def group(self) -> str:
        """Columns of one file share their servers, and so a process."""
        return self.module.__name__

    def open(self, front: Front) -> AbstractContextManager[Bench]:
        opened: AbstractContextManager[Bench] = self.module.open_bench(self.kind, front)
        return opened


@cache
def _modules() -> list[ModuleType]:
    names = sorted(item.name for item in pkgutil.iter_modules(benches.__path__))
    found = [importlib.import_module(f"{benches.__name__}.{name}") for name in names]
    return [module for module in found if hasattr(module, "BENCHES")]


def ours() -> list[Column]:
    return [Column(kind, module) for module in _modules() for kind in module.BENCHES]


def baseline(venv: Path) -> list[Column]:
    module = importlib.import_module("tests.conformance.baseline")
    vars(module)["VENV"] = venv
    return [Column(kind, module, is_baseline=True) for kind in module.BENCHES]


def stop_all() -> None:
    for module in _modules():
        module.stop_all()
