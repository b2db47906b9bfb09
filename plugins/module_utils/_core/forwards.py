# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach what listens behind an inventory host: SSH forwards from loopback here, opened when they are first used.

A forward is an ``ssh -N -L`` under a shell that reads from a pipe of ours: when this process ends, however it does, the
pipe is closed and the shell ends ssh. By its LocalCommand, ssh says that it has logged in and listens. Sources: ssh(1)
and ssh_config(5) of OpenSSH.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from .errors import ConfigurationError, RotorError, UnavailableError
from .outside_text import NAME, printable

Address = tuple[str, int]
OPTION = "via"
LOOPBACK = "127.0.0.1"
_READY = "rotor.secrets: forwarding"
_GUARD = '"$@" </dev/null & exec >&- 2>&-; read -r end; kill "$!"; wait "$!"'
"""Runs ssh until standard input ends."""
_OPTIONS = ("-N", "-o", "PermitLocalCommand=yes", "-o", f"LocalCommand=echo '{_READY}'")
_LONGEST = 60.0
"""Seconds within which ssh has to have logged in; its own ConnectTimeout does not count all of that."""
_ENDS_WITHIN = 10.0
_MOST_BYTES = 65536
_ATTEMPTS = 3
"""How often to take another port, where somebody has been faster at the one that was free."""
_TAKEN = "address already in use"


@dataclass(frozen=True)
class SshHost:
    """How ssh comes to an inventory host; no secret is in it."""

    name: str
    command: tuple[str, ...]
    """ssh and its options."""
    destination: str
    environment: Mapping[str, str] = field(repr=False)
    """Of the ssh process: without the variables that hold credentials."""


FindHost = Callable[[str], SshHost]
"""Finds an inventory host by its name; ConfigurationError where there is none, or ssh does not lead to it."""


def _nowhere(host: str) -> SshHost:
    raise ConfigurationError(f"there is no inventory here in which host {host} could be")


class Forwards:
    """The forwards of one action: one for each address behind each host, whoever goes there."""

    def __init__(self, find: FindHost = _nowhere) -> None:
        self._find = find
        self._guard = Lock()
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._open: dict[tuple[str, Address], _Forward] = {}

    def problem(self, host: str) -> str:
        """Say why no forward can lead through a host, by what the inventory says of it; empty where one can."""
        try:
            self._find(host)
        except ConfigurationError as error:
            return error.message
        return ""

    def way(self, host: str) -> Way:
        return Way(host, self)

    def local(self, host: str, there: Address) -> Address:
        """Return the loopback address from which a forward leads to ``there``; open one where none is alive.

        UnavailableError where ssh does not come to the host.
        """
        return LOOPBACK, self._forward(host, there).port

    def complaint(self, host: str, there: Address) -> str:
        """Return the last words of ssh about a forward, such as those on a connection that was refused; often empty."""
        with self._lock_of(host):
            forward = self._open.get((host, there))
            return _last_line(forward.said()) if forward else ""

    def close(self) -> None:
        """End all forwards, and wait for their ssh to be gone."""
        with self._guard:
            for forward in self._open.values():
                forward.close()
            self._open.clear()

    def _forward(self, host: str, there: Address) -> _Forward:
        with self._lock_of(host):  # one login at a time: sshd refuses many that come at once
            forward = self._open.get((host, there))
            if forward is None or not forward.is_alive():
                if forward:
                    forward.close()
                forward = self._open[host, there] = _opened(self._find(host), there)
            return forward

    def _lock_of(self, host: str) -> Lock:
        with self._guard:
            return self._locks[host]


class Way:
    """The way of one connection or check through an inventory host."""

    def __init__(self, host: str, forwards: Forwards) -> None:
        self.host = host
        self.taken = False
        """Whether anybody goes it: a class that never heard of it would go straight."""
        self._forwards = forwards

    def __str__(self) -> str:
        return f" via {self.host}"

    def take(self) -> Way:
        self.taken = True
        return self

    def local(self, host: str, port: int) -> Address:
        """Return the loopback address that leads to an address as the inventory host sees it."""
        return self._forwards.local(self.host, (host, port))

    def explain(self, error: RotorError, host: str, port: int) -> RotorError:
        """Add to an error what ssh says of the forward: that nobody listens there cannot be seen from here."""
        if said := self._forwards.complaint(self.host, (host, port)):
            error.hint = error.hint or f"Of {host}:{port}, ssh to host {self.host} says: {said}"
        return error


class _Forward:
    """One ssh process and the loopback port on which it listens."""

    def __init__(self, host: SshHost, there: Address) -> None:
        self.port = _free_port()
        name, port = there
        listen = f"{LOOPBACK}:{self.port}:{f'[{name}]' if ':' in name else name}:{port}"
        self._process = _ssh(host, "-L", listen)
        self._output, self._errors = self._process.stdout.fileno(), self._process.stderr.fileno()
        os.set_blocking(self._errors, False)

    def is_ready(self) -> bool:
        """Wait until ssh listens; False where it has ended, or takes too long."""
        return bool(_events(self._output, _LONGEST)) and _READY.encode() in os.read(self._output, _MOST_BYTES)

    def is_alive(self) -> bool:
        """Say whether ssh lives: to its end, it can complain."""
        return not _events(self._errors, 0) & select.POLLHUP

    def said(self) -> str:
        """Return what ssh has said since this was last asked."""
        try:
            return os.read(self._errors, _MOST_BYTES).decode(errors="replace").strip()
        except BlockingIOError:
            return ""

    def close(self) -> None:
        """End ssh and wait for that; the shell ends it when standard input ends."""
        self._process.stdin.close()
        try:
            self._process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()


def _events(file: int, within: float) -> int:
    """Return what poll says of a file that is read from, 0 if nothing; unlike select, it takes any number of them."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return sum(events for _file, events in poll.poll(within * 1000))


def _opened(host: SshHost, there: Address) -> _Forward:
    for _attempt in range(_ATTEMPTS):
        forward = _Forward(host, there)
        if forward.is_ready():
            return forward
        said = forward.said()
        forward.close()
        if _TAKEN not in said.lower():
            break
    raise UnavailableError(
        f"host {host.name} cannot be reached by ssh: {_last_line(said) or 'it did not log in'}",
        hint=f"Try `ansible {host.name} -m ping`. {OPTION} asks for no password: it needs a key or an agent, and a "
        "known host key",
    )


def _last_line(said: str) -> str:
    return printable(said.rpartition("\n")[2].strip(), NAME)


def _ssh(host: SshHost, *options: str) -> Any:
    """Start ssh under its guard, a ``subprocess.Popen``; UnavailableError where there is none."""
    try:
        return subprocess.Popen(  # noqa: S603 - the command is the inventory's
            ["/bin/sh", "-c", _GUARD, "forward", *host.command, *_OPTIONS, *options, host.destination],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**host.environment, "SHELL": "/bin/sh"},  # which runs the LocalCommand
            start_new_session=True,  # what a terminal sends to all of its processes is not for it
        )
    except OSError as error:
        raise UnavailableError(f"host {host.name} cannot be reached: ssh is not started: {error.strerror}") from None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
