# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a password to a Redis server, inside TLS; without TLS, on loopback only.

Source: redis.io, commands AUTH and PING, and the protocol RESP.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import errors
from .contracts import Answer
from .credential import SecretValue
from .forwards import Way

_SECONDS, _LONGEST = 10, 512


@dataclass(frozen=True)
class Server:
    """Where a Redis server is."""

    host: str
    port: int
    tls: bool = True
    ca_cert: str | None = None
    via: Way | None = None
    """Through which host it is reached; its own address is the one that this host sees."""

    def __str__(self) -> str:
        return f"redis{'s' * self.tls}://{self.host}:{self.port}{f' via {self.via}' if self.via else ''}"

    def reach(self, doing: str) -> tuple[str, int]:
        """Return the address to connect to; UnavailableError where ssh does not come to the host on the way."""
        return self.via.reach(self.host, self.port, doing) if self.via else (self.host, self.port)

    def authenticate(self, doing: str, password: SecretValue, user: str = "", *, ping: bool = False) -> Answer:
        """Send AUTH, as the default user unless said; an error where the server says neither OK nor WRONGPASS.

        With ``ping``, PING has to be answered after OK, too, or be forbidden to that user.
        """
        where = f"{doing}: AUTH {self}"
        words = [b"AUTH", *([user.encode()] if user else []), password.reveal().encode()]
        with self._connected(where) as connection:
            said = _ask(connection, *words)
            pong = _ask(connection, b"PING") if ping and said == b"+OK\r\n" else b"+PONG\r\n"
        if said.startswith(b"-WRONGPASS ") and said.endswith(b"\r\n"):
            return Answer.REFUSED
        if said != b"+OK\r\n":
            raise errors.UnexpectedAnswerError(f"{where} is answered neither with OK nor with WRONGPASS")
        if pong == b"+PONG\r\n" or pong.startswith(b"-NOPERM "):
            return Answer.ACCEPTED
        raise errors.UnavailableError(f"{where} is answered with OK, and PING is not answered with PONG")

    @contextmanager
    def _connected(self, where: str) -> Iterator[socket.socket]:
        try:
            with socket.create_connection(self.reach(where), _SECONDS) as plain:
                if not self.tls:
                    yield plain
                    return
                context = ssl.create_default_context(cafile=self.ca_cert)
                with context.wrap_socket(plain, server_hostname=self.host) as secure:
                    yield secure
        except ssl.SSLCertVerificationError:
            raise errors.UntrustedServerError(f"{where}: the server's certificate is refused") from None
        except (OSError, ValueError):
            away = errors.UnavailableError(f"{where}: no answer")
            raise (self.via.explain(away, self.host, self.port) if self.via else away) from None


def _ask(connection: socket.socket, *words: bytes) -> bytes:
    """Send a command, and return the first line of its answer."""
    parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)]
    connection.sendall(b"".join(parts))
    line = b""
    end = time.monotonic() + _SECONDS
    while not line.endswith(b"\n") and len(line) < _LONGEST:
        connection.settimeout(max(end - time.monotonic(), 0.001))
        part = connection.recv(_LONGEST)
        if not part:
            break
        line += part
    return line
