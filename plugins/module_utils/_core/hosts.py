# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store that lives on an inventory host works with, in place of a connection to a system."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import masking
from .clock import Clock
from .contracts import Connection, Evidence, Options, Store
from .credential import SecretValue
from .errors import RotorError

LOCALHOST = "localhost"
"""The inventory's name of the machine on which Ansible runs, whose files the engine can read by itself."""


@dataclass(frozen=True)
class HostCommand:
    """What to run on an inventory host; ``stdin`` is all that may hold a value."""

    command: str
    chdir: str | None = None
    stdin: SecretValue | None = None
    script: str = ""
    """What is sent ahead of ``stdin``, and caught: no value."""
    catch: bool = False
    """Whether it may print a value: its output is caught on the host, and comes back in ``printed`` alone."""


@dataclass(frozen=True)
class HostAnswer:
    """What came of a command. ``stdout`` never holds a value: Ansible shows it with ``-vvv``."""

    code: int
    stdout: str = ""
    printed: str | None = field(default=None, repr=False)
    """The end of what a command printed that was caught, as it was; None where the host cannot catch it."""
    cut: bool = False
    """Whether there was more before ``printed``, which may so begin in the middle of a value."""

    def masked(self, values: Iterable[str]) -> str:
        """Return what a command printed that was caught, without what it has of these values or of any known one."""
        return masking.scrub_pieces(masking.scrub(self.printed or ""), values, cut=self.cut)


Host = Callable[[HostCommand], HostAnswer]
"""Runs a command on one host; raises UnavailableError when it cannot be reached."""


class HostConnection(Connection):
    """A connection to whichever inventory host Ansible is at work on, and to no system."""

    takes_via = False

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self.host: Host | None = None
        """Set by the action that is at work on the host, before a store is used."""

    def probe(self) -> str:
        return "inventory hosts"


@dataclass(frozen=True)
class HostRequest:
    """What is asked of a store on a host: to observe keys, or, with values, to write them."""

    container: Options
    keys: Sequence[str]
    values: Mapping[str, SecretValue] | None = None
    since: Evidence | None = None
    """With values: evidence that the keys must still fit; compared on the host, as nobody has looked right before."""
    gone: Sequence[str] = ()
    """With values, of which there may be none: keys that are removed in the same go."""


class HostStore(Store):
    """A store on inventory hosts, which answers many requests at once."""

    on_host = True
    compares = True
    connection: HostConnection

    @abstractmethod
    def answers(self, requests: Sequence[HostRequest]) -> list[Evidence | RotorError]:
        """Return an answer for each request, in as few commands as can be and with one replacement of a container."""

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        return answered(self.answers([HostRequest(container, keys)])[0])

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        return answered(self.answers([HostRequest(container, list(values), values, since)])[0])


def answered(answer: Evidence | RotorError) -> Evidence:
    """Return evidence; raise an answer that is an error."""
    if isinstance(answer, RotorError):
        raise answer
    return answer
