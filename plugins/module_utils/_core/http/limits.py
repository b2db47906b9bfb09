# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of what is read from a server: bytes, unpacked bytes, seconds, depth of JSON, pages.

Bytes and seconds are counted below the HTTP library, where the answer's status line, headers and chunk sizes pass too:
a time limit for each read ends neither a drip of single bytes nor headers without end.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Any

from ..deps import library
from ..errors import OutcomeUnknownError, UnexpectedAnswerError, UnreadableAnswerError

MIB = 2**20
BYTES = 16 * MIB
"""Of one answer, as it comes over the wire."""
UNPACKED_BYTES = 64 * MIB
PATIENCE = 4
"""How many times the limit of a single read a whole answer may take."""
DEPTH = 100
"""Of lists and objects within each other."""
PAGES = 2000
ENCODING = "gzip"
"""The encoding that is asked for, and the only one that is unpacked."""
_CHUNK = 64 * 2**10
_DIGITS = re.compile(r"[0-9]{1,15}")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


@dataclass
class _Allowance:
    """What is left to one answer."""

    where: str
    seconds: float
    deadline: float
    left: int

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise UnreadableAnswerError(f"{self.where}: the answer has more than {_size(BYTES)}")
        if monotonic() > self.deadline:
            raise UnreadableAnswerError(f"{self.where}: the answer was not complete within {self.seconds:.0f} s")


_allowance: ContextVar[_Allowance | None] = ContextVar("rotor_allowance", default=None)


@contextmanager
def allowance(where: str, timeout: float) -> Iterator[None]:
    """Bound the answers that this thread reads within ``with``. ``timeout`` is the time limit of a single read.

    Time is the machine's, as it is for the library's own time limits.
    """
    seconds = timeout * PATIENCE
    token = _allowance.set(_Allowance(where, seconds, monotonic() + seconds, BYTES))
    try:
        yield
    finally:
        _allowance.reset(token)


class _Metered(io.RawIOBase):
    """Reads from a socket what the allowance still allows."""

    def __init__(self, raw: Any, allowed: _Allowance) -> None:
        self._raw = raw
        self._allowed = allowed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size: int = self._raw.readinto(buffer)
        self._allowed.spend(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response that is read through the allowance of the thread that began to read it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if allowed := _allowance.get():
            self.fp: Any = io.BufferedReader(_Metered(self.fp.detach(), allowed))


@cache
def bounded(pool: Any) -> Any:
    """Return a subclass of this class of urllib3's connection pools whose responses keep within the allowance."""
    connection = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"response_class": _Response})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def bound(manager: Any) -> Any:
    """Have a pool manager of urllib3 make bounded pools."""
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: bounded(pool) for scheme, pool in classes.items()}
    return manager


@cache
def adapter_class() -> Any:
    """Return the adapter of ``requests`` whose responses keep within the allowance."""

    http_adapter: Any = library("requests.adapters").HTTPAdapter

    class BoundedAdapter(http_adapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            bound(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            return manager if known else bound(manager)

    return BoundedAdapter


def text(reply: Any, where: str) -> str:
    """Read the body of a streamed response of ``requests`` to its end."""
    encoding = reply.headers.get("Content-Encoding", "").strip().lower()
    try:
        chunks = reply.raw.stream(_CHUNK, decode_content=False)
        if encoding in ("", "identity"):
            body = b"".join(chunks)
        elif encoding in (ENCODING, "x-gzip", "deflate"):
            body = _unpacked(chunks, where)
        else:
            raise UnreadableAnswerError(f"{where} answered {reply.status_code} in an encoding that was not asked for")
    except library("urllib3.exceptions").HTTPError:
        raise OutcomeUnknownError(f"{where}: the connection broke within the answer") from None
    finally:
        reply.close()
    return body.decode("utf-8", errors="replace")


def _unpacked(chunks: Iterable[bytes], where: str) -> bytes:
    """Unpack no more than is allowed: urllib3 would unpack a whole chunk at once, and as often as it is told to."""
    unpacker, body, began = zlib.decompressobj(_GZIP_OR_ZLIB), bytearray(), False
    try:
        for chunk in chunks:
            packed, began = chunk, True
            while packed and not unpacker.eof:
                body += unpacker.decompress(packed, UNPACKED_BYTES + 1 - len(body))
                if len(body) > UNPACKED_BYTES:
                    raise UnreadableAnswerError(f"{where}: the answer has more than {_size(UNPACKED_BYTES)} unpacked")
                packed = unpacker.unconsumed_tail
    except zlib.error:
        raise UnreadableAnswerError(f"{where}: the answer cannot be unpacked") from None
    if began and not unpacker.eof:
        raise OutcomeUnknownError(f"{where}: the connection broke within the answer")
    return bytes(body)


def _size(limit: int) -> str:
    return f"{limit // MIB} MiB" if limit >= MIB else f"{limit} bytes"


def document(source: str, message: str, status: int | None = None) -> Any:
    """Parse JSON. ``message`` begins that of an UnexpectedAnswerError."""
    try:
        found = json.loads(source, parse_constant=_refuse)
    except ValueError:
        raise UnexpectedAnswerError(f"{message} with something that is not JSON", status=status) from None
    except RecursionError:
        raise _too_deep(message, status) from None
    level = [found]
    for _depth in range(DEPTH):
        level = [item for node in level for item in _inner(node) if isinstance(item, (dict, list))]
        if not level:
            return found
    raise _too_deep(message, status)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _inner(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _too_deep(message: str, status: int | None) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(f"{message} with JSON that is nested more than {DEPTH} levels deep", status=status)


class Cursors:
    """The cursors of one list that comes in pages: each leads on, and there is an end."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._seen: set[Any] = set()

    def next(self, cursor: Any) -> Any:
        """Return ``cursor``, unless it was followed before or is one too many."""
        if cursor in self._seen:
            raise UnexpectedAnswerError(f"{self._doing}: the list of pages leads back to a page that was read before")
        self._seen.add(cursor)
        if len(self._seen) >= PAGES:
            raise UnexpectedAnswerError(f"{self._doing}: the list has more than {PAGES} pages")
        return cursor


def number(header: str | None) -> int | None:
    """Read a header that holds a number of at most 15 digits; None for anything else."""
    plain = (header or "").strip()
    return int(plain) if _DIGITS.fullmatch(plain) else None
