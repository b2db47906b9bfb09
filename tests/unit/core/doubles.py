# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that never waits, and an HTTP server that answers by a script."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import Address, Forwards, Way

START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


class VirtualClock(Clock):
    """Sleeping takes no time, and is remembered. What the world does ``meanwhile`` is done while somebody sleeps."""

    def __init__(self, meanwhile: Callable[[], Any] = lambda: None) -> None:
        super().__init__()
        self.time = 0.0
        self.slept: list[float] = []
        self.meanwhile = meanwhile

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.check()
        self.slept.append(seconds)
        self.time += max(seconds, 0)
        self.meanwhile()


class ServersClock(VirtualClock):
    """Dates are the machine's, since a real server's are compared with them; sleeping takes no time all the same."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.time)


class MemoryCheckpoint:
    """What an effect remembers for its next attempt."""

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        self.known = dict(known or {})

    def recall(self) -> Mapping[str, Any]:
        return self.known

    def record(self, evidence: Mapping[str, Any]) -> None:
        self.known = dict(evidence)


@dataclass
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Scripted:
    """Answers in the order in which it was told to; a request too many gets 599."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    _answers: list[tuple[int, bytes, Mapping[str, str]]] = field(default_factory=list)

    def answer(self, status: int, body: Any = None, **headers: str) -> Scripted:
        """A str goes out as it is, anything else as JSON; ``retry_after`` becomes ``retry-after``."""
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers.append((status, text.encode(), names))
        return self

    def drop(self) -> Scripted:
        """Close the connection without an answer."""
        return self.answer(0)

    def forget(self) -> None:
        """Whatever was said and heard so far."""
        self.received.clear()
        self._answers.clear()

    @property
    def asked(self) -> list[str]:
        return [f"{item.method} {item.path}" for item in self.received]

    def next(self, received: Received) -> tuple[int, bytes, Mapping[str, str]]:
        self.received.append(received)
        return self._answers.pop(0) if self._answers else (599, b"", {})


class _Handler(BaseHTTPRequestHandler):
    scripted: Scripted

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers_sent = cast(Mapping[str, str], self.headers)
        status, text, headers = self.scripted.next(Received(self.command, self.path, headers_sent, body))
        if status == 0:
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _reply  # noqa: N815 - the names are the library's

    def date_time_string(self, timestamp: float | None = None) -> str:
        return START.strftime("%a, %d %b %Y %H:%M:%S GMT")

    def log_message(self, *_arguments: Any) -> None:
        pass


class Detour(Way):
    """A way through no host at all: from the addresses that such a host would see to those that are meant."""

    def __init__(self, leads: Mapping[Address, Address]) -> None:
        super().__init__("app1", Forwards())
        self._leads = leads

    def local(self, host: str, port: int) -> Address:
        return self._leads.get((host, port), (host, port))


class ScriptedServer:
    """A Scripted that listens, until it is closed."""

    def __init__(self, script: Scripted | None = None) -> None:
        self.script = script or Scripted()
        handler = type("Handler", (_Handler,), {"scripted": self.script})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.script.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self.script

    def __exit__(self, *_arguments: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class OneAnswerEach:
    """A server that answers each connection once, and hangs up as soon as anything else comes over it."""

    def __init__(self) -> None:
        self.asked_in_vain = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> OneAnswerEach:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            self.asked_in_vain += bool(client.recv(65536))
