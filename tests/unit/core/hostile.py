# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that answers whatever a test makes up, byte by byte, and for as long as the client listens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable

OK = b"HTTP/1.1 200 OK\r\n"
Script = Callable[[], Iterable[bytes]]


class HostileServer:
    """Answers each request with what ``script`` yields, on as many connections as are made."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.requests = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> HostileServer:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while self._request(connection):
                    self.requests += 1
                    for piece in self._script():
                        connection.sendall(piece)
            except OSError:
                return  # the client has had enough

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        """A request's head; the tests send no bodies that are longer than what comes along with it."""
        head = b""
        while b"\r\n\r\n" not in head:
            if not (some := connection.recv(65536)):
                return b""
            head += some
        return head


def whole(body: bytes, *headers: str, status: bytes = OK) -> Script:
    """An answer with its length."""
    lines = [f"Content-Length: {len(body)}", *headers]
    return lambda: [status, "".join(f"{line}\r\n" for line in lines).encode("latin-1"), b"\r\n", body]
