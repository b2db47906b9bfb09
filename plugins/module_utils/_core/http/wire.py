# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Note how far a request has come: whether its connection was made, and whether its first byte may have left.

Exceptions cannot tell: requests, urllib3 and botocore raise the same classes for a TLS handshake and for a broken
answer. So the connections of urllib3, which all these clients use, note it themselves, for the thread that sends.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..errors import RotorError
from . import limits

Dial = Callable[[str, int], tuple[str, int]]
"""Gives the address to connect to in place of another one, which goes on being the server's name for HTTP and TLS."""
AT_ONCE = 8
"""How many requests one client has under way to one server."""
_local = threading.local()
_OTHER_NAME = ("it was made for another name", "Use a name in the URL that the certificate has")
_UNKNOWN_CA = ("no CA that is trusted has signed it", "If the server is your own, name the file of its CA in ca_cert")
_REFUSED = {
    9: ("it is not valid yet", "See whether this machine's clock is right"),
    10: ("it has expired", "Renew it on the server, and see whether this machine's clock is right"),
    **dict.fromkeys((2, 18, 19, 20, 21), _UNKNOWN_CA),
    **dict.fromkeys((62, 64), _OTHER_NAME),
}
"""By OpenSSL's codes."""


@dataclass
class Transmission:
    """How far the requests of this thread have come since :func:`watch` began."""

    fresh: bool = False
    """Whether to make a new connection: one from the pool may be stale, and the request would be lost on it."""
    armed: bool = True
    """Whether bytes count yet; those of another request may precede the one that is watched."""
    connected: bool = False
    sent: bool = False


@contextmanager
def watch(*, fresh: bool = False, armed: bool = True) -> Iterator[Transmission]:
    """Watch what this thread sends in the block, over connections that :func:`observe` has been told of."""
    outer, _local.transmission = _current(), Transmission(fresh, armed)
    try:
        yield _local.transmission
    finally:
        _local.transmission = outer


def arm(**_event: Any) -> None:
    """Start counting now: what this thread sent before was another request. A handler for botocore."""
    transmission = _current()
    transmission.armed, transmission.connected, transmission.sent = True, False, False


def observe(manager: Any, dial: Dial | None = None) -> None:
    """Let the connections of a urllib3 PoolManager note what they do, and be made to where ``dial`` says."""
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _observed(pool, dial) for scheme, pool in classes.items()}


def adapter(dial: Dial | None = None) -> Any:
    """Return a transport adapter for requests whose connections are :func:`observe`-d. It retries nothing."""
    return _adapter_class()(dial)


def causes(error: BaseException) -> list[BaseException]:
    """Yield an exception and all that it wraps: requests and botocore wrap urllib3's, which wraps the socket's.

    An error of ours among them is one that was being handled when this one came up.
    """
    found: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        current = queue.pop(0)
        if isinstance(current, BaseException) and not isinstance(current, RotorError) and current not in found:
            found.append(current)
            queue += [*current.args, getattr(current, "reason", None), current.__cause__, current.__context__]
    return found


def timed_out(error: BaseException) -> bool:
    return any(isinstance(cause, TimeoutError) for cause in causes(error))


def refused_certificate(error: BaseException) -> tuple[str, str] | None:
    """Say why the server's certificate was refused, and what to do; None where it was not."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _REFUSED.get(cause.verify_code, (cause.verify_message, "Look at the server's certificate"))
        if type(cause).__name__ == "CertificateError":  # urllib3's, where it compares the names by itself
            return _OTHER_NAME
    return None


def reason(error: BaseException) -> str:
    """Return the system's reason why a connection failed; never a text of the other side."""
    found = causes(error)
    names = {type(cause).__name__ for cause in found}
    if "ProxyError" in names or "ProxyConnectionError" in names:
        return "the proxy does not connect"
    if any(isinstance(cause, ssl.SSLError) for cause in found):
        return "TLS failed"
    strerror = next((cause.strerror for cause in found if isinstance(cause, OSError) and cause.strerror), "")
    return strerror or ("the connection was closed" if "ProtocolError" in names else "network unreachable")


def _current() -> Transmission:
    return getattr(_local, "transmission", None) or Transmission()


# The classes to mix into are urllib3's, loaded when they are used.
_Base: Any = object


class _Connection(_Base):
    """What is mixed into urllib3's connections. A proxy's CONNECT is sent within ``connect``, and does not count."""

    sock: Any
    auto_open: Any
    dial: Dial | None = None
    _dns_host: str
    port: int
    _is_connecting = False

    def connect(self) -> None:
        self._is_connecting = True
        try:
            super().connect()
        finally:
            self._is_connecting = False
        _current().connected = True

    def _new_conn(self) -> Any:
        if self.dial is None:
            return super()._new_conn()
        there = self._dns_host, self.port
        self._dns_host, self.port = self.dial(*there)
        try:
            return super()._new_conn()
        finally:
            self._dns_host, self.port = there

    def send(self, data: Any, *more: Any) -> Any:
        if self.sock is None and self.auto_open:
            self.connect()
        transmission = _current()
        transmission.connected = True
        transmission.sent = transmission.sent or (transmission.armed and not self._is_connecting)
        return super().send(data, *more)


class _Pool(_Base):
    """What is mixed into urllib3's pools. Effects may wait in hundreds; a server is not to meet them all at once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(*arguments, **options)

    def _make_request(self, *arguments: Any, **options: Any) -> Any:
        with self._turns:
            return super()._make_request(*arguments, **options)

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if _current().fresh:
            connection.close()  # as urllib3 does with one that it knows to be stale: it connects anew
        return connection


@cache
def _observed(pool: Any, dial: Dial | None) -> Any:
    if issubclass(pool, _Pool):
        return pool
    own = {"dial": staticmethod(dial)} if dial else {}
    connection = type(pool.ConnectionCls.__name__, (_Connection, pool.ConnectionCls), own)
    return type(pool.__name__, (_Pool, pool), {"ConnectionCls": connection})


@cache
def _adapter_class() -> Any:
    bounded_adapter: Any = limits.adapter_class()

    class Adapter(bounded_adapter):
        def __init__(self, dial: Dial | None) -> None:
            self._dial = dial
            super().__init__(max_retries=0)

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            observe(self.poolmanager, self._dial)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **options)
            observe(manager)
            return manager

    return Adapter
