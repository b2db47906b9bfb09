# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks without clocks: held by the process that makes the effects, only while it makes them, and gone with it.

One for each secret, container or consumer. For a SQLite ledger these are ``flock`` locks on files beside it; the file
says who holds it, for the others to read. For PostgreSQL see ``session_locks``.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from ....module_utils._core.clock import Clock
from ....module_utils._core.errors import BusyError, ConfigurationError


class Locks(Protocol):
    """One name, one holder; whoever dies holds nothing."""

    def hold(self, name: str, *, wait: float = 0) -> AbstractContextManager[None]:
        """Hold ``name``; BusyError says who has it when it is not free within ``wait`` seconds."""

    def check(self) -> None:
        """Called before every effect; LedgerError when what was held may be held no longer."""


def busy(name: str, holder: str) -> BusyError:
    return BusyError(f"{name} is being worked on by {holder}", hint="Wait until it has finished, and run again")


class FileLocks:
    """Locks in one folder; two threads of a process exclude each other just as two processes do."""

    def __init__(self, folder: Path, clock: Clock, holder: str) -> None:
        self._folder = folder
        self._clock = clock
        self._holder = holder
        _allow_many_files()

    @contextmanager
    def hold(self, name: str, *, wait: float = 0) -> Iterator[None]:
        """Hold ``name``; BusyError says who has it when it is not free within ``wait`` seconds."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / hashlib.sha256(name.encode()).hexdigest()[:32]
        descriptor = _open(path)
        try:
            if not self._clock.poll(lambda: self._try(descriptor), every=0.1, within=wait):
                raise busy(name, _holder_of(descriptor))
            now = self._clock.now().isoformat(timespec="seconds")
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"holder": self._holder, "since": now}).encode(), 0)
            yield
        finally:
            os.close(descriptor)  # which unlocks

    def check(self) -> None:
        """The kernel keeps these as long as the process lives."""

    @staticmethod
    def _try(descriptor: int) -> bool | None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return True


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "Raise the limit of open files (ulimit -n), or rotate fewer secrets at once"
        raise ConfigurationError(
            f"cannot open a lock in {path.parent}: {error.strerror}", hint=hint if error.errno == errno.EMFILE else ""
        ) from error


def _allow_many_files() -> None:
    """Each lock takes a file: a run of a thousand secrets needs more than a process may have open at first."""
    _now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _holder_of(descriptor: int) -> str:
    try:
        who = json.loads(os.pread(descriptor, 4096, 0))
        return f"{who['holder']} since {who['since']}"
    except (ValueError, KeyError):
        return "another process"
