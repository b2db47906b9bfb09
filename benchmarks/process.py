# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command to its end, and tells what it and all its descendants took."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class MissingError(Exception):
    """A contender cannot be run here; the text says why."""


@dataclass(frozen=True)
class Cost:
    """``peak`` is the memory, in MB, of the largest process among them."""

    wall: float
    cpu: float
    peak: float
    output: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], limit: float = 1800) -> Cost:
    """Raise MissingError where it takes longer than ``limit`` seconds, RuntimeError where it fails."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watchdog = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        _pid, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if wall >= limit:
        raise MissingError(f"it was stopped after {limit:g} s")
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-4000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)
