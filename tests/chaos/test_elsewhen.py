# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At another date, Python still sleeps and waits for as long as it is told."""

from __future__ import annotations

import os
import shutil
import sys
import time

import psutil
import pytest

from tools.elsewhen import __main__ as elsewhen

DAY = 24 * 3600
PROGRAM = """
import threading, time
lock = threading.Lock()
with lock:
    assert not lock.acquire(timeout=0.01)
time.sleep(0.01)
print(time.time(), time.tzname[0])
"""


@pytest.mark.skipif(shutil.which("faketime") is None, reason="needs Debian's faketime")
@pytest.mark.parametrize(
    ("name", "days", "zone"), [("yesterday", -1, "+14"), ("quarter", 92, "PST"), ("decade", 3650, "+0545")]
)
def test_command_runs_at_its_moment(capfd: pytest.CaptureFixture[str], name: str, days: int, zone: str) -> None:
    assert elsewhen.run(elsewhen.MOMENTS[name], [sys.executable, "-c", PROGRAM]) == 0
    moment, there = capfd.readouterr().out.split()
    assert round((float(moment) - time.time()) / DAY) == days
    assert there == zone


def test_load_ends_with_the_command() -> None:
    with elsewhen.load(2):
        busy = [child for child in psutil.Process().children() if str(os.getpid()) in child.cmdline()]
    assert len(busy) == 2
    assert not any(child.is_running() for child in busy)
