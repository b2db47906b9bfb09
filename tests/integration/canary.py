# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for secret values wherever a run could leave one: in texts, in files, in command lines and environments."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import threading
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil

from tests.chaos import tally

from .momentary import Momentary

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked into, not written to
COMMAND_LINE = "command line"
ENVIRONMENT = "environment"
SHORTEST_PART = 12
"""A shorter part of a value turns up by chance."""


def forms(value: str) -> set[str]:
    """The spellings of a value and of its parts: a scheme word or a neighbour may have been cut off."""
    found: set[str] = set()
    for part in {value, *(part for part in re.split(r"[ ,]", value) if len(part) >= SHORTEST_PART)}:
        found |= {part, quote(part), quote(part, safe=""), quote_plus(part)}
        found |= {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]}
        encoded = (base64.b64encode(part.encode()), base64.urlsafe_b64encode(part.encode()))
        found |= {text.decode().rstrip("=") for text in encoded}
    return found


class Watch:
    """Collects, while it is open, the command lines of all processes, and whatever the files of a folder hold.

    So too whatever is new in shared memory, files that are there for a moment only, and the environments of all
    processes but ``ansible-playbook`` itself, which is given its credentials there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = _shared_memory()
        self._seen: set[tuple[str, bytes]] = set()
        self._inherited: dict[tuple[int, str], tuple[str, bytes]] = {}
        self._momentary = Momentary(folder)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> Watch:
        self._momentary.start()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        self.look()
        with self._lock:
            self._seen |= self._momentary.stop()

    def holds(self, path: Path) -> bool:
        """Whether this new file is open here, so that what is written into it cannot be missed."""
        return self._momentary.holds(path)

    @property
    def places(self) -> set[str]:
        with self._lock:
            return {place for place, _content in self._seen}

    @property
    def texts(self) -> list[tuple[str, str]]:
        with self._lock:
            return [(place, content.decode(errors="surrogateescape")) for place, content in self._seen]

    def look(self) -> None:
        seen = {*_files(self._folder), *_segments(self._before)}
        with self._lock:
            self._seen |= seen
            self._look_at_processes()

    def _look_at_processes(self) -> None:
        for process in psutil.process_iter(["pid", "name", "cmdline"]):
            words = process.info["cmdline"] or ()
            if not words:
                continue
            line, name = " ".join(words), f"{process.info['name']} ({process.info['pid']})"
            self._seen.add((f"{COMMAND_LINE} of {name}", line.encode(errors="surrogateescape")))
            known = (process.info["pid"], line)  # one that has begun to run another program is looked at again
            if known not in self._inherited and not any(word.endswith("/ansible-playbook") for word in words[:2]):
                self._inherited[known] = (f"{ENVIRONMENT} of {name}", _environment(process.info["pid"]))

    def read(self, place: str, text: str) -> None:
        """Something that a person read, such as a run's output."""
        with self._lock:
            self._seen.add((place, text.encode(errors="surrogateescape")))

    def find(self, values: Iterable[str]) -> list[str]:
        """The places in which one of these values was seen, never the value."""
        spellings = sorted(set[str]().union(*map(forms, values)), key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, spellings)).encode())
        with self._lock:
            return sorted({place for place, content in self._seen if pattern.search(content)})

    def inherited(self, values: Iterable[str]) -> list[str]:
        """The processes that had one of these values in their environment."""
        wanted = [value.encode() for value in values]
        with self._lock:
            seen = list(self._inherited.values())
        return sorted({place for place, content in seen if any(value in content for value in wanted)})

    def search(self, what: str, values: Collection[str], spared: Collection[str] = ()) -> list[str]:
        """The same, but for places that are known to have some; counted for the table."""
        found = [place for place in self.find(values) if place not in spared]
        with self._lock:
            lines = sum(place.startswith(COMMAND_LINE) for place, _content in self._seen)
            files = len({place for place, _content in self._seen if not place.startswith(COMMAND_LINE)})
            size = sum(len(content) for _place, content in self._seen)
        counts = {"canaries": len(values), "files": files, "command lines": lines, "kilobytes": size // 1024}
        tally.add(f"searched: {what}", **counts, leaks=len(found))
        return found

    def _collect(self) -> None:
        while not self._over.is_set():
            self.look()
            self._over.wait(0.02)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Raw bytes; files and folders may come and go meanwhile."""
    for here, _folders, names in os.walk(folder):
        for path in (Path(here) / name for name in names):
            with contextlib.suppress(OSError):
                yield str(path.relative_to(folder)), path.read_bytes() if path.is_file() else b""


def _shared_memory() -> set[Path]:
    """The segments that there are; a folder there is somebody's disk."""
    return {path for path in SHARED_MEMORY.glob("*") if path.is_file()}


def _segments(besides: Collection[Path]) -> Iterator[tuple[str, bytes]]:
    for path in _shared_memory().difference(besides):
        with contextlib.suppress(OSError):
            yield str(path), path.read_bytes()


def _environment(pid: int) -> bytes:
    with contextlib.suppress(OSError):  # it has ended, or is somebody else's
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""
