# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider's answer as a whole, so that it can be checked, spoilt or withheld before it leaves."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Answer:
    """`cut` is the number of bytes of the body after which the connection is lost; 0 means no answer at all."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    cut: int | None = None

    @classmethod
    def of(cls, response: Response) -> Answer:
        return cls(response.status_code, list(response.raw_headers), bytes(response.body))

    @classmethod
    async def from_app(cls, app: ASGIApp, scope: Scope, body: bytes) -> Answer:
        answer = cls(0, [], b"")

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        await app(scope, receive, send)
        return answer

    def add_headers(self, **headers: str) -> None:
        self.headers += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]

    def json(self) -> Any:
        return json.loads(self.body)

    async def leave(self, receive: Receive, send: Send) -> None:
        if self.cut != 0:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            part = self.body[: self.cut]
            await send({"type": "http.response.body", "body": part, "more_body": self.cut is not None})
        if self.cut is not None:
            await self._hang_up(receive, send)

    async def _hang_up(self, receive: Receive, send: Send) -> None:
        # ASGI has no message for a lost connection: take uvicorn's transport, which its `send` is bound to.
        transport = send.__self__.transport  # type: ignore[attr-defined]
        if self.cut == 0:
            linger_not = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        transport.close()
        await until_gone(receive)


async def read_body(receive: Receive) -> bytes | None:
    """None: the connection ended in the middle of the request, which has no effect then."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
