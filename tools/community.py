# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment with the community's modules, for what compares ours with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

COMMUNITY = ("ansible==14.5.0", "boto3", "hvac", "PyNaCl", "requests")
OURS = ("cryptography", "jsonschema", "PyJWT", "SQLAlchemy")
"""What our own plays need beside these, to run on the same core and the same Python."""
COLLECTIONS = ("community.general", "community.aws", "community.hashi_vault")
PYTHONS = ("3.14", "3.13", "3.12")
"""The package ``ansible`` has all three modules from 3.12 on."""


def environment(build: Path) -> Path | None:
    """Make the environment, once; None where no Python is new enough."""
    venv = build / "venv-community"
    stamp = venv / "stamp"
    packages = (*COMMUNITY, *OURS)
    wanted = "\n".join(packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return venv
    python = next(_pythons(), None)
    if python is None:
        return None
    shutil.rmtree(venv, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(venv / "bin" / "pip"), "install", "--quiet", *packages], check=True)
    stamp.write_text(wanted)
    return venv


def _pythons() -> Iterator[str]:
    """Those that run: a pyenv shim may not, and a Debian Python may come without venv."""
    shims = [Path(folder) for folder in os.get_exec_path() if folder.endswith("/shims")]
    for version in PYTHONS:
        there = shutil.which(f"python{version}")
        behind = [path for folder in shims for path in folder.parent.glob(f"versions/{version}.*/bin/python{version}")]
        for candidate in [there, *map(str, sorted(behind))]:
            if candidate and _runs(candidate):
                yield candidate


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0


def versions(venv: Path) -> dict[str, str]:
    (home,) = venv.glob("lib/python*/site-packages/ansible_collections")
    manifests = {name: home.joinpath(*name.split("."), "MANIFEST.json") for name in COLLECTIONS}
    return {
        name: json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
        for name, manifest in manifests.items()
    }
