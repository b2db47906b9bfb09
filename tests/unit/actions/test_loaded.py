# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded with the class of an action: once in the parent, for all workers that it forks."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry

HOME = registry.__name__.partition(".plugins.")[0]


def loaded_with(action: str) -> set[str]:
    """Name all modules of a process that has done nothing but import an action."""
    code = f"import sys, {HOME}.plugins.action.{action}; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_all_systems_are_loaded_and_no_library_that_only_some_need() -> None:
    loaded = loaded_with("rotation_plan")
    assert {f"{HOME}.plugins.module_utils._providers.{name}" for name in registry.providers()} <= loaded
    assert {"requests", "sqlalchemy"} <= loaded
    assert not {"boto3", "botocore", "hvac", "nacl", "psycopg"} & loaded
