"""A small shop: it takes whoever shows the session key that it has read, and reads it again on SIGHUP."""

from __future__ import annotations

import os
import signal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KEYS: dict[str, str] = {}


def read(*_signal: Any) -> None:
    lines = (HERE / "shop.env").read_text().splitlines()
    KEYS.update((name, value.strip("'")) for name, value in (line.split("=", 1) for line in lines))


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        right = self.headers["Authorization"] == f"Bearer {KEYS['SESSION_KEY']}"
        self.send_response(200 if right else 401)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""


if __name__ == "__main__":
    read()
    signal.signal(signal.SIGHUP, read)
    (HERE / "shop.pid").write_text(str(os.getpid()))
    HTTPServer(("127.0.0.1", int(os.environ.get("SHOP_PORT", "8099"))), Shop).serve_forever()
