# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a password to a Redis server, inside TLS."""

from __future__ import annotations

import socket
import ssl
import time

from . import errors
from .contracts import Answer
from .credential import SecretValue

_SECONDS, _LONGEST = 10, 512


def authenticate(host: str, port: int, password: SecretValue, doing: str, ca_cert: str | None = None) -> Answer:
    """Send AUTH as the default user; an error where the server says neither OK nor WRONGPASS."""
    where = f"{doing}: AUTH rediss://{host}:{port}"
    value = password.reveal().encode()
    try:
        context = ssl.create_default_context(cafile=ca_cert)
        with (
            socket.create_connection((host, port), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%b\r\n" % (len(value), value))
            response = _line(secure)
    except ssl.SSLCertVerificationError:
        raise errors.UntrustedServerError(f"{where}: the server's certificate is refused") from None
    except (OSError, ValueError):
        raise errors.UnavailableError(f"{where}: no answer") from None
    if response == b"+OK\r\n":
        return Answer.ACCEPTED
    if response.startswith(b"-WRONGPASS ") and response.endswith(b"\r\n"):
        return Answer.REFUSED
    raise errors.UnexpectedAnswerError(f"{where} is answered neither with OK nor with WRONGPASS")


def _line(connection: ssl.SSLSocket) -> bytes:
    line = b""
    end = time.monotonic() + _SECONDS
    while not line.endswith(b"\n") and len(line) < _LONGEST:
        connection.settimeout(max(end - time.monotonic(), 0.001))
        part = connection.recv(_LONGEST)
        if not part:
            break
        line += part
    return line
