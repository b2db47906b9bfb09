# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS in front of a server that has none, with certificates made for the occasion, and everything that breaks in it."""

from __future__ import annotations

import os
import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GOOD = "good"
REFUSED = "TLS handshake refused"
HUNG_UP = "hung up in the TLS handshake"
OTHER_NAME = "certificate for another name"
EXPIRED = "expired certificate"
UNKNOWN_CA = "certificate of an unknown CA"
CUT_REQUEST = "TLS cut in the request"
BAD_RECORD = "damaged TLS record in the answer"
CUT_ANSWER = "TLS cut in the answer"
PLAIN_TEXT = "plain text inside TLS"
UNTRUSTED = (OTHER_NAME, EXPIRED, UNKNOWN_CA)
NEVER_SENT = (REFUSED, HUNG_UP, *UNTRUSTED)
AFTER_THE_EFFECT = (BAD_RECORD, CUT_ANSWER, PLAIN_TEXT)
KINDS = (*NEVER_SENT, CUT_REQUEST, *AFTER_THE_EFFECT)
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
"""A record of TLS: fatal, handshake_failure."""
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""How a client of PostgreSQL asks for TLS."""


class Authority:
    """A CA whose certificate is in the file ``ca``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("CA of the tests", self._key.public_key(), x509.BasicConstraints(True, None))
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(_pem(self._certificate))

    def context(self, *, name: str = "127.0.0.1", valid: bool = True) -> ssl.SSLContext:
        """Of a server with a certificate for that name, which has expired if it is not ``valid``."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
        certificate = self._sign(name, key.public_key(), x509.SubjectAlternativeName([named]), valid=valid)
        pem = serialization.PrivateFormat.PKCS8
        secret = key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption())
        file = self._folder / f"{name}-{valid}.pem"
        file.write_bytes(secret + _pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self, name: str, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType, *, valid: bool = True
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        begin, end = (now - timedelta(days=2), now + timedelta(days=2 if valid else -1))
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of the tests")])
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder(issuer, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(extension, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .sign(self._key, hashes.SHA256())
        )


class Front:
    """One listener; ``spoils`` tells by what a client has just sent whether that goes wrong, in the way of ``kind``."""

    def __init__(
        self,
        upstream: int,
        context: ssl.SSLContext,
        kind: str = GOOD,
        *,
        spoils: Callable[[bytes], bool] = lambda _sent: True,
    ) -> None:
        self.kind = kind
        self.handshakes = 0
        """How many clients came so far as to ask for TLS."""
        self._upstream = upstream
        self._context = context
        self._spoils = spoils
        self._servers: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self._listen, daemon=True).start()

    def stop(self) -> None:
        """Nobody is let in any more, and who is in is put out."""
        self._listener.close()
        for server in self._servers.copy():
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Front:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            if client.recv(len(_SSL_REQUEST), socket.MSG_PEEK) == _SSL_REQUEST:
                client.recv(len(_SSL_REQUEST))
                client.sendall(b"S")
            self.handshakes += 1
            if self.kind in (REFUSED, HUNG_UP):
                client.recv(65536)
                client.sendall(_ALERT if self.kind == REFUSED else b"")
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            below = socket.socket(fileno=os.dup(client.fileno()))
            with (
                below,
                socket.create_connection(("127.0.0.1", self._upstream)) as server,
                self._context.wrap_socket(client, server_side=True) as above,
            ):
                self._servers.add(server)
                try:
                    self._pass_on(above, below, server)
                finally:
                    self._servers.discard(server)

    def _pass_on(self, above: ssl.SSLSocket, below: socket.socket, server: socket.socket) -> None:
        spoilt = False
        while True:
            waiting = [above] if above.pending() else select.select([above, server], [], [])[0]
            if above in waiting:
                sent = above.recv(65536)
                spoilt = spoilt or (self.kind != GOOD and self._spoils(sent))
                if not sent or (spoilt and self.kind == CUT_REQUEST):
                    break
                server.sendall(sent)
            else:
                answer = server.recv(65536)
                if not answer or spoilt:
                    self._spoil(_whole(answer, server), above, below)
                    break
                above.sendall(answer)
        if spoilt and self.kind != CUT_ANSWER:
            below.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _spoil(self, answer: bytes, above: ssl.SSLSocket, below: socket.socket) -> None:
        if self.kind == CUT_ANSWER and answer:
            above.sendall(answer[: _middle(answer)])
        elif self.kind == BAD_RECORD:
            below.sendall(b"\x17\x03\x03\x00\x40" + os.urandom(64))
        elif self.kind == PLAIN_TEXT:
            below.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        if self.kind in (BAD_RECORD, PLAIN_TEXT):
            with suppress(OSError):
                below.recv(1)  # what came must be read before the connection ends, or the client sees a reset alone


class Fronts:
    """A front for each server and each kind of fault, made when it is first asked for."""

    def __init__(self, authority: Authority, stranger: Authority) -> None:
        self.ca = authority.ca
        self._contexts = {
            OTHER_NAME: authority.context(name="elsewhere.example"),
            EXPIRED: authority.context(valid=False),
            UNKNOWN_CA: stranger.context(),
        }
        self.good = authority.context()
        self._fronts: dict[tuple[int, str], Front] = {}
        self._lock = threading.Lock()

    def of(self, upstream: int, kind: str = GOOD) -> Front:
        with self._lock:
            key = (upstream, kind)
            if key not in self._fronts:
                self._fronts[key] = Front(upstream, self._contexts.get(kind, self.good), kind)
            return self._fronts[key]

    def upstream(self, port: int) -> int | None:
        """The port of the server behind the good front that listens on ``port``."""
        return next((up for (up, kind), front in self._fronts.items() if kind == GOOD and front.port == port), None)

    def stop(self) -> None:
        for front in self._fronts.values():
            front.stop()


def make_fronts(folder: Path) -> Fronts:
    others = folder / "others"
    others.mkdir()
    return Fronts(Authority(folder), Authority(others))


def _whole(answer: bytes, server: socket.socket) -> bytes:
    """With the beginning of its body at least, where the answer is one of HTTP and has a body."""
    while answer.startswith(b"HTTP/") and (more := _lacks(answer) and server.recv(65536)):
        answer += more
    return answer


def _lacks(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    return not end or (not body and re.search(rb"(?i)\ncontent-length: *[1-9]|\ntransfer-encoding:", head) is not None)


def _middle(answer: bytes) -> int:
    """Of its body, where it has one."""
    head = answer.find(b"\r\n\r\n") + 4
    return (head + len(answer)) // 2 if 4 < head < len(answer) else len(answer) // 2


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
