# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes one safeguard at a time out of a copy of the collection, and shows which test notices.

``python -m tests.mutants [WHICH]``: WHICH is a part of ``engine: `` or ``providers: `` and the safeguard's name. It
ends with 1 if a mutant survives or does not apply. ``make chaos`` takes test_every_safeguard beside this file.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.chaos import tally
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT = 900
"""Seconds for a mutant's tests; without a safeguard they may wait for ever, and that is no proof of anything."""
_OTHERS = ("__main__", "engine_helpers", "mutant", "test_every_safeguard")
_FAILED = re.compile(r"^(?:FAILED|ERROR(?=.* - AssertionError)) \S+::(\S+)", re.MULTILINE)
"""What pytest says of a test that failed, or whose world found a violation after it."""
_IGNORED = shutil.ignore_patterns(".*", "__pycache__")


def _found() -> tuple[Mutant, ...]:
    """Collect the safeguards of every file beside this one; a provider may have a file of its own."""
    names = sorted(item.name for item in pkgutil.iter_modules([str(Path(__file__).parent)]) if item.name not in _OTHERS)
    return tuple(mutant for name in names for mutant in importlib.import_module(f"tests.mutants.{name}").MUTANTS)


MUTANTS = _found()


def file_of(copy: Path, mutant: Mutant) -> Path:
    """Find the one file in which the mutant's text stands; ValueError where it stands not exactly once."""
    place = copy / "plugins" / mutant.place
    files = [place.with_suffix(".py")] if not place.is_dir() else sorted(place.rglob("*.py"))
    counts = {file: file.read_text().count(mutant.text) for file in files}
    if sum(counts.values()) != 1:
        raise ValueError(f"its text stands {sum(counts.values())} times in {mutant.place}")
    return next(file for file, count in counts.items() if count)


def killer(copy: Path, mutant: Mutant) -> str | None:
    """The test that fails without the safeguard; None when all pass."""
    path = file_of(copy, mutant)
    sound = path.read_text()
    path.write_text(sound.replace(mutant.text, mutant.instead))
    try:
        return _first_failure(copy, mutant.tests)
    finally:
        path.write_text(sound)


def _first_failure(copy: Path, names: tuple[str, ...]) -> str | None:
    tests = [f"tests/unit/{name}.py" for name in names]
    environment = {
        **{name: value for name, value in os.environ.items() if name != tally.FILE},
        "ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2]),
        "PYTHONPATH": str(copy.parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "1000",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", *tests]
    done = subprocess.run(
        command, cwd=copy, env=environment, check=False, capture_output=True, text=True, timeout=TIME_LIMIT
    )
    if done.returncode == 0:
        return None
    failed = _FAILED.search(done.stdout)
    if done.returncode != 1 or not failed:
        raise ValueError(f"its tests did not run (status {done.returncode})")
    return failed[1]


def named(mutants: Iterable[Mutant]) -> list[str]:
    """The test files that are to notice. Where all safeguards are in place, they must have nothing to notice."""
    return sorted({name for mutant in mutants for name in mutant.tests})


def whole(copy: Path, name: str) -> bool:
    """Whether these tests pass as long as nothing was taken out."""
    return _first_failure(copy, (name,)) is None


def copied(folder: Path) -> Path:
    """The collection, where it may be broken."""
    return shutil.copytree(ROOT, folder / "ansible_collections/rotor/secrets", ignore=_IGNORED)


def main(wanted: str = "") -> int:
    chosen = [mutant for mutant in MUTANTS if wanted in f"{mutant.part}: {mutant.safeguard}"]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        broken_already = [name for name in named(chosen) if not whole(copy, name)]
        if broken_already:
            print(f"fail with every safeguard in its place: {', '.join(broken_already)}")
            return 1
        for mutant in chosen:
            try:
                test = killer(copy, mutant)
                said = test or "SURVIVED"
            except (ValueError, subprocess.TimeoutExpired) as error:
                test, said = None, f"NOT TRIED: {error}"
            bad += test is None
            print(f"{mutant.safeguard:45}  {Path(mutant.place).name:12}  {said}", flush=True)
    print(f"{len(chosen)} safeguards taken out, {len(chosen) - bad} noticed, {bad} not")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
