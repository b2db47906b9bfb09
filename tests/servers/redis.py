# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in that knows AUTH and nothing else, inside TLS; and a real Redis server."""

from __future__ import annotations

import socketserver
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from tests import moved
from tests.servers.process import Server, free_port
from tests.servers.tls import Authority


class RedisServer:
    """``answer`` gives the line for a password."""

    def __init__(self, context: ssl.SSLContext, answer: Callable[[str], bytes]) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError), context.wrap_socket(self.request, server_side=True) as secure:
                    while words := secure.recv(4096).decode().split("\r\n")[2::2]:
                        reply = b"+PONG\r\n" if words[0] == "PING" else answer(words[-1])
                        secure.sendall(reply)
                        if not reply.endswith(b"\r\n"):
                            break

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> RedisServer:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_exc: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


class Redis:
    """A real one, of Debian's package, with TLS if ``authority`` has to sign for it; ``users`` are lines of its ACL."""

    def __init__(self, folder: Path, *users: str, authority: Authority | None = None) -> None:
        self.port = free_port()
        lines = [f"user {user}" for user in users]
        lines += ["bind 127.0.0.1", "daemonize no", 'save ""', f"dir {folder}"]
        if authority:
            authority.context("127.0.0.1")
            pair = folder / "127.0.0.1.pem"
            lines += ["port 0", f"tls-port {self.port}", "tls-auth-clients no"]
            lines += [f"tls-cert-file {pair}", f"tls-key-file {pair}", f"tls-ca-cert-file {authority.pem}"]
        else:
            lines += [f"port {self.port}"]
        file = folder / "redis.conf"
        file.write_text("\n".join(lines), encoding="utf-8")
        command, environment = ["redis-server", str(file)], moved.machines()
        self._server = Server(command, self.port, folder / "redis.log", environment=environment)

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_exc: Any) -> None:
        self._server.stop()
