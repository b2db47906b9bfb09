# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Core keeps the result of a task with ``async`` in a file that everybody on the host may read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .conftest import Act

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ROUTES = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["plugin_routing"]["modules"]


@pytest.mark.parametrize("module", MODULES)
def test_module_refuses_async(module: str, act: Act) -> None:
    action = ROUTES.get(module, {"action_plugin": module})["action_plugin"]
    assert "does not support async" in act(action.rpartition(".")[2], async_val=30)
