# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spoils requests where the standard library makes them, whichever client asks and whichever server answers."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from . import wire

_BODY = "Something went wrong"
_TARGET = "X-Amz-Target"


@dataclass(frozen=True)
class Request:
    """The ``turn``-th of its kind in a run."""

    server: str
    method: str
    path: str
    target: str
    """What AWS calls an operation."""
    turn: int

    def __str__(self) -> str:
        return f"{self.method} {self.server}{self.path} {self.target} ({self.turn + 1})"


@dataclass
class Spoiler:
    """Notes every request of a run; the one that is picked, or it and all later ones of its kind, go wrong."""

    seen: list[Request] = field(default_factory=list)
    picked: Request | None = None
    kind: str = ""
    lasting: bool = False
    elsewhere: str = ""
    hits: int = 0
    _turns: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _lock: Any = field(default_factory=threading.Lock)

    def begin(self) -> None:
        self.seen.clear()
        self._turns.clear()

    def spoils(self, server: str, method: str, path: str, target: str) -> bool:
        key = server, method, path, target
        with self._lock:
            request = Request(*key, turn=self._turns[key])
            self._turns[key] += 1
            self.seen.append(request)
            one = self.picked
            if one is None or key != (one.server, one.method, one.path, one.target):
                return False
            hit = request.turn == one.turn or (self.lasting and request.turn > one.turn)
            self.hits += hit
            return hit


@contextmanager
def at_work(spoiler: Spoiler) -> Iterator[None]:
    """Every connection of this process, until the end of the block."""
    plain: Any = http.client.HTTPConnection
    put, header, end, send, get = (
        getattr(plain, name) for name in ("putrequest", "putheader", "endheaders", "send", "getresponse")
    )

    def putrequest(self: Any, method: str, url: str, *rest: Any, **options: Any) -> None:
        self.asked, self.target, self.spoilt = (method, urlsplit(url).path), "", False
        put(self, method, url, *rest, **options)

    def putheader(self: Any, name: Any, *values: Any) -> None:
        if str(name).lower() == _TARGET.lower():
            self.target = values[0].decode() if isinstance(values[0], bytes) else values[0]
        header(self, name, *values)

    def endheaders(self: Any, *rest: Any, **options: Any) -> None:
        self.spoilt = spoiler.spoils(f"{self.host}:{self.port}", self.asked[0], self.asked[1], self.target)
        if not self.spoilt or _lets_through(spoiler.kind):
            end(self, *rest, **options)
            return
        self._buffer.clear()  # else the next request on this connection would begin with it
        if spoiler.kind == wire.REFUSED:
            _find_nobody(self)
        else:
            if self.sock is None:
                self.connect()
            self.send(b"")  # for those who watch how far it comes; nothing of it leaves

    def sends(self: Any, data: Any) -> None:
        if not getattr(self, "spoilt", False) or _lets_through(spoiler.kind):
            send(self, data)

    def getresponse(self: Any, *rest: Any, **options: Any) -> Any:
        if not self.spoilt:
            return get(self, *rest, **options)
        real = get(self, *rest, **options) if _lets_through(spoiler.kind) else None
        if spoiler.kind == wire.SLOW:
            time.sleep(wire.KINDS[wire.SLOW]["seconds"])
            return real
        answer = _answer(spoiler, self.asked[0], real)
        self.close()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        changed: dict[str, Callable[..., Any]] = {
            "putrequest": putrequest,
            "putheader": putheader,
            "endheaders": endheaders,
            "send": sends,
            "getresponse": getresponse,
        }
        for name, function in changed.items():
            patch.setattr(plain, name, function)
        yield


def _lets_through(kind: str) -> bool:
    return wire.KINDS[kind].get("kind") in ("reset_after", "truncated", "delay")


def _find_nobody(connection: Any) -> None:
    port = connection.port
    connection.close()
    connection.port = wire.nobody()
    try:
        connection.connect()
    finally:
        connection.port = port


def _answer(spoiler: Spoiler, method: str, real: Any) -> http.client.HTTPResponse:
    facts = wire.KINDS[spoiler.kind]
    kind = facts.get("kind", "status")
    body = real.read() if real else b""
    if kind in ("reset_before", "reset_after"):
        raise ConnectionResetError("Connection reset by peer")
    if kind == "hang":
        raise TimeoutError("timed out")
    if kind == "truncated":
        return _made(method, real.status, list(real.headers.items()), body, len(body) // 2)
    if kind == "html":
        return _made(method, 200, [("Content-Type", "text/html")], f"<html><h1>{_BODY}</h1></html>".encode())
    if kind == "redirect":
        return _made(method, 307, [("Location", spoiler.elsewhere)], b"")
    said = {"data": None, "errors": [{"message": _BODY}]} if kind == "ok_with_errors" else {"message": _BODY}
    headers = [("Content-Type", "application/json"), *facts.get("headers", {}).items()]
    return _made(method, facts.get("status", 200), headers, json.dumps(said).encode())


def _made(
    method: str, status: int, headers: list[tuple[str, str]], body: bytes, cut: int | None = None
) -> http.client.HTTPResponse:
    """``cut``: the connection ends after so many bytes."""
    kept = [(name, text) for name, text in headers if name.lower() not in ("content-length", "transfer-encoding")]
    lines = [f"HTTP/1.1 {status} Spoilt", *(f"{name}: {text}" for name, text in kept), f"Content-Length: {len(body)}"]
    response = http.client.HTTPResponse(_Read("\r\n".join([*lines, "", ""]).encode() + body[:cut]), method=method)  # type: ignore[arg-type]
    response.begin()
    return response


class _Read:
    """As much of a socket as an answer needs."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)
