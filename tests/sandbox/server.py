# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the world for a test, in a process of its own that ends with the test's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Sandbox:
    url: str
    pid: int
    _process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def start(
    *,
    port: int = 0,
    specs: Path | None = None,
    speed: float = 1.0,
    credentials: dict[str, str] | None = None,
    timeout: float = 120.0,
) -> Sandbox:
    """Call it from the main thread: the kernel ends the world with the thread that started it."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "tests.sandbox", "--port", str(port), "--speed", str(speed)]
        command += ["--ready-file", str(ready), "--parent", str(os.getpid())]
        command += ["--specs", str(specs)] if specs else []
        environment = os.environ | (credentials or {})
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"the sandbox did not start (exit code {process.wait()})")
            time.sleep(0.01)
        facts = json.loads(ready.read_text())
    return Sandbox(facts["url"], facts["pid"], process)


def find_specs() -> Path | None:
    """The providers' descriptions: ROTOR_SPECS, or a folder `shared/specs` beside the checkout, if there is one."""
    if named := os.environ.get("ROTOR_SPECS"):
        return Path(named)
    for folder in ROOT.parents:
        if (folder / "shared" / "specs" / "fly-machines.json").is_file():
            return folder / "shared" / "specs"
    return None
