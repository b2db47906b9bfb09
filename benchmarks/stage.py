# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers, places and folders in which the contests run, and ``ansible-playbook`` in front of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from cryptography.fernet import Fernet

from benchmarks import process
from benchmarks.process import Cost, MissingError
from tests.costs import Places, Requests, store_costs
from tests.sandbox import server
from tests.sandbox.visitor import Visitor
from tests.servers import sshd
from tests.servers.moto import Moto, alone
from tests.servers.openbao import BINARY, OpenBao
from tests.unit.core.doubles import ServersClock
from tools import community

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
COLLECTIONS = ROOT / "benchmarks" / "collections"
_MEMORY = Path("/dev/shm")  # noqa: S108 - where there is no such folder, the usual one is taken
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


_PYTHONS = ", ".join(community.PYTHONS)


class Desk:
    """A user's folder with an inventory; ``variables`` are those of the whole inventory."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], variables: Mapping[str, Any], hosts: Mapping[str, Any]
    ) -> None:
        self.folder, self.environment = folder, dict(environment)
        self.inventory = folder / "inventory"
        (self.inventory / "group_vars").mkdir(parents=True)
        (folder / "tmp").mkdir()
        listed = {"localhost": LOCAL, **hosts}
        (self.inventory / "hosts.json").write_text(json.dumps({"all": {"hosts": listed}}))
        (self.inventory / "group_vars" / "all.json").write_text(json.dumps(variables))

    def play(self, playbook: str, *arguments: str, limit: float = 1800) -> Cost:
        """Run a playbook of ours by its name, or one of a file in the folder."""
        command = ["ansible-playbook", playbook, "-i", str(self.inventory), *arguments]
        return process.run(command, self.folder, self.environment, limit)

    def write(self, name: str, tasks: list[dict[str, Any]], hosts: str = "localhost") -> str:
        """Write a playbook of tasks, and return what :meth:`play` takes."""
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps([{"name": name, "hosts": hosts, "gather_facts": False, "tasks": tasks}]))
        return str(file)

    def one_task(self) -> Cost:
        """Run a play with one task over the same inventory; an empty play would not read its variables."""
        return self.play(self.write("one", [{"name": "Nothing", "ansible.builtin.debug": {"msg": "nothing"}}]))


class Stage:
    """Whatever a contest asks for is started once, and ends with the stage."""

    def __init__(self, stack: ExitStack, *, quick: bool) -> None:
        self.quick = quick
        self._stack = stack
        stack.enter_context(alone())
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._number = 0
        self._memo: dict[str, Any] = {}

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what was prepared under a name, or prepare it."""
        if name not in self._memo:
            self._memo[name] = make()
        return cast("T", self._memo[name])

    def folder(self) -> Path:
        """Make a new folder, whose name is short: core makes sockets below it."""
        self._number += 1
        made = self._folder / f"d{self._number}"
        made.mkdir()
        return made

    def desk(
        self,
        variables: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
        hosts: Mapping[str, Any] | None = None,
    ) -> Desk:
        """Open a desk with a ledger of its own, unless the variables name one."""
        folder = self.folder()
        own = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{COLLECTIONS}",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ROTOR_LEDGER_KEY": Fernet.generate_key().decode(),
        }
        ledger = {"secret_ledger": {"url": f"sqlite:///{folder}/ledger.db"}}
        return Desk(folder, {**own, **(environment or {})}, {**ledger, **variables}, hosts or {})

    def engine(self, job: str, *, in_memory: bool = False, limit: float = 900, **options: Any) -> dict[str, Any]:
        """Run a job of :mod:`benchmarks.engine` in a process of its own.

        ``in_memory``: its ledger lies in memory, where nothing but the processor is asked about.
        """
        path = os.pathsep.join(map(str, (ROOT.parents[2], ROOT, COLLECTIONS)))
        folder = Path(tempfile.mkdtemp(prefix="job-", dir=_MEMORY if in_memory and _MEMORY.is_dir() else self._folder))
        told = json.dumps({"job": job, "folder": str(folder), "options": options})
        command = [sys.executable, "-m", "benchmarks.engine", told]
        try:
            cost = process.run(command, ROOT, {**os.environ, "PYTHONPATH": path}, limit)
        finally:
            shutil.rmtree(folder)
        result: dict[str, Any] = json.loads(cost.output.splitlines()[-1])
        return {**result, "peak": cost.peak}

    def play(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> Cost:
        """Run a command of a desk of the tests, by the programs of everybody's plays."""
        return process.run(command, folder, {**environment, "PATH": f"{self.programs}:{os.environ['PATH']}"})

    def touch(self, path: str) -> None:
        """Make an empty file that the login user of the host may write."""
        Path(path).touch()
        if self.sshd.password is not None:
            shutil.chown(path, self.sshd.user, self.sshd.user)

    # Programs and servers

    @cached_property
    def community(self) -> Path:
        """The environment with the community's collections, in which our plays run as well."""
        found = self.once("community", _community)
        if found is None:
            raise MissingError(f"the package ansible cannot be had: no network, or no Python of {_PYTHONS}")
        return found

    @cached_property
    def programs(self) -> Path:
        """Where ansible-playbook is: everybody's plays run on the same core and the same Python."""
        try:
            return self.community / "bin"
        except MissingError:
            return Path(sys.executable).parent

    def program(self, name: str) -> str:
        """Find a program, or say that it is missing; ``bao`` and ``gh`` come with the test requirements."""
        path = os.pathsep.join([str(BINARY.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
        found = shutil.which(name, path=path)
        if found is None:
            raise MissingError(f"{name} is not installed")
        return found

    @cached_property
    def world(self) -> Visitor:
        running = server.start()
        self._stack.callback(running.stop)
        return Visitor(running.url)

    @cached_property
    def fly_world(self) -> Visitor:
        """A world of its own, for contests that begin with a new one."""
        running = server.start()
        self._stack.callback(running.stop)
        return Visitor(running.url)

    @cached_property
    def bao(self) -> OpenBao:
        made = OpenBao()
        self._stack.callback(made.stop)
        return made

    @cached_property
    def moto(self) -> Moto:
        made = Moto()
        self._stack.callback(made.stop)
        return made

    def places(self, number: int) -> Places:
        return Places(self.world, self.bao, self.moto, number)

    def request_costs(self) -> dict[str, Requests]:
        """Count the requests for a copy, once: the next time would be the same."""
        return self.once(
            "requests", lambda: store_costs(self.world, self.bao, self.moto, self.folder(), ServersClock())
        )

    @cached_property
    def sshd(self) -> sshd.Sshd:
        if why := sshd.is_missing():
            raise MissingError(why)
        return self._stack.enter_context(sshd.running())


def _community() -> Path | None:
    try:
        return community.environment(ROOT.parents[2])
    except subprocess.CalledProcessError:
        return None
