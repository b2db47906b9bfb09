# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one shell line and catch its output. This program runs on the host, alone, on Python 3.7 or later.

It prints one line of JSON: the exit code of the shell line, and the end of its output under a one-time pad.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable


def tail(reading: int, over: int, most: int) -> tuple[bytes, bool]:
    """Read until ``over`` is closed; return the last bytes, and whether a process still holds the pipe open."""
    kept, watched = b"", [reading, over]
    rounds = 16  # of what was printed before the end, when something goes on printing after it
    while rounds:
        ready = select.select(watched, [], [])[0]
        rounds -= over in ready
        if reading in ready:
            chunk = os.read(reading, 65536)
            kept = (kept + chunk)[-most:]
            if not chunk:
                watched.remove(reading)
        elif over in ready:
            break
    return kept, reading in watched


def drain(reading: int) -> None:
    """Go on reading in a process of its own, or background processes of the line would die of a broken pipe."""
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    while os.read(reading, 65536):
        pass
    os._exit(0)


def forwarding() -> Callable[[subprocess.Popen[bytes]], None]:
    """Forward the signals that would stop this process to the child, also those that arrive before it starts."""
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, _frame: object) -> None:
        early.append(number)
        for child in children:
            child.send_signal(number)

    def begin(child: subprocess.Popen[bytes]) -> None:
        children.append(child)
        for number in early:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, forward)
    return begin


def main(pad: str, shell: str, line: str, ctype: str) -> None:
    """Run ``line`` and print the answer; ``ctype`` is the LC_CTYPE of before Python set one."""
    key = base64.b64decode(pad)
    if not ctype:
        os.environ.pop("LC_CTYPE", None)
    reading, writing = os.pipe()
    over, ended = os.pipe()
    pass_on = forwarding()
    child = subprocess.Popen([shell, "-c", line], stdout=writing, stderr=writing)  # noqa: S603 - what it is for
    pass_on(child)
    os.close(writing)

    def wait() -> None:
        child.wait()
        os.close(ended)

    waiter = threading.Thread(target=wait)
    waiter.start()
    printed, pending = tail(reading, over, len(key))
    waiter.join()
    if pending:
        drain(reading)
    padded = (int.from_bytes(printed, "big") ^ int.from_bytes(key, "big")).to_bytes(len(key), "big")
    code = child.returncode
    answer = {"code": 128 - code if code < 0 else code, "printed": base64.b64encode(padded).decode()}
    sys.stdout.write(json.dumps(answer) + "\n")
