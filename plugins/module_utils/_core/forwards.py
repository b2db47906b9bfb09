# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach what listens behind an inventory host: SSH forwards from loopback here, opened when they are first used.

Each ssh runs under a shell that reads from a pipe of ours: when this process ends, however it does, the pipe is closed
and the shell ends ssh. By its LocalCommand, a forward says that it has logged in and listens. Sources: ssh(1) and
ssh_config(5) of OpenSSH.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import socket
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Timer
from typing import Any

from .errors import ConfigurationError, RotorError, UnavailableError
from .outside_text import NAME, printable

Address = tuple[str, int]
OPTION = "via"
LOOPBACK = "127.0.0.1"
_READY = "rotor.secrets: forwarding"
_GUARD = (
    'exec {saved}<&0; "$@" <&{saved} {saved}<&- & exec <&- {saved}<&- >&- 2>&-; '
    'read -r end </dev/fd/{lifeline}; kill "$!"; wait "$!"'
)
"""Runs ssh until a pipe ends, and ends with its code. What runs beside a shell has no standard input of its own."""
_OPTIONS = ("-N", "-o", "PermitLocalCommand=yes", "-o", f"LocalCommand=echo '{_READY}'")
_LONGEST = 60.0
"""Seconds within which ssh has to have logged in; its own ConnectTimeout does not count all of that."""
_ENDS_WITHIN = 10.0
_MOST_BYTES = 65536
_COMMAND_WITHIN = 120.0
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


@dataclass(frozen=True)
class Ran:
    """What came of a command on a host: ssh's own code is 255."""

    code: int
    output: str
    errors: str


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

    def way(self, via: str | Mapping[str, Any]) -> Way:
        """Return the way of who says ``via: HOST``, or ``via: {host: …, command: […]}``."""
        if isinstance(via, str):
            return Way(via, self)
        return Way(via["host"], self, tuple(via["command"]))

    def local(self, host: str, there: Address) -> Address:
        """Return the loopback address from which a forward leads to ``there``; open one where none is alive.

        UnavailableError where ssh does not come to the host.
        """
        return LOOPBACK, self._forward(host, there).port

    def complaint(self, host: str, there: Address) -> str:
        """Return the last words of ssh about a forward, such as those on a connection that was refused; often empty."""
        with self._lock_of(host):
            forward = self._open.get((host, there))
            return last_line(forward.said()) if forward else ""

    def run(self, host: str, command: Sequence[str], data: str) -> Ran:
        """Run a command on a host with ``data`` as its standard input; UnavailableError where there is no ssh here.

        It has two minutes.
        """
        return _Ssh(self._find(host), (), shlex.join(command), takes_input=True).serve(data)

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

    def __init__(self, host: str, forwards: Forwards, command: tuple[str, ...] = ()) -> None:
        self.host = host
        self.command = command
        """What is run there instead of going through; only for who says that it takes one."""
        self.taken = False
        """Whether anybody goes it: a class that never heard of it would go straight."""
        self._forwards = forwards

    def __str__(self) -> str:
        return self.host

    def take(self) -> Way:
        self.taken = True
        return self

    def local(self, host: str, port: int) -> Address:
        """Return the loopback address that leads to an address as the inventory host sees it."""
        return self._forwards.local(self.host, (host, port))

    def reach(self, host: str, port: int, doing: str) -> Address:
        """Return the same; ``doing`` begins the error where ssh does not come to the host."""
        try:
            return self.local(host, port)
        except RotorError as error:
            raise error.turned_into(type(error), f"{doing}: {error.message}") from None

    def run(self, data: str) -> Ran:
        """Run the command with ``data`` as its standard input."""
        return self._forwards.run(self.host, self.command, data)

    def explain(self, error: RotorError, host: str, port: int) -> RotorError:
        """Add to an error what ssh says of the forward: that nobody listens there cannot be seen from here."""
        if said := self._forwards.complaint(self.host, (host, port)):
            error.hint = error.hint or f"Of {host}:{port}, ssh to host {self.host} says: {said}"
        return error


