# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine as a host: commands run in its shell, and what went there and came back is kept."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvConnection, DotenvFile
from tests.unit.core.doubles import VirtualClock

NOBODY = 65534
Run = Callable[[HostCommand], HostAnswer]


@dataclass
class LocalHost:
    """``user`` needs root; ``answers`` come first, each instead of, or made of, what the command says."""

    user: int | None = None
    python: str = "python3"
    path: str = f"{os.defpath}:/usr/local/bin"
    ran: list[HostCommand] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    instead: list[Callable[[Run, HostCommand], HostAnswer]] = field(default_factory=list)

    def __call__(self, command: HostCommand) -> HostAnswer:
        return self.instead.pop(0)(self.run, command) if self.instead else self.run(command)

    def run(self, command: HostCommand) -> HostAnswer:
        other: dict[str, Any] = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        done = subprocess.run(
            ["/bin/sh", "-c", command.command],
            input=command.stdin.reveal() if command.stdin else "",
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": self.path},
            **other,
        )
        self.ran.append(command)
        self.said += [done.stdout, done.stderr]
        return HostAnswer(done.returncode, done.stdout)


def store_on(host: LocalHost) -> DotenvFile:
    connection = DotenvConnection({}, clock=VirtualClock())
    connection.host = host
    return DotenvFile(connection, clock=connection.clock)
