# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token of a connection: a given one, or the installation access tokens of an App."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol

from ..._core.clock import Clock
from ..._core.contracts import Options
from ..._core.credential import SecretValue
from ..._core.deps import library
from ..._core.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    UnexpectedAnswerError,
)
from ..._core.http.answers import Answer
from ..._core.http.client import HttpClient
from ..._core.http.limits import Cursors
from ..._core.http.shapes import Maybe, moment
from ..._core.references import SCHEMA as REFERENCE
from .paging import PER_PAGE, next_page

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {
            "type": ["string", "integer"],
            "minLength": 1,
            "description": "Client id of the App, or its App id.",
        },
        "private_key": REFERENCE,
        "installation": {
            "type": ["string", "integer"],
            "minLength": 1,
            "description": "Id of the installation, or the account that the App is installed on. Needed where there "
            "are several.",
        },
        "permissions": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"enum": ["read", "write", "admin"]},
            "description": "What its tokens may do, such as {secrets: write}. All that the installation may, unless "
            "said.",
        },
        "repositories": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
            "description": "Names of the repositories that its tokens are for. All of the installation's unless said.",
        },
    },
    "required": ["id", "private_key"],
    "additionalProperties": False,
    "description": "A GitHub App, instead of a token.",
}

_INSTALLATIONS = [{"id": int, "account": Maybe({"login": Maybe(str), "slug": Maybe(str)})}]
_BACKDATED = timedelta(seconds=60)  # as GitHub advises, for clocks that differ
_JWT_LIFETIME = timedelta(minutes=9)  # GitHub takes ten
_MARGIN = 600.0
"""Seconds before its end at which a token is replaced: longer than one request takes with all of its retries."""
_SKEW = timedelta(seconds=30)


class TokenSource(Protocol):
    """The source of the token in the Authorization header."""

    def current(self) -> SecretValue: ...

    def replace(self, refused: SecretValue) -> bool:
        """Drop a token after a 401; return whether there is another one to try."""


class StaticToken:
    """A token from outside: if GitHub refuses it, there is no other."""

    def __init__(self, token: SecretValue) -> None:
        self._token = token

    def current(self) -> SecretValue:
        return self._token

    def replace(self, refused: SecretValue) -> bool:
        return False


class InstallationToken:
    """The token that an App gets for one installation: it lives for an hour, and is replaced before that is over."""

    def __init__(self, app: Options, connect: Callable[[Callable[[], str]], HttpClient], clock: Clock) -> None:
        """``connect`` makes a client that sends what it is given as Authorization. Sends nothing yet."""
        self._app = app
        self._clock = clock
        self._http = connect(lambda: f"Bearer {self._jwt().reveal()}")
        self._ahead = timedelta(0)
        self._installation: int | None = None
        self._lock = Lock()
        self._token: SecretValue | None = None
        self._until = 0.0

    def current(self) -> SecretValue:
        """Return the token of all threads, which wait while it is fetched."""
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._until:
                self._token = self._fetch()
            return self._token

    def replace(self, refused: SecretValue) -> bool:
        with self._lock:
            if self._token == refused:  # otherwise another thread has replaced it
                self._token = None
        return True

    def _fetch(self) -> SecretValue:
        payload = {option: self._app[option] for option in ("permissions", "repositories") if self._app.get(option)}
        if self._installation is None:
            self._installation = self._find_installation()
        path = f"/app/installations/{self._installation}/access_tokens"
        try:
            answer = self._ask("POST", path, "fetching a token for the App's installation", ok=201, body=payload)
        except NotFoundError as error:
            error.hint = "This App has no such installation: check app.installation"
            raise
        except InvalidRequestError as error:
            error.hint = "The installation has fewer permissions or repositories than app asks for"
            raise
        return self._keep(answer)

    def _keep(self, answer: Answer) -> SecretValue:
        try:
            body = answer.shaped({"token": str, "expires_at": moment})
            token, ends = SecretValue(body["token"]), datetime.fromisoformat(body["expires_at"])
        except (UnexpectedAnswerError, ValueError):
            raise UnexpectedAnswerError(f"{answer.where} answered without a token", status=answer.status) from None
        lifetime = (ends - answer.date).total_seconds()
        self._until = self._clock.monotonic() + lifetime - min(_MARGIN, lifetime / 2)
        return token

    def _find_installation(self) -> int:
        wanted = str(self._app.get("installation") or "")
        if wanted.isdigit():
            return int(wanted)
        found = {_account(item): item["id"] for item in self._installations()}
        matching = {account: one for account, one in found.items() if wanted.lower() in ("", account.lower())}
        if len(matching) == 1:
            return int(next(iter(matching.values())))
        where = f"on {', '.join(sorted(found))}" if found else "nowhere"
        raise ConfigurationError(f"the App {self._app['id']} is installed {where}", hint="Name one as app.installation")

    def _installations(self) -> list[dict[str, Any]]:
        path: str | None = f"/app/installations?per_page={PER_PAGE}"
        found: list[dict[str, Any]] = []
        doing = "listing the App's installations"
        cursors = Cursors(doing)
        while path:
            answer = self._ask("GET", cursors.next(path), doing, ok=200)
            found += answer.shaped(_INSTALLATIONS)
            path = next_page(answer)
        return found

    def _ask(self, method: str, path: str, doing: str, *, ok: int, body: Mapping[str, Any] | None = None) -> Answer:
        """Send a request as the App; a refused JWT is made again by GitHub's time, if our clock is far off."""
        while True:
            answer = self._http.request(method, path, doing=doing, ok=(ok, 401), body=body or None, idempotent=True)
            if answer.status == ok:
                return answer
            ahead = answer.date - self._clock.now()
            if not far_apart(answer.date, self._clock.now() + self._ahead):
                raise AuthenticationError(
                    f"{answer.where} answered 401 to the App",
                    hint="Is app.private_key one of the App's keys, and app.id its client id or App id?",
                    status=401,
                    request_id=answer.headers.get("x-github-request-id", ""),
                )
            self._ahead = ahead

    def _jwt(self) -> SecretValue:
        return signed_jwt(self._app["id"], self._app["private_key"], self._clock.now() + self._ahead)


def signed_jwt(app: Any, private_key: SecretValue, now: datetime) -> SecretValue:
    """Sign what shows at that time that one has a key of the App."""
    claims = {"iat": now - _BACKDATED, "exp": now + _JWT_LIFETIME, "iss": str(app)}
    jwt = library("jwt")
    library("cryptography")  # without it, PyJWT knows no RS256
    try:
        return SecretValue(jwt.encode(claims, private_key.reveal(), algorithm="RS256"))
    except (jwt.PyJWTError, ValueError, TypeError):  # their text may quote the key
        raise ConfigurationError(
            "app.private_key is not an RSA private key", hint="It is the .pem file that GitHub made for the App"
        ) from None


def far_apart(theirs: datetime, ours: datetime) -> bool:
    """Return whether a JWT may be refused for its times."""
    return abs(theirs - ours) >= _SKEW


def _account(installation: Mapping[str, Any]) -> str:
    """Name the account of an installation: a login, or an enterprise's slug."""
    account = installation.get("account") or {}
    return str(account.get("login") or account.get("slug") or installation["id"])
