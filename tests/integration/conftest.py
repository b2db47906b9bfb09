# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in world, and a user's desk in front of it: an empty home, an inventory, ``ansible-playbook``."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from tests import moved
from tests.sandbox.visitor import Visitor

from .judge import Judge, printed, returned

ROOT = Path(__file__).resolve().parents[2]
OLD_TOKEN = "TGltaXRlZEFjY2Vzc1Rva2VuOjgz"


@dataclass
class Outcome:
    code: int
    output: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.output}"


class JudgedProcess(subprocess.Popen[str]):
    """A playbook whose every claim is held against the world when its output is read."""

    desk: Desk
    since: float

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        output, errors = super().communicate(input, timeout)
        self.desk.judge(output or "", self.since)
        return output, errors


@dataclass
class Desk:
    """Somebody's place of work: everything that a run leaves behind is below ``home``."""

    home: Path
    inventory: Path
    environment: dict[str, str] = field(default_factory=dict)
    world: Visitor | None = None
    """The stand-in world, where it is one that a run works on: what the run says is held against that."""

    @property
    def example(self) -> dict[str, Any]:
        """The variables of the example, as they are written."""
        files = sorted((self.inventory / "group_vars" / "all").glob("*.yml"))
        return {name: value for file in files for name, value in yaml.safe_load(file.read_text()).items()}

    def command(self, playbook: str, *arguments: str) -> list[str]:
        return ["ansible-playbook", playbook, "-i", str(self.inventory), *arguments]

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "text": True}
        since = time.time()
        process = JudgedProcess(command, cwd=self.home, env=self.environment, **(pipes | options))
        process.desk, process.since = self, since
        return process

    def judge(self, output: str, since: float, status: Mapping[str, Any] | None = None) -> None:
        """Hold whatever a run has said against the world."""
        if self.world is None:
            return
        consumers = self.example.get("secret_consumers", {})
        overridden = self.inventory / "host_vars" / "localhost" / "secret_consumers.json"
        if overridden.exists():
            consumers = json.loads(overridden.read_text())["secret_consumers"]
        said = [*printed(output), *returned(status or {})]
        lies = Judge(self.world, consumers).lies(said, since, time.time())
        assert lies == [], "\n".join([*lies, output])

    def play(self, playbook: str, *arguments: str, **options: Any) -> Outcome:
        return self.run(self.command(playbook, *arguments), **options)

    def type(self, line: str) -> Outcome:
        """Run a line that a person has copied from the terminal."""
        return self.run(shlex.split(line))

    def run(self, command: list[str], timeout: float = 600) -> Outcome:
        process = self.start(*command)
        try:
            output, _none = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Outcome(process.returncode, output)

    def rotate(self, *arguments: str, **options: Any) -> Outcome:
        return self.play("rotor.secrets.rotate_fly_token", *arguments, **options)

    def override(self, **variables: Any) -> None:
        """Variables that win over the example's own group_vars."""
        folder = self.inventory / "host_vars" / "localhost"
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in variables.items():
            (folder / f"{name}.json").write_text(json.dumps({name: value}))

    def edit(self, old: str, new: str) -> None:
        """Change the example's secret map, as a person with an editor would."""
        path = self.inventory / "group_vars" / "all" / "secrets.yml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    @property
    def ledger(self) -> Path:
        return self.home / "state" / "rotor.secrets" / "ledger.db"


@pytest.fixture
def desk(world: Visitor) -> Iterator[Desk]:
    """In a folder with a short name: below it core makes sockets, whose paths must not be long."""
    with tempfile.TemporaryDirectory(prefix="desk-") as folder:
        yield open_desk(world, Path(folder) / "home")


def open_desk(world: Visitor, home: Path) -> Desk:
    (home / "tmp").mkdir(parents=True)
    inventory = home / "inventory"
    shutil.copytree(ROOT / "tests" / "integration" / "inventory", inventory)
    url = world.url
    environment = {
        **moved.clock(),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "XDG_STATE_HOME": str(home / "state"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_NOCOLOR": "1",
        "FLY_ADMIN_TOKEN": world.credentials["FLY_ADMIN_TOKEN"],
        "GITHUB_ADMIN_TOKEN": world.credentials["GITHUB_ADMIN_TOKEN"],
        "FLY_API_URL": f"{url}/fly/v1",
        "FLY_GRAPHQL_URL": f"{url}/fly/graphql",
        "GITHUB_API_URL": f"{url}/github",
        "MOLECULE_URL": f"{url}/molecule-cp",
        "ROTOR_LEDGER_KEY": Fernet.generate_key().decode(),
    }
    return Desk(home, inventory, environment, world)
