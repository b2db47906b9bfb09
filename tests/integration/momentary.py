# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files that exist only for a moment: the kernel tells of each one as it is made, and it is held open from then.

What is written into a file that is held can be read even after it was deleted.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import stat
import struct
import threading
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_CLOSE_WRITE, _MOVED_TO, _CREATE, _DELETE, _FOLDER = 0x8, 0x80, 0x100, 0x200, 0x40000000
_EVENT = struct.Struct("iIII")


class Momentary:
    """Watches a folder and all below it, folders that are made later included."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notices = -1
        self._paths: dict[int, Path] = {}
        self._held: dict[Path, int] = {}
        self._deleted: list[tuple[Path, int]] = []
        self._seen: set[tuple[str, bytes]] = set()
        self._over, self._end = os.pipe()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        self._notices = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._notices < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")
        self._watch(self._folder, new=False)
        self._thread.start()

    def stop(self) -> set[tuple[str, bytes]]:
        """All that was read: relative path and content."""
        os.close(self._end)
        self._thread.join()
        self._hear()
        for path, descriptor in [*self._held.items(), *self._deleted]:
            self._read(path, descriptor)
        os.close(self._notices)
        os.close(self._over)
        return self._seen

    def holds(self, path: Path) -> bool:
        return path in self._held

    def _follow(self) -> None:
        while self._over not in select.select([self._notices, self._over], [], [])[0]:
            self._hear()

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while events := os.read(self._notices, 1 << 16):
                start = 0
                while start < len(events):
                    watch, mask, _cookie, length = _EVENT.unpack_from(events, start)
                    start += _EVENT.size + length
                    name = events[start - length : start].rstrip(b"\0").decode(errors="surrogateescape")
                    if watch in self._paths and name:
                        self._meet(self._paths[watch] / name, mask)

    def _meet(self, path: Path, mask: int) -> None:
        if mask & _FOLDER:
            if mask & (_CREATE | _MOVED_TO):
                self._watch(path, new=True)
            return
        if mask & _DELETE:
            if path in self._held:  # whoever has it open may still write
                self._deleted.append((path, self._held.pop(path)))
            return
        self._hold(path)
        if not mask & _CREATE and path in self._held:
            self._read(path, self._held.pop(path))

    def _watch(self, folder: Path, *, new: bool) -> None:
        """With whatever is in it by now."""
        wanted = _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE
        watch = _libc.inotify_add_watch(self._notices, os.fsencode(folder), wanted)
        if watch < 0:  # it is gone
            return
        self._paths[watch] = folder
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False):
                    self._watch(Path(entry), new=new)
                elif new:
                    self._hold(Path(entry))

    def _hold(self, path: Path) -> None:
        if path in self._held:
            return
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.lstat(path).st_mode):
                self._held[path] = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)

    def _read(self, path: Path, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as file:
            self._seen.add((str(path.relative_to(self._folder)), file.read()))
