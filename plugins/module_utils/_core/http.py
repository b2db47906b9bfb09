# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to speak HTTP: one pooled ``requests`` session for a connection, shared by all threads.

Timeouts always. What is idempotent is retried with jitter; a request that changes something and gets no answer is an
:class:`OutcomeUnknownError`, for the caller to resolve by reading back. Redirects never carry a credential to another
origin. Errors say verb, address, status and request id; never a body, never a header.
"""

from __future__ import annotations

import ipaddress
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.budget import SAFE, Budget
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.deps import library

VERSION = "0.1.0"
_TRANSIENT = (429, 502, 503, 504)
_BY_STATUS: dict[int, type[errors.RotorError]] = {
    400: errors.InvalidRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    412: errors.ConflictError,
    422: errors.InvalidRequestError,
    429: errors.RateLimitedError,
}
_ATTEMPTS = 5
_SECONDARY_PAUSE = 60.0


@dataclass(frozen=True)
class Answer:
    """An answer with a status that the caller expected."""

    status: int
    headers: Mapping[str, str]
    text: str
    where: str
    url: str

    @property
    def json(self) -> Any:
        """The parsed body; UnexpectedAnswerError for HTML, cut-off JSON and their like."""
        try:
            return json.loads(self.text)
        except ValueError as error:
            raise errors.UnexpectedAnswerError(
                f"{self.where} answered {self.status} with something that is not JSON", status=self.status
            ) from error

    @property
    def date(self) -> datetime:
        """The server's time, our own where it sends none."""
        try:
            return parsedate_to_datetime(self.headers["Date"])
        except (KeyError, ValueError):
            return datetime.now(UTC)


