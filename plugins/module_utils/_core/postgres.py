# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a password to a PostgreSQL server, inside TLS."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from . import errors
from .contracts import Answer
from .credential import SecretValue
from .deps import library
from .http import certificates

_SECONDS = 10
_REFUSED = "password authentication failed for user"
_UNTRUSTED = ("certificate verify failed", "does not match host name")


def authenticate(uri: SecretValue, doing: str, ca_cert: str | None = None) -> Answer:
    """Connect with a URI's user and password; an error where the server neither lets them in nor says why not.

    libpq has no SQLSTATE for a connection that fails: its text is read, and never shown.
    """
    psycopg, parts = library("psycopg"), urlsplit(uri.reveal())
    where = f"{doing}: postgresql://{parts.hostname}:{parts.port or 5432}"
    trusted = certificates.trusted(ca_cert)
    try:
        psycopg.connect(
            host=parts.hostname,
            port=parts.port or 5432,
            dbname=unquote(parts.path.lstrip("/")),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sslmode="verify-full",
            sslrootcert=library("requests").certs.where() if trusted is True else trusted,
            connect_timeout=_SECONDS,
        ).close()
    except psycopg.Error as error:
        said = str(error)
    else:
        return Answer.ACCEPTED
    if _REFUSED in said:
        return Answer.REFUSED
    if any(text in said for text in _UNTRUSTED):
        raise errors.UntrustedServerError(f"{where}: the server's certificate is refused")
    raise errors.UnavailableError(f"{where}: it neither lets the role in nor says that the password is wrong")