class _Ssh:
    """An ssh process to a host, which ends with this one."""

    def __init__(self, host: SshHost, options: Sequence[str], *command: str, takes_input: bool = False) -> None:
        """Start it; UnavailableError where there is none."""
        lifeline, self._lifeline = os.pipe()
        program, *known = host.command
        words = [program, *options, *known, host.destination, *command]  # the first of two options counts
        try:
            self._process: Any = _started(words, lifeline, takes_input, host.environment)
        except OSError as error:
            os.close(self._lifeline)
            what = f"host {host.name} cannot be reached: ssh is not started: {error.strerror}"
            raise UnavailableError(what) from None
        finally:
            os.close(lifeline)
        self.output, self.errors = self._process.stdout.fileno(), self._process.stderr.fileno()

    def serve(self, data: str) -> Ran:
        """Give it its standard input, and return what came of it once it has ended, or was ended after two minutes."""
        late = Timer(_COMMAND_WITHIN, os.killpg, (self._process.pid, signal.SIGKILL))
        late.daemon = True
        late.start()
        try:
            with suppress(BrokenPipeError):
                self._process.stdin.write(data.encode())
                self._process.stdin.close()
            output, said = self._process.stdout.read(), self._process.stderr.read()
        finally:
            late.cancel()
            code = self.end()
        return Ran(code, output.decode(errors="replace"), said.decode(errors="replace"))

    def end(self) -> int:
        """End it and wait for that."""
        os.close(self._lifeline)
        try:
            code = self._process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            code = self._process.wait()
        for pipe in filter(None, (self._process.stdin, self._process.stdout, self._process.stderr)):
            with suppress(OSError):
                pipe.close()
        return int(code)


class _Forward:
    """A loopback port on which an ssh listens."""

    def __init__(self, host: SshHost, there: Address) -> None:
        self.port = _free_port()
        name, port = there
        listen = f"{LOOPBACK}:{self.port}:{f'[{name}]' if ':' in name else name}:{port}"
        self._ssh = _Ssh(host, [*_OPTIONS, "-L", listen])
        os.set_blocking(self._ssh.errors, False)

    def is_ready(self) -> bool:
        """Wait until ssh listens; False where it has ended, or takes too long."""
        return bool(_events(self._ssh.output, _LONGEST)) and _READY.encode() in os.read(self._ssh.output, _MOST_BYTES)

    def is_alive(self) -> bool:
        """Say whether ssh lives: to its end, it can complain."""
        return not _events(self._ssh.errors, 0) & select.POLLHUP

    def said(self) -> str:
        """Return what ssh has said since this was last asked."""
        try:
            return os.read(self._ssh.errors, _MOST_BYTES).decode(errors="replace")
        except BlockingIOError:
            return ""

    def close(self) -> None:
        self._ssh.end()


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
        f"host {host.name} cannot be reached by ssh: {last_line(said) or 'it did not log in'}",
        hint=f"Try `ansible {host.name} -m ping`. {OPTION} asks for no password: it needs a key or an agent, and a "
        "known host key",
    )


def last_line(said: str) -> str:
    """Return the last line of what ssh said, printable."""
    return printable(said.strip().rpartition("\n")[2].strip(), NAME)


def _started(words: list[str], lifeline: int, takes_input: bool, environment: Mapping[str, str]) -> Any:
    return subprocess.Popen(  # noqa: S603 - the command is the inventory's
        ["/bin/sh", "-c", _GUARD.format(lifeline=lifeline, saved=8 if lifeline == 9 else 9), "guard", *words],
        stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment, "SHELL": "/bin/sh"},  # which runs a LocalCommand
        pass_fds=(lifeline,),
        start_new_session=True,  # what a terminal sends to all of its processes is not for it
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
