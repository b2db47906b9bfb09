# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON API that the user describes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ..._core import errors
from ..._core.clock import Clock
from ..._core.contracts import Connection, Options, Schema
from ..._core.http import certificates
from ..._core.http.answers import Answer
from ..._core.http.budget import Budget, Quota
from ..._core.http.client import HttpClient
from ..._core.references import SCHEMA as REFERENCE

HEADER, SCHEME = "Authorization", "Bearer"
_REPEATABLE = ("PUT", "PATCH", "DELETE")


class HttpConnection(Connection):
    """One API, seen with one token. It follows no redirect, and sends nothing to another host."""

    schema = Schema(
        properties={
            "url": {"type": "string", "minLength": 1, "description": "Base address. Https, or plain http on loopback."},
            "token": REFERENCE,
            "header": {
                "type": "string",
                "pattern": r"^[A-Za-z0-9-]+$",
                "default": HEADER,
                "description": "The header that carries the token.",
            },
            "scheme": {
                "type": "string",
                "pattern": r"^[A-Za-z0-9-]*$",
                "default": SCHEME,
                "description": "The word before the token; empty for none.",
            },
            "headers": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Other headers to send. They are no place for secrets.",
            },
            certificates.OPTION: certificates.SCHEMA,
            "probe": {
                "type": "string",
                "pattern": "^/",
                "description": "A path that answers 200 to whoever may come in, asked before anything is changed.",
            },
        },
        required=("url",),
    )
    references = in_headers = ("token",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self._probe = options.get("probe")
        header, said = options.get("header") or HEADER, _credential(options)
        others = {header: said} if said and header != HEADER else {}
        self._url, plain = options["url"], {"Accept": "application/json", **(options.get("headers") or {})}
        self.presents = {header: " ".join(filter(None, (options.get("scheme", SCHEME), "${token}")))}
        """The header in which another token is sent as this one is."""
        more: dict[str, Any] = {"clock": clock, "run": run, "redirects": False}
        more |= {name: options.get(name) for name in ("ca_cert", "via")}
        self._bare = partial(HttpClient, "the API", authorization=None, headers=plain, **more)
        self.http = HttpClient(
            "the API",
            self._url,
            (lambda: said) if said and header == HEADER else None,
            headers={**plain, **others},
            budget=Budget(clock, Quota()),
            **more,
        )

    def bare(self, url: str = "") -> HttpClient:
        """Open a client without the token, for a call that shows another one."""
        return self._bare(base_url=url or self._url)

    def server_time(self) -> datetime | None:
        return self.http.server_time()

    def probe(self) -> str:
        self.http.reach("asking whether it is there")
        if not self._probe:
            return "not asked, since the connection names no probe"
        self.read(self._probe, "asking whether we may come in", ok=(200,))
        return f"{self._probe} answers"

    def put(self, path: str, document: Mapping[str, Any]) -> None:
        self.change("PUT", path, "writing the report of a run", body=dict(document), ok=(200, 201, 202, 204))

    def read(self, path: str, doing: str, *, ok: tuple[int, ...]) -> Answer:
        return self._request("GET", path, doing, ok=ok)

    def change(self, method: str, path: str, doing: str, *, body: Any, ok: tuple[int, ...]) -> Answer:
        return self._request(method, path, doing, ok=ok, body=body, idempotent=method in _REPEATABLE)

    def _request(self, method: str, path: str, doing: str, **options: Any) -> Answer:
        try:
            return self.http.request(method, path, doing=doing, **options)
        except errors.RotorError as error:
            error.hint = error.hint or _HINTS.get(type(error), "")
            raise


_HINTS: Mapping[type[errors.RotorError], str] = {
    errors.AuthenticationError: "The API does not accept the connection's token",
    errors.PermissionDeniedError: "The token is alive, but may not do this",
    errors.NotFoundError: "Are the connection's url and the container's path right?",
    errors.InvalidRequestError: "Does the description's body fit what the API takes?",
}


def _credential(options: Options) -> str:
    if not options.get("token"):
        return ""
    return " ".join(filter(None, (options.get("scheme", SCHEME), options["token"].reveal())))
