# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's API, of its cloud or of a server of one's own, as one machine identity sees it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from ..._core.clock import Clock
from ..._core.contracts import Connection, Options, Schema
from ..._core.credential import SecretValue
from ..._core.errors import ConfigurationError, NotFoundError, UnexpectedAnswerError
from ..._core.http import certificates
from ..._core.http.answers import Answer
from ..._core.http.budget import AtOnce, Budget, Quota, shared
from ..._core.http.client import HttpClient, checked_url, origin
from . import tokens
from .refusals import REFUSALS, is_about_the_token, refusal

URL = "https://app.infisical.com"
AT_ONCE = 4
"""Requests under way; a real server's pool of database connections does not bear more (it answers 500)."""


class InfisicalConnection(Connection):
    schema = Schema(
        properties={
            "url": {
                "type": "string",
                "default": URL,
                "description": "Address of the server, with or without the API's /api at its end: https://HOST.",
            },
            certificates.OPTION: certificates.SCHEMA,
            "auth": tokens.SCHEMA,
        },
        required=("auth",),
    )
    references = tuple(f"auth.{option}" for option in tokens.SECRET)
    in_headers = (f"auth.{tokens.TOKEN}",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        """Share one budget for a server, whoever asks: its pool has no owners, and the cloud counts by address."""
        self.clock = clock
        self._options, self._run = options, run
        self._auth = options["auth"]
        universal = self._auth["method"] == tokens.UNIVERSAL
        self.client_secret: SecretValue | None = self._auth.get("client_secret") if universal else None
        url = checked_url(options.get("url") or URL).removesuffix("/api")
        if problem := _address_problem(url):
            raise ConfigurationError(problem)
        budget = shared(clock, origin(url), None, lambda: Budget(clock, AtOnce(AT_ONCE), Quota()))
        more: dict[str, Any] = {
            "run": run,
            "budget": budget,
            "ca_cert": options.get("ca_cert"),
            "via": options.get("via"),
        }
        self._http = HttpClient("Infisical", f"{url}/api", None, clock=clock, **more)
        self._tokens = tokens.Tokens(self._auth, self._http, clock)

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        problem = _address_problem(str(options.get("url") or URL).rstrip("/"))
        return [*super().validate(options), *([problem] if problem else [])]

    def server_time(self) -> datetime | None:
        return self._http.server_time()

    def probe(self) -> str:
        """Ask for the server's status, and log in where the method does; rights are seen when they are used."""
        try:
            self._http.request("GET", "/status", doing="asking Infisical for its status").shaped({})
        except (NotFoundError, UnexpectedAnswerError) as error:
            error.hint = "Is url the server's address, https://HOST?"
            raise
        self._tokens.current()
        if self._auth["method"] == tokens.UNIVERSAL:
            return f"machine identity with client {self._auth['client_id']}"
        return "an access token"

    def opened_with(self, client_secret: SecretValue) -> InfisicalConnection | None:
        """Open another connection with this client secret of the same client; None where this one has no client."""
        if self._auth["method"] != tokens.UNIVERSAL:
            return None
        options = {**self._options, "auth": {**self._auth, "client_secret": client_secret}}
        return InfisicalConnection(options, clock=self.clock, run=self._run)

    def ask(self, method: str, path: str, doing: str, where: str, **more: Any) -> dict[str, Any]:
        """Send a request and return the object of its answer; ``where`` is what a missing right is about."""
        token = self._tokens.current()
        answer = self._send(token, method, path, doing=doing, **more)
        if is_about_the_token(answer) and self._tokens.drop(token):
            answer = self._send(self._tokens.current(), method, path, doing=doing, **more)
        if answer.status != 200:
            raise refusal(answer, method, where)
        body = answer.json
        if not isinstance(body, dict):
            raise UnexpectedAnswerError(f"{answer.where} answered without an object", status=200)
        return body

    def _send(self, token: SecretValue, method: str, path: str, **more: Any) -> Answer:
        shown = {"Authorization": f"Bearer {token.reveal()}"}
        return self._http.request(method, path, ok=(200, *REFUSALS), headers=shown, **more)


def _address_problem(url: str) -> str:
    version = re.search(r"/api/v\d+$", url)
    return f"url: leave out {version[0]}: it is the server's address, https://HOST" if version else ""
