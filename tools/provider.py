# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every test of one provider: its own, its modules', its stand-in's, and the conformance of what it offers.

Usage: python -m tools.provider NAME PYTEST_ARGUMENT...

With NAMESPACE.COLLECTION for a name, run the conformance of the issuers that this collection offers. It lies below the
folder that COLLECTIONS names, as ``ansible_collections/NAMESPACE/COLLECTION``, with a ``tests/rotor_bench.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.foreign import VARIABLE

ROOT = Path(__file__).resolve().parents[1]
PROVIDERS = ROOT / "plugins" / "module_utils" / "_providers"
UNIT = ROOT / "tests" / "unit"
SUITE = ROOT / "tests" / "conformance"


def providers() -> list[str]:
    """Every module and package of ``_providers``."""
    return sorted({path.stem for path in PROVIDERS.iterdir()} - {"__init__", "__pycache__"})


def arguments(name: str) -> list[str]:
    """Return the files of a provider's tests, and the option by which the conformance suite takes its columns alone."""
    beside = [*UNIT.glob(f"modules/test_{name}_*.py"), *UNIT.glob(f"sandbox/test_sandbox_{name}*.py")]
    own = UNIT / "providers" / name
    found = [own, *sorted(beside)] if own.exists() else [*UNIT.glob(f"providers/*/test_{name}.py"), *sorted(beside)]
    return [*(str(path.relative_to(ROOT)) for path in [*found, SUITE]), f"--provider={name}"]


def foreign(name: str, collections: Path) -> int | dict[str, str]:
    """Return the environment in which another collection's bench is found; an exit code where it is not there."""
    bench = collections.joinpath("ansible_collections", *name.split("."), "tests", "rotor_bench.py")
    if not bench.is_file():
        print(f"There is no {bench}. COLLECTIONS=FOLDER says where ansible_collections is", file=sys.stderr)
        return 2
    paths = [str(collections), str(ROOT.parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {VARIABLE: str(bench), "PYTHONPATH": os.pathsep.join(paths)}


def main() -> int:
    name, rest = sys.argv[1], sys.argv[2:]
    if "." in name:
        found = foreign(name, Path(os.environ.get("COLLECTIONS", "")).absolute())
        return found if isinstance(found, int) else run([f"{SUITE}/issuers", f"--provider={name}", *rest], found)
    if name not in providers():
        print(f"No provider {name}; there are {', '.join(providers())}", file=sys.stderr)
        return 2
    return run([*arguments(name), *rest], {})


def run(options: list[str], environment: dict[str, str]) -> int:
    """Run pytest."""
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
