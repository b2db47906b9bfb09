# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign in to a PostgreSQL server, and tell its errors.

Sources: PostgreSQL's documentation of libpq (connection parameters) and of its error codes, postgresql.org/docs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from . import errors
from .contracts import Answer
from .credential import SecretValue
from .deps import library
from .forwards import Way
from .http import certificates
from .http.proxies import is_loopback
from .outside_text import printable

PORT = 5432
APPLICATION = "rotor.secrets"
"""By which our own sessions are told from others, in ``pg_stat_activity``."""
_SECONDS = 10
_SALT, _ITERATIONS = 16, 4096
"""Bytes and rounds that PostgreSQL takes where nobody says otherwise."""
_REFUSED = ("password authentication failed", "SASL authentication failed")
"""The last word on a password: the server's and PgBouncer's."""
_MAY_NOT = "is not permitted to log in"
"""Said to a role that was let in as far as its password goes."""
_NO_FILE = "/nonexistent/pgpass"
"""In which libpq finds no password for a role that is to show none."""
_UNTRUSTED = ("certificate verify failed", "does not match host name")
UNPROVEN = "Have it ask for one (pg_hba.conf; PgBouncer: auth_type), or name another address in the connection"
_STATES: dict[str, type[errors.RotorError]] = {
    "42501": errors.PermissionDeniedError,
    "42704": errors.NotFoundError,
    "53": errors.UnavailableError,
    "57014": errors.UnavailableError,
    "57": errors.OutcomeUnknownError,
}
"""By SQLSTATE, or by its class. A session that the server ends (57P01) may have been past its commit."""


@dataclass(frozen=True)
class Server:
    """Where a database is. Beyond loopback, or with a ``ca_cert``, TLS is verified in full."""

    host: str
    port: int
    database: str
    ca_cert: str | None = None
    public: bool = False
    """Whether its address is one of a provider's, which is never loopback: TLS is verified in full whatever it is."""
    via: Way | None = None
    """Through which host it is reached; its own address is the one that this host sees."""

    @classmethod
    def of(cls, uri: SecretValue, ca_cert: str | None, via: Way | None) -> Server:
        parts = urlsplit(uri.reveal())
        database = unquote(parts.path.lstrip("/"))
        return cls(parts.hostname or "", parts.port or PORT, database, ca_cert, public=True, via=via)

    def __str__(self) -> str:
        return f"postgresql://{self.host}:{self.port}/{self.database}{f' via {self.via}' if self.via else ''}"

    def connect(self, doing: str, user: str, password: SecretValue) -> Any:
        """Open a psycopg connection, with autocommit; AuthenticationError where the password is refused.

        libpq has no SQLSTATE for a connection that fails: its text is read, and never shown.
        """
        psycopg, where = library("psycopg"), f"{doing}: {self}"
        try:
            return self._open(where, user=user, password=password.reveal())
        except psycopg.Error as error:
            said = str(error)
        if any(text in said for text in _REFUSED):
            raise errors.AuthenticationError(f"{where}: {printable(user)} is not let in")
        if any(text in said for text in _UNTRUSTED):
            raise errors.UntrustedServerError(f"{where}: the server's certificate is refused")
        away = errors.UnavailableError(
            f"{where}: it neither lets {printable(user)} in nor says that the password is wrong"
        )
        raise self.via.explain(away, self.host, self.port) if self.via else away

    def sign_in(self, doing: str, user: str, password: SecretValue) -> Any:
        """Connect by a password; CheckFailedError where the server asks for none, which proves nothing of this one."""
        connection = self.connect(doing, user, password)
        if connection.pgconn.used_password:
            return connection
        connection.close()
        raise errors.CheckFailedError(f"{doing}: {self.unproven(user)}", hint=UNPROVEN)

    def needs_no_password(self, doing: str, user: str) -> bool:
        """Return whether the server asks a role for no password; it is shown none, and so logs no failed login."""
        try:
            self._open(f"{doing}: {self}", user=user, password="", passfile=_NO_FILE).close()
        except library("psycopg").Error as error:
            return _MAY_NOT in str(error)
        return True

    def unproven(self, user: str) -> str:
        return f"{self} asks {printable(user)} for no password from here, and so nothing is proven of it"

    def _open(self, where: str, **login: str) -> Any:
        verified = self.public or bool(self.ca_cert) or not is_loopback(self.host)
        tls = {"sslmode": "verify-full", "sslrootcert": self._trusted()} if verified else {"sslmode": "prefer"}
        more = {"connect_timeout": _SECONDS, "application_name": APPLICATION, "autocommit": True}
        return library("psycopg").connect(**self._address(where), dbname=self.database, **login, **more, **tls)

    def _address(self, doing: str) -> dict[str, Any]:
        """Return where to connect to: behind a host, a forward's end; the server's name for TLS stays."""
        if self.via is None:
            return {"host": self.host, "port": self.port}
        address, port = self.via.reach(self.host, self.port, doing)
        return {"host": self.host, "hostaddr": address, "port": port}

    def _trusted(self) -> str:
        trusted = certificates.trusted(self.ca_cert)
        return library("requests").certs.where() if trusted is True else str(trusted)

    def authenticate(self, doing: str, user: str, password: SecretValue) -> Answer:
        """Show a password; an error where the server neither lets the role in nor says why not."""
        try:
            self.sign_in(doing, user, password).close()
        except errors.AuthenticationError:
            return Answer.REFUSED
        return Answer.ACCEPTED


def authenticate(uri: SecretValue, doing: str, ca_cert: str | None = None, via: Way | None = None) -> Answer:
    """Show the user and password of a URI."""
    parts = urlsplit(uri.reveal())
    password = SecretValue(unquote(parts.password or ""))
    return Server.of(uri, ca_cert, via).authenticate(doing, unquote(parts.username or ""), password)


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Tell an error of a statement by its SQLSTATE; the server's text may quote the statement."""
    psycopg = library("psycopg")
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise errors.OutcomeUnknownError(f"{doing}: the connection broke") from None
        raise refusal(doing, error.sqlstate, type(error).__name__) from None


def refusal(doing: str, state: str, name: str) -> errors.RotorError:
    """Return the error for a SQLSTATE."""
    kind = _STATES.get(state) or _STATES.get(state[:2], errors.InvalidRequestError)
    return kind(f"{doing}: PostgreSQL says {state} ({name})")


def verifier(password: SecretValue, salt: bytes = b"", iterations: int = _ITERATIONS) -> SecretValue:
    """Make what a server keeps of a password (SCRAM-SHA-256, RFC 5802), in PostgreSQL's form of RFC 5803.

    Each has a salt of its own, unless it is compared with what a server has: a pooler that is to log in to the server
    has to be given the server's own.
    """
    salt = salt or secrets.token_bytes(_SALT)
    encoded = unicodedata.normalize("NFKC", password.reveal()).encode()
    salted = hashlib.pbkdf2_hmac("sha256", encoded, salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return SecretValue("SCRAM-SHA-256${}:{}${}:{}".format(iterations, *shown))


def moment(value: datetime | str) -> datetime:
    """Return a time that a server told; as JSON it is text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
