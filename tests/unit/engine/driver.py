# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a rotation as the role does: plan, issue, roll out with work on hosts, revoke; each in its own session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from jsonschema import Draft202012Validator

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import Host, HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import selection
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.selection import RunOptions
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase, SecretState
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.job import Job
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import location as ledgers
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.writer import Ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report import status_result
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import SecretMap
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.variables import TaskVariables
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Caller, Session
from tests.unit.engine import fake_issuers, judge
from tests.unit.engine.fakes import install, run_on_host
from tests.unit.engine.world import World

install()
fake_issuers.install()
judge.install()
STATUS = Draft202012Validator(status_result.json_schema())
KEY = Fernet.generate_key().decode()
MEMORY = Path("/dev/shm")  # noqa: S108 - where there is no such folder, the usual one is taken


@contextmanager
def quick_ledgers() -> Iterator[None]:
    """Open each file once: for tests of many hundred sessions, which would spend their time on opening."""
    opened: dict[Any, Any] = {}
    really_open = ledgers._engine

    def remembered(path: Path, readonly: bool) -> Any:
        key = (path, readonly, path.exists())
        if key not in opened:
            opened[path, readonly, True] = compiled_once(really_open(path, readonly))
        return opened[path, readonly, True]

    ledgers._engine = remembered
    try:
        yield
    finally:
        ledgers._engine = really_open
        for engine in opened.values():
            engine.dispose()


class _Compiled(dict[Any, Any]):
    """What SQLAlchemy has compiled for one engine, for all engines of that kind of database."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_any(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_any(key), value)


def _of_any(key: Any) -> Any:
    dialect, *rest = key
    return (dialect.name, *rest)


_COMPILED = _Compiled()


def compiled_once(engine: Any) -> Any:
    """Let an engine use what others have compiled; else each would do so anew, which takes a quarter of a session."""
    engine.update_execution_options(compiled_cache=_COMPILED)
    return engine


class Play:
    """One user's inventory and ledger."""

    def __init__(self, world: World, folder: Path, secret_map: Mapping[str, Any], **variables: Any) -> None:
        self.world = world
        self.map = dict(secret_map)
        self.consumers: dict[str, Any] = variables.pop("consumers", {})
        self.connections = variables.pop("connections", {"cloud": {"type": "test.fake.cloud", "world": world.name}})
        self.setting: dict[str, Any] = {"url": f"sqlite:///{folder}/ledger.db", "key": KEY}
        self.folder = folder
        self.lines: list[str] = []
        self.job = "a job"
        self.caller_folders: tuple[Path, ...] = ()
        self.execute: Host = self._execute
        self.pieces: list[Mapping[str, Any]] = []

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def session(self) -> Session:
        self.world.ledger = self.setting.get("url", "")
        task_vars = {
            "secret_map": self.map,
            "secret_consumers": self.consumers,
            "secret_connections": self.connections,
            "secret_ledger": self.setting,
        }
        variables = TaskVariables(task_vars, lambda text: text)
        job, folders = Job(process=self.job), self.caller_folders
        caller = Caller("ansible-playbook rotate.yml", "a test", frozenset({"app1"}), job=job, folders=folders)
        return Session(variables, self.world.clock, caller, self.lines.append)

    def plan(self, *only: str, check: bool = False, **options: Any) -> Mapping[str, Any]:
        self.world.forgetful |= bool(options.get("forget"))
        return self.session().plan(RunOptions(only=only, **options), check=check)

    def rotate(self, *only: str, **options: Any) -> Mapping[str, Any]:
        """A whole run; its last result, or the plan's when nothing goes."""
        plan = self.plan(*only, **options)
        if not plan["go"]:
            return plan
        self.through(plan["run"], Phase.ISSUED)
        result = self.through(plan["run"], Phase.ROLLED_OUT)
        return self.through(plan["run"], Phase.REVOKED) if not result["over"] else result

    def advance(self, run: str, until: Phase) -> Mapping[str, Any]:
        return self.session().advance(run, until)

    def deposit(self, value: str, *, check: bool = False, **options: Any) -> Mapping[str, Any]:
        """A person brings a value."""
        return self.deposit_fields({"token": value}, check=check, **options)

    def deposit_fields(self, fields: Mapping[str, str], *, check: bool = False, **options: Any) -> Mapping[str, Any]:
        """A person brings the value of each field."""
        values = {field: SecretValue(value) for field, value in fields.items()}
        asked = RunOptions(only=("TOKEN",), **options)
        return self.session().deposit(asked, lambda _handwork, _fields: values, check=check)

    def attest(self, credential: str = "", *, check: bool = False, **options: Any) -> Mapping[str, Any]:
        """A person says that a credential has ended."""
        return self.session().attest(RunOptions(only=("TOKEN",), **options), credential, check=check)

    def adopt(self, *only: str, check: bool = False, **options: Any) -> Mapping[str, Any]:
        """Take what is there under management."""
        return self.session().adopt(RunOptions(only=only, **options), check=check)

    def through(self, run: str, until: Phase) -> Mapping[str, Any]:
        """A phase with its work on hosts."""
        result = self.advance(run, until)
        while result["todo"]:
            for work in result["todo"]:
                self.pieces.append(work)
                self.session().host_work(run, work["work"], work["host"], self.execute)
            result = self.advance(run, until)
        return result

    def _execute(self, command: HostCommand) -> HostAnswer:
        return HostAnswer(0, self.world.call("execute", command.command, lambda: run_on_host(self.world, command)))

    def clone(self, name: str, folder: Path) -> Play:
        """The same user with a copy of the ledger, in a copy of the world."""
        folder.mkdir(parents=True)
        for file in self.folder.glob("ledger.db*"):
            if file.is_file():
                shutil.copy(file, folder)
        connections = {**self.connections, "cloud": {"type": "test.fake.cloud", "world": name}}
        return Play(self.world.clone(name), folder, self.map, consumers=self.consumers, connections=connections)

    def parsed(self) -> SecretMap:
        return parse(self.map, self.consumers, self.connections, hosts=frozenset({"app1"}))

    def nameable(self, *names: str) -> tuple[str, ...]:
        """Those of the names that ``rotate_forget`` may have: the map or the ledger has them."""
        secret_map = self.parsed()
        states = self.ledger().states(secret_map.secrets)

        def known(name: str) -> bool:
            try:
                return bool(selection.resolve_forgotten(RunOptions(forget=(name,)), secret_map, states))
            except ConfigurationError:
                return False

        return tuple(filter(known, names))

    def state(self, secret: str) -> SecretState:
        return self.ledger().state(secret)

    def ledger(self) -> Ledger:
        return open_ledger(self.setting, clock=self.world.clock, holder="a test").ledger

    def status(self, **options: Any) -> Mapping[str, Any]:
        fail_on = options.pop("fail_on", ())
        result = self.session().status(RunOptions(**options), fail_on)
        STATUS.validate(result)
        return result
