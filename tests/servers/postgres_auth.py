# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server that asks for a password and knows nothing else, inside TLS."""

from __future__ import annotations

import socketserver
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

WELCOME = b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I"


def refusal(text: str, state: str = "28P01") -> bytes:
    """An ErrorResponse."""
    fields = b"".join(kind + value.encode() + b"\0" for kind, value in ((b"S", "FATAL"), (b"C", state), (b"M", text)))
    return b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"


class PostgresAuthServer:
    """``answer`` gives what is sent after a password."""

    def __init__(self, context: ssl.SSLContext, answer: Callable[[str], bytes]) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, struct.error):
                    self.request.recv(8)  # SSLRequest
                    self.request.sendall(b"S")
                    with context.wrap_socket(self.request, server_side=True) as secure:
                        secure.recv(4096)  # StartupMessage
                        secure.sendall(b"R\0\0\0\x08\0\0\0\x03")  # AuthenticationCleartextPassword
                        secure.sendall(answer(secure.recv(4096)[5:-1].decode()))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> PostgresAuthServer:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_exc: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
