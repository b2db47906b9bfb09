# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every test of one provider: its own, its modules', its stand-in's, and the conformance of what it offers.

Usage: python -m tools.provider NAME PYTEST_ARGUMENT...
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def main() -> int:
    name, rest = sys.argv[1], sys.argv[2:]
    if name not in providers():
        print(f"No provider {name}; there are {', '.join(providers())}", file=sys.stderr)
        return 2
    return subprocess.run([sys.executable, "-m", "pytest", *arguments(name), *rest], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
