# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's API, of its cloud or of a server of one's own, as one machine identity sees it."""

from __future__ import annotations

from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.budget import AtOnce, Budget, Quota, shared
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Connection, Options, Schema
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http import Answer, HttpClient, checked_url, origin
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical import tokens

URL = "https://app.infisical.com/api"
AT_ONCE = 4
"""Requests under way; a real server's pool of database connections does not bear more (it answers 500)."""


class InfisicalConnection(Connection):
    schema = Schema(
        properties={
            "url": {
                "type": "string",
                "default": URL,
                "description": "Base address of the API, with /api at its end: https://HOST/api.",
            },
            "auth": tokens.SCHEMA,
        },
        required=("auth",),
    )
    references = tuple(f"auth.{option}" for option in tokens.SECRET)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self._auth = options["auth"]
        url = checked_url(options.get("url") or URL)
        credential = self._auth.get("client_secret") or self._auth.get("token")
        budget = shared(clock, origin(url), credential, lambda: Budget(clock, AtOnce(AT_ONCE), Quota()))
        self._tokens = tokens.Tokens(self._auth, HttpClient("Infisical", url, None, clock=clock, run=run), clock)
        authorization = lambda: f"Bearer {self._tokens.current().reveal()}"  # noqa: E731
        self._http = HttpClient("Infisical", url, authorization, clock=clock, run=run, budget=budget)

    def probe(self) -> str:
        """A login, where there is one to be made; what a given token may do is seen when it is used."""
        self._tokens.current()
        if self._auth["method"] == tokens.UNIVERSAL:
            return f"machine identity with client {self._auth['client_id']}"
        return "an access token"

    def ask(self, method: str, path: str, doing: str, where: str, **more: Any) -> dict[str, Any]:
        """The answer's object. ``where`` is the place that a missing right or folder is about."""
        for last in (False, True):
            token = self._tokens.current()
            answer = self._http.request(method, path, doing=doing, ok=(200, 401, 403, 404), **more)
            if not _is_about_the_token(answer) or last or not self._tokens.replace(token):
                break
        if answer.status != 200:
            raise _refusal(answer, where)
        said = answer.json
        if not isinstance(said, dict):
            raise UnexpectedAnswerError(f"{answer.where} answered without an object", status=200)
        return said


def _is_about_the_token(answer: Answer) -> bool:
    """One that has expired is answered with 403, like a missing right; only the body tells which."""
    return answer.status == 401 or (answer.status == 403 and _code(answer) == "TokenError")


def _refusal(answer: Answer, where: str) -> AuthenticationError | PermissionDeniedError | NotFoundError:
    code = _code(answer)
    request = answer.headers.get("x-request-id", "")
    said = f"{answer.where} answered {answer.status}" + (f" (request {request})" if request else "")
    facts: dict[str, Any] = {"status": answer.status, "request_id": request}
    if _is_about_the_token(answer):
        return AuthenticationError(said, hint="The access token has expired or is unknown: see the connection", **facts)
    if answer.status == 403:
        return PermissionDeniedError(said, hint=f"The machine identity lacks a right for {where}", code=code, **facts)
    hint = f"Are project, environment and folder right, and is the machine identity a member? It was {where}"
    return NotFoundError(said, hint=hint, **facts)


def _code(answer: Answer) -> str:
    """Infisical's word for an error; anything else in its place is none."""
    try:
        said = answer.json
    except UnexpectedAnswerError:
        return ""
    code = said.get("error") if isinstance(said, dict) else None
    return code if isinstance(code, str) and code.isalpha() else ""
