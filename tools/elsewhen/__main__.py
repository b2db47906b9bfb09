# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command at other dates, each in a time zone of its own, and with every core kept busy.

Usage: python -m tools.elsewhen MOMENT[,MOMENT...] COMMAND...

libfaketime moves the wall clock alone: it does not know sem_clockwait, with which Python's locks wait, so that their
time limits would come ten years later if the monotonic clock were moved, too. Static programs (bao, gh), and what sudo
and sshd start, keep the true time. So do PostgreSQL and Redis (tests/moved.py): a signal that ends a wait is shown the
true time, so that PostgreSQL's limits would go off at once or never, and jemalloc asks before libfaketime is ready.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
_BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"


@dataclass(frozen=True)
class Moment:
    offset: str
    """From now, as libfaketime takes it."""
    zone: str


MOMENTS = {
    "yesterday": Moment("-1d", "Pacific/Kiritimati"),
    "quarter": Moment("+92d", "America/Los_Angeles"),
    "decade": Moment("+10y", "Asia/Kathmandu"),
}


def environment(moment: Moment) -> dict[str, str]:
    """Return the variables of a process at that moment.

    Files are dated by the moved clock, too. Byte code bears its source's date, and is therefore kept apart.
    """
    search = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    variables = {
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKE_UTIME": "1",
        "PYTHONPATH": search,
        "PYTHONPYCACHEPREFIX": str(Path(sys.prefix).parent / "cache" / "elsewhen"),
        "TZ": moment.zone,
    }
    return {**os.environ, **variables}


@contextmanager
def load(cores: int) -> Iterator[None]:
    """Keep so many cores busy, by processes that end with this one, however it ends."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY, str(os.getpid())]) for _core in range(cores)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def run(moment: Moment, command: list[str]) -> int:
    program = ["faketime", "-f", moment.offset, *command]
    return subprocess.run(program, env=environment(moment), check=False).returncode


def main(names: str, *command: str) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    codes = []
    with load(os.cpu_count() or 1):
        for name in names.split(","):
            moment = MOMENTS[name]
            print(f"\n== {name}: {moment.offset}, {moment.zone}", flush=True)
            codes.append(run(moment, list(command)))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
