# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks, real ones and played ones, and tells when nothing of them lives any more.

`python -m tests.chaos.stage`: an order as a line of JSON on standard input, its outcome on standard output. It adopts
whatever a killed run leaves behind, so that an orphaned worker cannot get out of sight.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.servers.moto import REGION

ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
LIMIT = 600.0


@dataclass
class Outcome:
    code: int
    """Negative: the signal that ended it."""
    stuck: bool
    """Something of it had to be killed, since it did not end."""


class Stage:
    """The process above, as a test sees it."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(ROOT), *sys.path[1:], str(ROOT / "tests" / "chaos" / "collections")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.stage", str(os.getpid())],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, **order: Any) -> Outcome:
        """Execute ``argv``, or play ``variables`` and ``options``; with ``environment``, ``folder``, ``output``."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        return
    _preload()
    for line in sys.stdin:
        code, stuck = _carry_out(json.loads(line))
        sys.stdout.write(json.dumps({"code": code, "stuck": stuck}) + "\n")
        sys.stdout.flush()


def _preload() -> None:
    """What every run would import anew."""
    import boto3  # noqa: F401
    import hvac  # noqa: F401
    import jsonschema  # noqa: F401
    import psycopg  # noqa: F401
    import requests  # noqa: F401
    import sqlalchemy.dialects.sqlite  # noqa: F401

    from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
    from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
    from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
    from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.session import Clients
    from tests.chaos import player  # noqa: F401

    for kind in registry.KINDS:
        for name in registry.names(kind):
            registry.find(kind, name)
    keys = {"access_key_id": SecretValue("-"), "secret_access_key": SecretValue("-")}
    nobody = Clients({"region": REGION, **keys}, "", Clock())
    for service in ("sts", "ssm", "secretsmanager"):
        nobody.get(service)


def _carry_out(order: dict[str, Any]) -> tuple[int, bool]:
    first = os.fork()
    if first == 0:
        _perform(order)
    deadline = time.monotonic() + order.get("limit", LIMIT)
    code, stuck = 0, False
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # nobody is left
            return code, stuck
        if pid == first:
            code = os.waitstatus_to_exitcode(status)
        elif pid == 0:
            time.sleep(0.005)
            if time.monotonic() > deadline:
                stuck = True
                for member in psutil.Process().children(recursive=True):
                    member.kill()


def _perform(order: dict[str, Any]) -> None:
    """In the process that is the playbook; never returns."""
    code = 99
    try:
        with Path(order["output"]).open("ab") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.chdir(order["folder"])
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # the tests may run under nohup
        if order.get("argv"):
            os.execvpe(order["argv"][0], order["argv"], order["environment"])  # noqa: S606
        os.environ.clear()
        os.environ.update(order["environment"])
        code = _play(order)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - whatever it is, this process never returns
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _play(order: dict[str, Any]) -> int:
    from tests.chaos import player
    from tests.chaos.hook import points

    points.install(os.environ)
    return player.play(order["variables"], order["options"])


if __name__ == "__main__":
    main()