class HttpClient:
    """Requests to one base URL with one credential."""

    def __init__(
        self,
        system: str,
        base_url: str,
        authorization: Callable[[], str] | None,
        *,
        clock: Clock,
        run: str = "",
        headers: Mapping[str, str] | None = None,
        request_id_header: str = "x-request-id",
        attempts: int = _ATTEMPTS,
        redirects: bool = True,
        budget: Budget | None = None,
        ca_cert: str | None = None,
    ) -> None:
        """``authorization`` gives the value of the Authorization header at the moment of each request.

        ``redirects=False`` takes a redirect as an answer like any other. Every request takes a turn in ``budget``,
        which several clients of one account may share. ``ca_cert`` is a file of certificates to trust instead of the
        usual ones.
        """
        self.base_url = checked_url(base_url)
        self._system = system
        self._clock = clock
        self._request_id_header = request_id_header
        self._attempts = attempts
        self._redirects = redirects
        self._budget = budget or Budget(clock)
        self._ca_cert = ca_cert
        self._session = library("requests").Session()
        self._session.headers.update(headers or {})
        self._session.headers["User-Agent"] = f"rotor.secrets/{VERSION}" + (f" (run {run})" if run else "")
        self._session.auth = _authorizer(authorization)
        self._dated: tuple[datetime, float] | None = None
        """The last ``Date`` of the server, and our monotonic clock when it came."""

    def server_time(self) -> datetime | None:
        """Return the server's time, by its last ``Date`` and what has passed since; None before it has sent one."""
        if self._dated is None:
            return None
        date, heard = self._dated
        return date + timedelta(seconds=self._clock.monotonic() - heard)

    def request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        ok: tuple[int, ...] = (200,),
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        reads: bool = False,
        timeout: float = 30,
    ) -> Answer:
        """Send it, retry where that is harmless, and return an answer whose status is in ``ok``.

        ``doing`` begins the message of every error: ``"listing the secrets of app molecule-cp"``. ``idempotent`` says
        that a second sending does no harm; reading is, anything else is not unless the caller knows better. ``reads``
        says that this POST changes nothing, so that nothing can be unknown after a failure.
        """
        reads = reads or method in SAFE
        harmless = reads if idempotent is None else idempotent
        doubt = False
        url = self._url(path, doing)
        where = f"{doing}: {method} {_address(url)}"
        for attempt in range(1, self._attempts + 1):
            self._clock.check()
            try:
                answer = self._send(method, url, where, params=params, json=body, headers=headers, timeout=timeout)
            except (errors.UnavailableError, errors.OutcomeUnknownError) as error:
                doubt = doubt or (not reads and isinstance(error, errors.OutcomeUnknownError))
                if attempt == self._attempts or (doubt and not harmless):
                    raise _failure(error, doubt) from None
                self._clock.sleep(_backoff(attempt))
                continue
            except errors.RateLimitedError as error:  # said by the budget: this attempt was not sent
                raise _failure(error, doubt) from None
            self._note_date(answer)
            if answer.status in ok:
                return answer
            doubt = doubt or (not reads and answer.status >= 500)
            pause = self._pause(answer, attempt, harmless)
            if pause is not None and throttled(answer):
                self._budget.hold(pause)
            if pause is None or attempt == self._attempts:
                raise _failure(self._error(answer), doubt)
            if not throttled(answer):
                self._clock.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _note_date(self, answer: Answer) -> None:
        try:
            date = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return
        self._dated = date if date.tzinfo else date.replace(tzinfo=UTC), self._clock.monotonic()

    def _url(self, path: str, doing: str) -> str:
        url = path if "://" in path else self.base_url + path
        if origin(url) != origin(self.base_url):
            raise errors.UnexpectedAnswerError(
                f"{doing}: {self._system} pointed from {origin(self.base_url)} to another host, {origin(url)}",
                hint="The credential was not sent there. Check the connection's URL",
            )
        return url

    def _send(self, method: str, url: str, where: str, **options: Any) -> Answer:
        requests = library("requests")
        timeout = (10, options.pop("timeout"))
        try:
            for _hop in range(4):
                with self._budget.turn(method, urlsplit(url).path) as heard:
                    reply = self._session.request(
                        method, url, allow_redirects=False, timeout=timeout, verify=self._ca_cert, **options
                    )
                    answer = Answer(reply.status_code, reply.headers, reply.text, where, url)
                    heard(answer.headers, answer.date.timestamp())
                if not (reply.is_redirect and method in SAFE and self._redirects):
                    break
                url = self._url(urljoin(url, reply.headers["Location"]), where)
        except requests.exceptions.ConnectTimeout:
            raise errors.UnavailableError(f"{where}: no connection within {timeout[0]} s") from None
        except requests.exceptions.ConnectionError as error:
            if _never_sent(error):
                raise errors.UnavailableError(f"{where}: cannot connect ({_reason(error)})") from None
            raise errors.OutcomeUnknownError(f"{where}: the connection broke before an answer") from None
        except requests.exceptions.Timeout:
            raise errors.OutcomeUnknownError(f"{where}: no answer within {timeout[1]:.0f} s") from None
        except requests.exceptions.ChunkedEncodingError:
            raise errors.OutcomeUnknownError(f"{where}: the connection broke within the answer") from None
        except requests.exceptions.RequestException as error:  # its text may quote a header: keep the class only
            raise errors.UnexpectedAnswerError(f"{where}: {type(error).__name__}") from None
        return answer

    def _pause(self, answer: Answer, attempt: int, harmless: bool) -> float | None:
        """Seconds until the next attempt; None if there is to be none."""
        if not throttled(answer):
            return _backoff(attempt) if harmless and answer.status in _TRANSIENT else None
        asked = _asked_pause(answer)  # refused before it had an effect, whatever the verb
        if asked is None:
            return _SECONDARY_PAUSE * 2 ** (attempt - 1) if _is_secondary(answer) else _backoff(attempt)
        return asked if asked <= self._budget.patience else None

    def _error(self, answer: Answer) -> errors.RotorError:
        status = answer.status
        request_id = answer.headers.get(self._request_id_header, "")
        said = f"{answer.where} answered {status}" + (f" (request {request_id})" if request_id else "")
        kind = _BY_STATUS.get(status, errors.UnexpectedAnswerError)
        hint = ""
        if throttled(answer):
            kind = errors.RateLimitedError
            asked = _asked_pause(answer)
            hint = f"Run again in {asked:.0f} s, as it asks" if asked else "Run again in a minute"
        elif status >= 500:
            kind = errors.UnavailableError
        elif 300 <= status < 400:
            hint = "A redirect was not followed, so that the credential stays here. Check the connection's URL"
        elif status == 403 and "X-Accepted-GitHub-Permissions" in answer.headers:
            hint = f"It needs the permission {answer.headers['X-Accepted-GitHub-Permissions']}"
        return kind(said, hint=hint, status=status, request_id=request_id)


