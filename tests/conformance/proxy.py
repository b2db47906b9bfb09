# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reverse proxy on loopback that passes requests on as they are, remembers which they were, and spoils answers.

    proxy.fault("POST", r"/secrets$", kind="reset_after")           # it has its effect, and nobody hears of it
    proxy.fault(changing=True, kind="status", status=503, times=0)  # every request that changes something, for ever
    proxy.before(poke, changing=True)                               # somebody is faster than the next change
    proxy.mutating                                                  # how many changing requests were sent

What it remembers is method, path and operation; never a query or a body, and of headers the credentials alone, so that
a test can look for them where they must not be.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import UnavailableError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import Host, HostAnswer, HostCommand

KINDS = {
    "status": "answers with `status`, `headers` and `body`, and passes nothing on",
    "status_after": "passes on, then answers with these",
    "reset_before": "hangs up, and passes nothing on",
    "reset_after": "passes on, then hangs up",
    "lie": "the same as `status`, with a status that sounds good",
}
_READING_METHODS = ("GET", "HEAD", "LIST", "OPTIONS")
_READING_OPERATIONS = re.compile(r"(Get|Describe|List|BatchGet|Assume)[A-Z]")
_CREDENTIALS = re.compile(
    r"(?:x-vault-token|x-vault-wrap-token|x-amz-security-token)\t(.+)|authorization\t(?:Bearer (.+)|.*Signature=(\w+))"
)
"""A header's name in small letters, and what is secret in it."""
_OWN = {"connection", "keep-alive", "transfer-encoding", "content-length"}
"""Headers that belong to one connection, and are made anew for the next one."""


@dataclass
class Seen:
    """A request that came to the proxy, and whether it was passed on."""

    method: str
    path: str
    operation: str
    changing: bool
    passed: bool = False


@dataclass
class Rule:
    """Which requests are meant: ``skip`` of them are let through first, then ``times`` of them; 0 is for ever."""

    method: str | None
    path: str
    operation: str
    changing: bool | None
    body_contains: str
    times: int
    skip: int

    def meets(self, seen: Seen, body: bytes) -> bool:
        fits = (
            self.method in (None, seen.method)
            and re.search(self.path, seen.path) is not None
            and self.operation in ("", seen.operation)
            and self.changing in (None, seen.changing)
            and self.body_contains.encode() in body
        )
        if not fits or self.times < 0:
            return False
        self.skip -= 1
        if self.skip >= 0:
            return False
        self.times = self.times - 1 if self.times > 1 else -1 if self.times == 1 else 0
        return True


@dataclass
class Fault(Rule):
    kind: str = "status"
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def lets_through(self) -> bool:
        return self.kind.endswith("_after")

    @property
    def hangs_up(self) -> bool:
        return self.kind.startswith("reset_")


@dataclass
class Hook(Rule):
    call: Callable[[], object] = lambda: None


@dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Spoiler:
    """What a test asks and tells, whatever it is that stands between us and the store."""

    kinds: ClassVar[Collection[str]] = KINDS

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self._faults: list[Fault] = []
        self._hooks: list[Hook] = []
        self._lock = threading.Lock()

    # What a test asks

    @property
    def mutating(self) -> int:
        """How many requests came that change something, whatever became of them."""
        return sum(seen.changing for seen in self.requests)

    @property
    def effects(self) -> int:
        """How many of these were passed on."""
        return sum(seen.changing and seen.passed for seen in self.requests)

    # What a test tells

    def fault(
        self,
        method: str | None = None,
        path: str = "",
        *,
        operation: str = "",
        changing: bool | None = None,
        body_contains: str = "",
        kind: str = "status",
        times: int = 1,
        skip: int = 0,
        status: int = 503,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        """Spoil what fits. ``path`` is a regular expression; a ``body`` that is no str or bytes goes out as JSON."""
        if kind not in self.kinds:
            raise ValueError(f"unknown kind of fault {kind}; known: {', '.join(self.kinds)}")
        content = {} if body is None or isinstance(body, (str, bytes)) else {"Content-Type": "application/json"}
        spoilt = {**content, **(headers or {})}
        rule = (method, path, operation, changing, body_contains, times, skip)
        self._faults.append(Fault(*rule, kind=kind, status=status, headers=spoilt, body=_bytes(body)))

    def before(
        self,
        call: Callable[[], object],
        method: str | None = None,
        path: str = "",
        *,
        operation: str = "",
        changing: bool | None = None,
        body_contains: str = "",
        times: int = 1,
        skip: int = 0,
    ) -> None:
        """Call something before a request that fits is passed on: what somebody else does in this very moment."""
        self._hooks.append(Hook(method, path, operation, changing, body_contains, times, skip, call=call))

    def clear(self) -> None:
        """Forget faults, hooks and what was seen."""
        self._faults.clear()
        self._hooks.clear()
        self.requests.clear()

    def stop(self) -> None:
        """Nobody answers any more."""
        raise NotImplementedError

    def meet(self, seen: Seen, body: bytes) -> Fault | None:
        """Remember it, let happen what is to happen before it, and say how it is spoilt."""
        with self._lock:
            self.requests.append(seen)
            hooks = [hook for hook in self._hooks if hook.meets(seen, body)]
            fault = next((item for item in self._faults if item.meets(seen, body)), None)
        seen.passed = fault is None or fault.lets_through
        for hook in hooks:
            hook.call()
        return fault


class Proxy(Spoiler):
    """In front of one upstream; ``url`` stands for the upstream's base address, its path included."""

    def __init__(self, upstream: str, *, reads: str = "") -> None:
        """``reads`` is a regular expression for paths whose POSTs change nothing, such as logins and queries."""
        super().__init__()
        parts = urlsplit(upstream)
        self._upstream = (str(parts.hostname), parts.port or 80)
        self._reads = re.compile(reads) if reads else None
        self._sockets: set[socket.socket] = set()
        self.credentials: set[str] = set()
        """All that clients have presented; some of it they were given at a login."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{parts.path.rstrip('/')}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_arguments: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody listens any more; a connection that is open is closed."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            open_sockets = list(self._sockets)
        for client in open_sockets:
            with suppress(OSError):  # the client was faster
                client.shutdown(socket.SHUT_RDWR)

    # One request

    def answer(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Reply | None:
        """What goes back to the client; None where the connection is lost instead."""
        seen = self._see(method, target, headers, body)
        found = filter(None, (_CREDENTIALS.fullmatch(f"{name.lower()}\t{value}") for name, value in headers))
        self.credentials.update(match[match.lastindex or 0] for match in found)
        fault = self.meet(seen, body)
        reply = self._pass_on(method, target, headers, body) if seen.passed else None
        if fault is None:
            return reply
        return None if fault.hangs_up else Reply(fault.status, list(fault.headers.items()), fault.body)

    def _see(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Seen:
        path = urlsplit(target).path
        operation = _operation(headers, body)
        if operation:
            reading = _READING_OPERATIONS.match(operation) is not None
        else:
            reading = method in _READING_METHODS or bool(self._reads and self._reads.search(path))
        return Seen(method, path, operation, not reading)

    def _pass_on(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
        """On a new connection, so that none can have become stale; with the Host that the client has signed."""
        upstream = http.client.HTTPConnection(*self._upstream, timeout=60)
        try:
            upstream.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in _OWN:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.putheader("Connection", "close")
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OWN]
            return Reply(answer.status, kept, content)
        finally:
            upstream.close()

    def _opened(self, client: socket.socket) -> None:
        with self._lock:
            self._sockets.add(client)

    def _closed(self, client: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(client)


class Line(Spoiler):
    """To an inventory host: commands instead of requests, and a connection that can be lost."""

    kinds = ("reset_before", "reset_after")

    def __init__(self, host: Host, *, changes: Callable[[HostCommand], bool], state: Callable[[], object]) -> None:
        """``changes``: whether a command may change something; ``state``: by which one sees whether one has."""
        super().__init__()
        self._host = host
        self._changes = changes
        self._state = state
        self._changed = 0
        self._is_up = True

    def __call__(self, command: HostCommand) -> HostAnswer:
        fault = self.meet(Seen("", command.command, "", self._changes(command)), b"")
        before = self._state()
        answer = self._host(command) if self._is_up and (fault is None or fault.lets_through) else None
        self._changed += self._state() != before
        if fault or answer is None:
            raise UnavailableError("the host cannot be reached")
        return answer

    @property
    def mutating(self) -> int:
        return self._changed

    def stop(self) -> None:
        self._is_up = False


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.proxy._opened(self.connection)

    def finish(self) -> None:
        self.proxy._closed(self.connection)
        super().finish()

    def _handle(self) -> None:
        body = self._read_body()
        reply = self.proxy.answer(self.command, self.path, list(self.headers.items()), body)
        if reply is None:
            self._hang_up()
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD" and reply.status not in (204, 304):
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_LIST = do_OPTIONS = _handle  # noqa: N815 - the names are the library's
    do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _hang_up(self) -> None:
        """Without lingering, so that the client sees a reset and no orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        pass


def _operation(headers: list[tuple[str, str]], body: bytes) -> str:
    """What AWS calls the operation: its JSON protocol has it in a header, its query protocol in the form."""
    named = {name.lower(): value for name, value in headers}
    if target := named.get("x-amz-target"):
        return target.rpartition(".")[2]
    if named.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
    return ""


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
