# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that remembers every byte that reaches it, and leads wherever the test says."""

from __future__ import annotations

import socket
import threading


class RecordingProxy:
    """Serves CONNECT by a connection to ``leads_to`` on loopback, whatever it is asked for; refuses all else."""

    def __init__(self, leads_to: int = 0) -> None:
        self._leads_to = leads_to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.seen = bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> RecordingProxy:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            head = client.recv(65536)
            self.seen += head
            if not head.startswith(b"CONNECT "):
                client.sendall(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._leads_to)) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while some := source.recv(65536):
                self.seen += some
                target.sendall(some)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return
