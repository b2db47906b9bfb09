# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the world: `python -m tests.sandbox --port 0 --ready-file PATH [--specs DIR] [--speed FLOAT]`."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import socket
from pathlib import Path

import uvicorn

from .app import build

PR_SET_PDEATHSIG = 1


def main() -> None:
    options = parse()
    if options.parent:
        die_with(options.parent)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=256)
    # asyncio leaves it out for a socket that it did not make; without it each answer takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = build(os.environ, specs=options.specs, speed=options.speed)
    config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", access_log=False, log_level="error")
    config.date_header = False  # uvicorn's own is up to a second late: what was just made would lie in its future
    config.timeout_graceful_shutdown = 1
    Server(config, options.ready_file).run(sockets=[listener])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.sandbox", description="A stand-in world on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ready-file", type=Path, help="gets the address as JSON as soon as the world listens")
    parser.add_argument("--specs", type=Path, help="folder of the providers' descriptions to check everything against")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster machines and runs are")
    parser.add_argument("--parent", type=int, help="process without which the world ends")
    return parser.parse_args()


def die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone already")


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready_file: Path | None) -> None:
        super().__init__(config)
        self._ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready_file and sockets:
            url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
            draft = self._ready_file.with_suffix(".draft")
            draft.write_text(json.dumps({"url": url, "pid": os.getpid()}))
            draft.replace(self._ready_file)


if __name__ == "__main__":
    main()