def _failure(error: errors.RotorError, doubt: bool) -> errors.RotorError:
    """With ``doubt``, this attempt or one before it may have had its effect, and nobody has said that it had none."""
    if doubt and isinstance(error, (errors.UnavailableError, errors.RateLimitedError)):
        kind: type[errors.RotorError] = errors.OutcomeUnknownError
    elif not doubt and isinstance(error, errors.OutcomeUnknownError):
        kind = errors.UnavailableError
    else:
        return error
    return kind(error.message, hint=error.hint, status=error.status, request_id=error.request_id)


def checked_url(url: str) -> str:
    """The URL without its trailing slash; plain http is for loopback only."""
    try:
        parts = urlsplit(url)
        _port = parts.port  # urlsplit looks at the port only when asked
    except ValueError:
        raise errors.ConfigurationError("that is not an https:// address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise errors.ConfigurationError(f"{_address(url)} is not an https:// address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise errors.ConfigurationError(
            f"{_address(url)} would send a credential in clear", hint="Use https://; plain http is for loopback only"
        )
    return url.rstrip("/")


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or {'http': 80, 'https': 443}.get(parts.scheme)}"


def throttled(answer: Answer) -> bool:
    """429, and the 403 with which GitHub says the same (docs: rate limits for the REST API)."""
    if answer.status == 429:
        return True
    spent = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    return answer.status == 403 and (spent or _is_secondary(answer))


def _is_secondary(answer: Answer) -> bool:
    """GitHub's limit on bursts may come without any header; then its text is all there is."""
    return answer.status in (403, 429) and "secondary rate limit" in answer.text


def _asked_pause(answer: Answer) -> float | None:
    after = answer.headers.get("Retry-After", "")
    if after.isdigit():
        return float(after)
    if answer.headers.get("x-ratelimit-remaining") == "0" and answer.headers.get("x-ratelimit-reset", "").isdigit():
        return max(int(answer.headers["x-ratelimit-reset"]) - answer.date.timestamp(), 1.0)
    return None


def _backoff(attempt: int) -> float:
    return random.uniform(0.5, 1) * min(2 ** (attempt - 1), 30)  # noqa: S311 - jitter


def _authorizer(authorization: Callable[[], str] | None) -> Callable[[Any], Any]:
    """As ``auth`` of the session, so that a .netrc never takes its place."""

    def authorize(request: Any) -> Any:
        if authorization:
            request.headers["Authorization"] = authorization()
        return request

    return authorize


def _never_sent(error: Exception) -> bool:
    """Whether the connection itself failed, so that nothing can have had an effect."""
    names = {type(inner).__name__ for inner in _inside(error)}
    return bool(names & {"NewConnectionError", "NameResolutionError", "SSLError", "ProxyError", "ConnectTimeoutError"})


def _reason(error: Exception) -> str:
    for inner in _inside(error):
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    return "TLS failed" if "SSLError" in {type(inner).__name__ for inner in _inside(error)} else "network unreachable"


def _inside(error: BaseException) -> list[BaseException]:
    """The exception and everything it wraps: requests wraps urllib3, which wraps the socket's."""
    found: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        current = queue.pop()
        if isinstance(current, BaseException) and current not in found:
            found.append(current)
            queue += [*current.args, getattr(current, "reason", None), current.__cause__, current.__context__]
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(url: str) -> str:
    """The URL without its query and without anything before an @."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
