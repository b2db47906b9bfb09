# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a real copy of the checkout where Ansible's tools expect a collection; they trip over a symlink."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

KEPT = Path("tests/output")  # ansible-test's own


def tracked() -> set[Path]:
    """All that is or might be committed, and is there."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True
    )
    names = (Path(name) for name in listing.stdout.decode().split("\0") if name)
    return {name for name in names if name.is_file()}


def same(source: Path, copy: Path) -> bool:
    if not copy.is_file():
        return False
    ours, theirs = source.stat(), copy.stat()
    return (ours.st_size, ours.st_mtime_ns, ours.st_mode) == (theirs.st_size, theirs.st_mtime_ns, theirs.st_mode)


def write(files: Iterable[Path], target: Path) -> None:
    for name in files:
        copy = target / name
        if not same(name, copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, copy)


def prune(files: set[Path], target: Path) -> None:
    """Delete what the checkout has not, and then empty folders; byte code lives as long as its source's folder."""
    folders = {name.parent for name in files}
    for path in sorted(target.rglob("*"), reverse=True):
        name = path.relative_to(target)
        if name.is_relative_to(KEPT) or (name.parent.name == "__pycache__" and name.parent.parent in folders):
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in files:
            path.unlink()


def main() -> None:
    target = Path(sys.argv[1])
    files = tracked()
    write(files, target)
    prune(files, target)


if __name__ == "__main__":
    main()
