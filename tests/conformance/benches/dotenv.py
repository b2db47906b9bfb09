# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dotenv files on this machine: a shell, systemd's parser and compose's rules say what they hold."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dotenv

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostCommand
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvConnection, DotenvFile
from tests.conformance.bench import Bench, Front
from tests.conformance.proxy import Line
from tests.conformance.tasks import TaskResult, play
from tests.unit.providers.dotenv import readers
from tests.unit.providers.dotenv.local_host import NOBODY, LocalHost

_READERS = [readers.shell, readers.compose, *([readers.systemd] if readers.systemd_library() else [])]
_PROGRAMS = Path(sys.executable).parent


class DotenvBench(Bench):
    title = "dotenv file on a host"
    server = "real files, as a shell, systemd and docker compose read them; the module through Ansible's connection"
    module = "dotenv_secret"
    atomic = True
    bad_name = "NOT-A-VARIABLE"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path = folder / ".env"
        self._path.touch(0o644)
        self._become: tuple[str, ...] = ()
        self._host = LocalHost()
        self.proxy = self._line = Line(self._host, changes=_changes, state=self._state)

    @property
    def addresses(self) -> list[str]:
        return ["the host"]

    @property
    def container(self) -> Options:
        return {"host": "localhost", "path": str(self._path)}

    @property
    def missing(self) -> Options:
        return {"host": "localhost", "path": str(self._path.with_name("nowhere"))}

    def store(self, *, allowed: bool = True) -> DotenvFile:
        connection = DotenvConnection({}, clock=self.clock)
        self._host.user = self._stranger(allowed)
        connection.host = self._line
        return DotenvFile(connection, clock=self.clock)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        stranger = self._stranger(allowed)
        self._become = () if stranger is None else ("--become", "--become-user", "nobody")
        return {"path": container["path"]}

    def run_task(self, options: Mapping[str, Any], *, check: bool = False) -> TaskResult:
        environment = {name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")}
        arguments = ("-c", "local", *self._become)
        module = f"rotor.secrets.{self.module}"
        python = "/usr/bin/python3"
        return play(
            _PROGRAMS, module, options, check=check, environment=environment, python=python, arguments=arguments
        )

    def holds(self, key: str, value: str) -> bool:
        return all(reader(self._path).get(key) == value for reader in _READERS)

    def exists(self, key: str) -> bool:
        return any(key in reader(self._path) for reader in _READERS)

    def poke(self, key: str, value: str) -> None:
        dotenv.set_key(self._path, key, value)
        self._path.chmod(0o644)

    def _state(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns

    def _stranger(self, allowed: bool) -> int | None:
        """Who has no right; without root that is ourselves, in a folder that is closed to us."""
        if allowed or os.geteuid() == 0:
            return None if allowed else NOBODY
        self._path.parent.chmod(0o500)
        return None


def _changes(command: HostCommand) -> bool:
    tasks = json.loads(command.stdin.reveal())["tasks"] if command.stdin else []
    return any(task["operation"] == "change" for task in tasks)


BENCHES = [DotenvBench]


@contextmanager
def open_bench(kind: type[DotenvBench], front: Front) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="dotenv-") as folder:
        Path(folder).chmod(0o755)
        yield kind(Path(folder))
        Path(folder).chmod(0o755)
        assert {path.name for path in Path(folder).iterdir()} <= {".env"}


def stop_all() -> None:
    """Nothing runs."""
