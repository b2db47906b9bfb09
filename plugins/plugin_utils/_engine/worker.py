# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that makes the effects: it ends with its parent, and never in the middle of an effect if it can help it.

Since core 2.19 a worker is the leader of a session of its own: killing ansible-playbook leaves it running as an orphan
that goes on making effects. So the kernel is asked to signal us when the parent dies, and every outside effect looks
for a living parent first. The signal stops new effects at once; the one in hand gets a moment to hear its answer, so
that the answer of a mint is not lost.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from typing import Any

from ...module_utils._core.clock import Clock
from ...module_utils._core.errors import StoppedError

_PR_SET_PDEATHSIG = 1
LAST_ANSWER_WITHIN = 10.0
"""Seconds that the effect in hand gets to hear its answer."""


class WorkerClock(Clock):
    """A clock that stops when the parent is gone or a signal says so."""

    def __init__(self) -> None:
        super().__init__()
        started_by = multiprocessing.parent_process()  # it may be gone by now, and somebody else our parent
        self._parent = (started_by and started_by.pid) or os.getppid()

    def check(self) -> None:
        super().check()
        if os.getppid() != self._parent:
            self.stop()
            raise StoppedError("ansible-playbook is gone; nothing more was sent")

    def guard(self) -> None:
        """Take over SIGTERM and SIGINT, and have the parent's death arrive as SIGTERM. Main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        _die_with_parent()
        if os.getppid() != self._parent:  # it died before we asked
            os._exit(1)

    def _on_signal(self, _number: int, _frame: Any) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, LAST_ANSWER_WITHIN)  # nothing in here can stand in the kernel's way
        self.stop()


def _die_with_parent() -> None:
    """Linux only; elsewhere the check before each effect has to do."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    except (OSError, AttributeError):
        return
