# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access token of a machine identity: given, or from a login that is made when it is needed."""

from __future__ import annotations

from threading import Lock
from typing import Any

from ..._core import references
from ..._core.clock import Clock
from ..._core.contracts import Options
from ..._core.credential import SecretValue
from ..._core.errors import ConfigurationError, RotorError, UnexpectedAnswerError
from ..._core.http.client import HttpClient
from .refusals import login_refusal

UNIVERSAL, TOKEN = "universal", "token"
SECRET = ("client_secret", "token")
SCHEMA = {
    "type": "object",
    "properties": {
        "method": {"enum": [UNIVERSAL, TOKEN], "description": "How to log in."},
        "client_id": {"type": "string", "minLength": 1, "description": "For universal: the identity's client id."},
        "client_secret": references.SCHEMA,
        "token": references.SCHEMA,
    },
    "required": ["method"],
    "additionalProperties": False,
    "description": "The machine identity: universal auth, or an access token that you have.",
}
_NEEDED = {UNIVERSAL: ("client_id", "client_secret"), TOKEN: ("token",)}
_LOGIN = "/v1/auth/universal-auth/login"


class Tokens:
    """The access token of all threads."""

    def __init__(self, auth: Options, http: HttpClient, clock: Clock) -> None:
        """``http`` sends no Authorization of its own."""
        self._auth = auth
        self._http = http
        self._clock = clock
        self._lock = Lock()
        self._token: SecretValue | None = auth.get("token") if auth["method"] == TOKEN else None
        self._renew_at: float | None = None
        self._refused: RotorError | None = None
        if missing := [option for option in _NEEDED[auth["method"]] if not auth.get(option)]:
            raise ConfigurationError(f"auth method {auth['method']} needs {', '.join(missing)}")

    def current(self) -> SecretValue:
        """Return the token, after a login if need be, which takes a turn in the budget of its own."""
        with self._lock:
            over = self._renew_at is not None and self._clock.monotonic() >= self._renew_at
            return self._log_in() if self._token is None or over else self._token

    def drop(self, refused: SecretValue) -> bool:
        """Drop a refused token; return whether a login can bring another one."""
        with self._lock:
            if self._auth["method"] == TOKEN:
                return False
            if self._token == refused:
                self._token = None
            return True

    def _log_in(self) -> SecretValue:
        """Log in; a refused login is not tried again, since each counts towards the identity's lockout."""
        if self._refused:
            raise self._refused
        doing = f"logging in to Infisical as client {self._auth['client_id']}"
        body = {"clientId": self._auth["client_id"], "clientSecret": self._auth["client_secret"].reveal()}
        answer = self._http.request("POST", _LOGIN, doing=doing, body=body, ok=(200, 401, 403), reads=True)
        if answer.status != 200:
            self._refused = login_refusal(answer)
            raise self._refused
        response: Any = answer.json
        try:
            token, seconds = SecretValue(response["accessToken"]), float(response["expiresIn"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise UnexpectedAnswerError(f"{answer.where} answered without a token", status=answer.status) from None
        self._token = token
        self._renew_at = self._clock.monotonic() + seconds * 2 / 3 if seconds else None
        return token
