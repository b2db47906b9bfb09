# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store that lives on an inventory host works with, in place of a connection to a system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .clock import Clock
from .contracts import Connection, Options
from .credential import SecretValue


@dataclass(frozen=True)
class HostCommand:
    """What to run on an inventory host; ``stdin`` is all that may hold a value."""

    command: str
    chdir: str | None = None
    stdin: SecretValue | None = None
    catch: bool = False
    """Whether it may print a value: its output is caught on the host, and comes back in ``printed`` alone."""


@dataclass(frozen=True)
class HostAnswer:
    """What came of a command. ``stdout`` never holds a value: Ansible shows it with ``-vvv``."""

    code: int
    stdout: str = ""
    printed: str | None = field(default=None, repr=False)
    """The end of what a command printed that was caught, as it was; None where the host cannot catch it."""


Host = Callable[[HostCommand], HostAnswer]
"""Runs a command on one host; raises UnavailableError when it cannot be reached."""


class HostConnection(Connection):
    """A connection to whichever inventory host Ansible is at work on, and to no system."""

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self.host: Host | None = None
        """Set by the action that is at work on the host, before a store is used."""

    def probe(self) -> str:
        return "inventory hosts"
