# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults and gates: answers that go wrong, and requests that wait until a test lets them go."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from . import texts
from .answer import Answer

if TYPE_CHECKING:
    from .provider import Provider
    from .world import Entry

KINDS = (
    "status",
    "delay",
    "reset_before",
    "reset_after",
    "html",
    "truncated",
    "ok_with_errors",
    "redirect",
    "hang",
    "text",
)


@dataclass
class Match:
    """Which requests are meant; `skip` of them are let through first."""

    provider: str | None = None
    method: str | None = None
    path: str = ""
    graphql: str | None = None
    skip: int = 0

    def __post_init__(self) -> None:
        self._path = re.compile(self.path)

    def fits(self, entry: Entry) -> bool:
        return (
            self.provider in (None, entry.provider)
            and self.method in (None, entry.method)
            and (self.graphql is None or self.graphql in entry.operations)
            and self._path.search(entry.path) is not None
        )

    def meets(self, entry: Entry) -> bool:
        if not self.fits(entry):
            return False
        self.skip -= 1
        return self.skip < 0


@dataclass
class Fault(Match):
    """`times` 0 means for ever; `after` lets the request have its effect before the answer goes wrong.

    The kind `text` puts `text` at `place`; a `status` says it.
    """

    kind: str = "status"
    times: int = 1
    after: bool = False
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    location: str = ""
    place: str = ""
    text: str = "Something went wrong"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind}; known: {', '.join(KINDS)}")

    @property
    def lets_through(self) -> bool:
        return self.after or self.kind in ("delay", "reset_after", "truncated", "text")

    def spoil(self, answer: Answer | None, provider: Provider) -> Answer:
        """What the client gets instead of the provider's answer."""
        if self.kind == "delay" and answer is not None:
            return answer
        if self.kind == "truncated" and answer is not None:
            return Answer(answer.status, answer.headers, answer.body, cut=max(1, len(answer.body) // 2))
        if self.kind == "text" and answer is not None:
            body = texts.with_text(answer.body, self.place, self.text)
            headers = [(name, value) for name, value in answer.headers if name.lower() != b"content-length"]
            return Answer(answer.status, [*headers, (b"content-length", str(len(body)).encode())], body)
        if self.kind in ("reset_before", "reset_after", "hang"):
            return Answer(0, [], b"", cut=0)
        response = self._response(provider)
        response.headers.update(self.headers)
        return Answer.of(response)

    def _response(self, provider: Provider) -> Response:
        if self.kind == "html":
            return HTMLResponse("<html><body><h1>Something went wrong</h1></body></html>", self.status)
        if self.kind == "ok_with_errors":
            return JSONResponse({"data": None, "errors": [{"message": "Something went wrong"}]})
        if self.kind == "redirect":
            return RedirectResponse(self.location, self.status if 300 <= self.status < 400 else 307)
        return provider.problem(self.status, self.text)


class Faults:
    def __init__(self) -> None:
        self._all: list[Fault] = []

    def add(self, **facts: Any) -> None:
        self._all.append(Fault(**facts))

    def clear(self) -> None:
        self._all.clear()

    def take(self, entry: Entry) -> Fault | None:
        for fault in self._all:
            if fault.meets(entry):
                fault.times -= 1
                if fault.times == 0:
                    self._all.remove(fault)
                return fault
        return None


@dataclass
class Gate(Match):
    """Holds one request, before or after its effect, until it is released; `dropped` loses the connection."""

    when: str = "before"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.when not in ("before", "after"):
            raise ValueError("a gate holds `before` or `after` the effect")
        self.held: Entry | None = None
        self.dropped = False
        self.opened = asyncio.Event()


class Gates:
    def __init__(self) -> None:
        self._all: list[Gate] = []

    def add(self, **facts: Any) -> None:
        self._all.append(Gate(**facts))

    def held(self) -> list[int]:
        return [gate.held.n for gate in self._all if gate.held]

    def release(self, *, drop: bool = False) -> None:
        for gate in [gate for gate in self._all if gate.held]:
            self._open(gate, drop=drop)

    def clear(self) -> None:
        for gate in list(self._all):
            self._open(gate, drop=True)

    def _open(self, gate: Gate, *, drop: bool) -> None:
        self._all.remove(gate)
        gate.dropped = drop
        gate.opened.set()

    async def pass_through(self, entry: Entry, when: str) -> bool:
        """Wait at the gate that meets this request; False where the connection is lost there."""
        for gate in self._all:
            if gate.when == when and not gate.held and gate.meets(entry):
                gate.held = entry
                await gate.opened.wait()
                return not gate.dropped
        return True
