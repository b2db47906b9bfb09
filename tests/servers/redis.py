# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis server that knows AUTH and nothing else, inside TLS."""

from __future__ import annotations

import socketserver
import ssl
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any


class RedisServer:
    """``answer`` gives the line for a password."""

    def __init__(self, context: ssl.SSLContext, answer: Callable[[str], bytes]) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError), context.wrap_socket(self.request, server_side=True) as secure:
                    secure.sendall(answer(secure.recv(4096).decode().split("\r\n")[4]))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> RedisServer:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_exc: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
