# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a call to the outside, and which calls a rotation makes: found by recording a good one."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from tests.sandbox.front import graphql_operations
from tests.sandbox.visitor import Visitor

REFUSED = "connection refused"
REDIRECTED = "redirect to another host"
SLOW = "slow answer"
KINDS: dict[str, dict[str, Any]] = {
    REFUSED: {},
    "reset before the effect": {"kind": "reset_before"},
    "reset after the effect": {"kind": "reset_after"},
    "time-out": {"kind": "hang"},
    **{str(status): {"status": status} for status in (401, 403, 404, 409, 412, 422, 429)},
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "7"}},
    **{str(status): {"status": status} for status in (500, 503)},
    SLOW: {"kind": "delay", "seconds": 0.05},
    "truncated JSON": {"kind": "truncated"},
    "HTML instead of JSON": {"kind": "html", "status": 200},
    "200 with an error inside": {"kind": "ok_with_errors"},
    REDIRECTED: {"kind": "redirect"},
}
PATIENCE = 0.5
"""Seconds after which a client of these tests gives up waiting; the code under test asks for more."""
_NAMES = (r"/machines/([^/]+)", r"/runs/(\d+)")


@dataclass(frozen=True)
class Call:
    """The ``turn``-th request of its kind in a rotation."""

    provider: str
    method: str
    path: str
    """A pattern: machines and runs have other names in each world."""
    operation: str | None
    turn: int

    def __str__(self) -> str:
        return f"{self.provider} {self.method} {self.operation or self.path} ({self.turn + 1})"

    @property
    def match(self) -> dict[str, Any]:
        """As the sandbox's faults take it."""
        return {"provider": self.provider, "method": self.method, "path": f"^{self.path}$", "graphql": self.operation}


def calls(world: Visitor) -> list[Call]:
    """All that the world has been asked so far."""
    seen: Counter[tuple[str, str, str, str | None]] = Counter()
    found = []
    for entry in world.ask("requests")["requests"]:
        operation = next(iter(entry["operations"]), None)
        key = (entry["provider"], entry["method"], pattern(entry["path"]), operation)
        found.append(Call(*key, turn=seen[key]))
        seen[key] += 1
    return found


def pattern(path: str) -> str:
    for name in _NAMES:
        path = re.sub(name, lambda found: found.group().replace(found.group(1), "<name>"), path)
    return re.escape(path).replace("<name>", "[^/]+")


@dataclass
class Line:
    """The wire between the clients of this process and the world: impatient, and cut where a test says so."""

    cut: Call | None = None
    lasting: bool = False
    hits: int = 0
    _met: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    def cuts(self, request: requests.PreparedRequest) -> bool:
        with self._lock:
            if self.cut is None or not _is(self.cut, request):
                return False
            self._met += 1
            hit = self._met == self.cut.turn + 1 or (self.lasting and self._met > self.cut.turn)
            self.hits += hit
            return hit


def _is(call: Call, request: requests.PreparedRequest) -> bool:
    path = urlsplit(str(request.url)).path
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    operations = graphql_operations(body)[0] if path.endswith("/graphql") else []
    return (
        request.method == call.method
        and re.search(f"{call.path}$", path) is not None
        and (call.operation is None or call.operation in operations)
    )


@contextmanager
def impatient(line: Line, spared: str) -> Iterator[None]:
    """Every client of ``requests`` gives up early and may find nobody listening; those that ask the oracle do not."""
    really_send = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: Any, **options: Any) -> Any:
        if f"{spared}/oracle/" not in str(request.url):
            options["timeout"] = (PATIENCE, PATIENCE)
            if line.cuts(request):
                request.url = request.url.replace(spared, f"http://127.0.0.1:{nobody()}")
        return really_send(self, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", send)
        yield


def nobody() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Stranger:
    """Another host, which writes down what it is sent."""

    def __init__(self) -> None:
        heard = self.heard = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                heard.append(f"{self.requestline}\n{self.headers}\n{self.rfile.read(length).decode(errors='replace')}")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815 - its base class's names

            def log_message(self, *_said: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/elsewhere"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class HurriedClock(Clock):
    """The true time, but for waiting: that takes none, and is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        self.check()
        self.slept += seconds
        time.sleep(0.001)


def inject(world: Visitor, line: Line, kind: str, call: Call, *, lasting: bool, elsewhere: str) -> None:
    if kind == REFUSED:
        line.cut, line.lasting = call, lasting
        return
    facts: Mapping[str, Any] = KINDS[kind] | ({"location": elsewhere} if kind == REDIRECTED else {})
    world.tell("faults", skip=call.turn, times=0 if lasting else 1, **call.match, **facts)


def mend(world: Visitor, line: Line) -> None:
    line.cut = None
    answer = world.http.delete(f"{world.url}/oracle/faults", timeout=120)
    assert answer.status_code == 200
