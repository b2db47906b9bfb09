# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A loopback port that only a host's own processes reach: here, host and controller are one machine.

It leads on to a server for connections that sshd makes, and hangs up on all others.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

GUEST = "sshd"


class Behind:
    """A relay to ``port``, for what comes by ssh."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.visitors: list[str] = []
        """The names of the processes that came."""
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, (_host, port) = self._listener.accept()
                threading.Thread(target=self._lead_on, args=(client, port), daemon=True).start()

    def _lead_on(self, client: socket.socket, port: int) -> None:
        name = _process_at(port)
        self.visitors.append(name)
        with client, suppress(OSError):
            if name == GUEST:
                with socket.create_connection(("127.0.0.1", self._to)) as server:
                    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                    back.start()
                    _copy(client, server)
                    back.join()


@contextmanager
def behind(port: int) -> Iterator[Behind]:
    relay = Behind(port)
    try:
        yield relay
    finally:
        relay.close()


def _process_at(port: int) -> str:
    """Name the process that has a loopback port."""
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.pid:
            with suppress(psutil.NoSuchProcess):
                return str(psutil.Process(connection.pid).name()).partition(":")[0]
    return ""


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
