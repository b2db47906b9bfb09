# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to speak HTTP: one pooled ``requests`` session for a connection, shared by all threads.

Timeouts always, and :mod:`.limits` of what is read. What is idempotent is retried with jitter; a request that changes
something and gets no answer is an :class:`OutcomeUnknownError`, for the caller to resolve by reading back. Redirects
never carry a credential to another origin. Errors say verb, address, status and request id; never a body, never a
header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from .. import errors
from ..clock import Clock
from ..deps import library
from ..outside_text import NAME, printable
from . import certificates, limits, wire
from .answers import Answer, http_date
from .budget import SAFE, Budget
from .dialect import Dialect, backoff, requested_pause
from .proxies import is_loopback, proxies_for

if TYPE_CHECKING:
    from ..forwards import Way

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
        dialect: Dialect | None = None,
        via: Way | None = None,
    ) -> None:
        """``authorization`` gives the value of the Authorization header at the moment of each request.

        ``redirects=False`` takes a redirect as an answer like any other. Every request takes a turn in ``budget``,
        which several clients of one account may share. ``ca_cert`` is a file of certificates to trust instead of the
        usual ones. ``via`` leads through an inventory host: the URL is what that host sees, and no proxy is used.
        """
        self.base_url = checked_url(base_url)
        self._system = system
        self._clock = clock
        self._request_id_header = request_id_header
        self._attempts = attempts
        self._redirects = redirects
        self._budget = budget or Budget(clock)
        self._dialect = dialect or Dialect()
        self._session = library("requests").Session()
        self._session.trust_env = False  # neither .netrc, nor a proxy to loopback
        self._via = via.take() if via else None
        self._session.proxies = {} if via else dict(proxies_for(self.base_url))
        self._session.verify = certificates.trusted(ca_cert)
        self._session.get_redirect_target = lambda _reply: None  # requests would read the redirect's body to look ahead
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, wire.adapter(via.local if via else None))
        self._session.headers.update(headers or {})
        self._session.headers["Accept-Encoding"] = limits.ENCODING
        self._session.headers["User-Agent"] = f"rotor.secrets/{VERSION}" + (f" (run {run})" if run else "")
        self._session.auth = _authorizer(authorization, clock)
        self._dated: tuple[datetime, float] | None = None
        """The last ``Date`` of the server, and our monotonic clock when it came."""

    def server_time(self) -> datetime | None:
        """Return the server's time, by its last ``Date`` and what has passed since; None before it has sent one."""
        if self._dated is None:
            return None
        date, noted_at = self._dated
        return date + timedelta(seconds=self._clock.monotonic() - noted_at)

    def request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        ok: tuple[int, ...] = (200,),
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        form: list[tuple[str, str]] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        reads: bool = False,
        timeout: float = 30,
    ) -> Answer:
        """Send a request, again where that is harmless, and return an answer whose status is in ``ok``.

        ``body`` goes out as JSON, ``form`` as the pairs of a form, ``content`` as it is.
        What may not be sent twice goes over a connection of its own, since one from the pool may be stale.

        ``doing`` begins the message of every error: ``"listing the secrets of app molecule-cp"``. ``idempotent`` says
        that a second sending does no harm; reading is, anything else is not unless the caller knows better. ``reads``
        says that this POST changes nothing, so that nothing can be unknown after a failure.
        """
        reads = reads or method in SAFE
        harmless = reads if idempotent is None else idempotent
        doubt = False
        url = self._url(path, doing)
        where = f"{doing}: {method} {_address(url)}{f' via {self._via}' if self._via else ''}"
        self.reach(where)
        for attempt in range(1, self._attempts + 1):
            try:
                with wire.watch(fresh=not harmless) as transmission:
                    data = form if content is None else content
                    sent = {"params": params, "json": body, "data": data, "headers": headers, "timeout": timeout}
                    answer = self._send(transmission, method, url, where, **sent)
            except (errors.UnavailableError, errors.OutcomeUnknownError) as error:
                doubt = doubt or (not reads and isinstance(error, errors.OutcomeUnknownError))
                final = attempt == self._attempts or isinstance(error, errors.UntrustedServerError)
                if final or (doubt and not harmless):
                    raise _failure(error, doubt) from None
                self._clock.sleep(backoff(attempt))
                continue
            except errors.UnreadableAnswerError as error:
                if reads:
                    raise
                raise errors.OutcomeUnknownError(error.message) from None
            except errors.RateLimitedError as error:  # said by the budget: this attempt was not sent
                raise _failure(error, doubt) from None
            self._note_date(answer)
            if answer.status in ok:
                return answer
            doubt = doubt or (not reads and answer.status >= 500)
            pause = self._pause(answer, attempt, harmless)
            if pause is not None and self._dialect.throttles(answer):
                self._budget.hold(pause)
            if pause is None or attempt == self._attempts:
                raise _failure(self._error(answer), doubt)
            if not self._dialect.throttles(answer):
                self._clock.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def reach(self, doing: str) -> None:
        """Open the forward through the client's host, if it has one; UnavailableError where ssh does not come there."""
        if self._via:
            self._clock.check()
            self._via.reach(*place(self.base_url), doing)

    def _note_date(self, answer: Answer) -> None:
        if date := http_date(answer.headers.get("Date", "")):
            self._dated = date, self._clock.monotonic()

    def _url(self, path: str, doing: str) -> str:
        url = path if "://" in path else self.base_url + path
        try:
            there = origin(url)
        except ValueError:
            there = "an address that cannot be read"
        if there != origin(self.base_url):
            raise errors.UnexpectedAnswerError(
                f"{doing}: {self._system} pointed from {origin(self.base_url)} to another host, {there}",
                hint="The credential was not sent there. Check the connection's URL",
            )
        return url

    def _send(self, transmission: wire.Transmission, method: str, url: str, where: str, **options: Any) -> Answer:
        requests, urllib3 = library("requests"), library("urllib3")
        timeout = (10, options.pop("timeout"))
        try:
            for _hop in range(4):
                with (
                    self._budget.turn(method, urlsplit(url).path) as report,
                    limits.allowance(where, timeout[1]),
                ):
                    reply = self._session.request(
                        method, url, allow_redirects=False, timeout=timeout, stream=True, **options
                    )
                    text = limits.text(reply, where)
                    answer = Answer(reply.status_code, reply.headers, text, where, url)
                    report(answer.headers, answer.date.timestamp())
                if not (reply.is_redirect and method in SAFE and self._redirects):
                    break
                url = self._url(_joined(url, reply.headers["Location"]), where)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            failure = _no_answer(error, transmission, where, timeout)
            raise (self._via.explain(failure, *place(url)) if self._via else failure) from None
        return answer

    def _pause(self, answer: Answer, attempt: int, harmless: bool) -> float | None:
        """Return the seconds until the next attempt; None if there is to be none."""
        if not self._dialect.throttles(answer):
            return backoff(attempt) if harmless and answer.status in _TRANSIENT else None
        pause = requested_pause(answer)
        if pause is None:
            return self._dialect.default_pause(answer, attempt)
        return pause if pause <= self._budget.patience else None

    def _error(self, answer: Answer) -> errors.RotorError:
        status = answer.status
        request_id = printable(answer.headers.get(self._request_id_header, ""), NAME)
        message = f"{answer.where} answered {status}" + (f" (request {request_id})" if request_id else "")
        kind = _BY_STATUS.get(status, errors.UnexpectedAnswerError)
        hint = ""
        if self._dialect.throttles(answer):
            kind = errors.RateLimitedError
            pause = requested_pause(answer)
            hint = f"Run again in {pause:.0f} s, as it asks" if pause else "Run again in a minute"
        elif status >= 500:
            kind = errors.UnavailableError
        elif 300 <= status < 400:
            hint = "A redirect was not followed, so that the credential stays here. Check the connection's URL"
        elif status == 403:
            hint = self._dialect.permission_hint(answer)
        return kind(message, hint=hint, status=status, request_id=request_id)


def _failure(error: errors.RotorError, doubt: bool) -> errors.RotorError:
    """Return the error to raise; with ``doubt``, this attempt or an earlier one may have had its effect."""
    if doubt:
        return errors.in_doubt(error)
    if isinstance(error, errors.OutcomeUnknownError):
        return errors.UnavailableError(error.message, hint=error.hint)
    return error


def _no_answer(
    error: Exception, transmission: wire.Transmission, where: str, timeout: tuple[float, float]
) -> errors.RotorError:
    """Return the error for a request without an answer, by how far it had come; the exception's text is not kept."""
    exceptions = library("requests").exceptions
    late = isinstance(error, exceptions.Timeout) or wire.timed_out(error)
    if transmission.sent:
        if isinstance(error, (exceptions.ContentDecodingError, ValueError)):
            return errors.UnexpectedAnswerError(f"{where}: the answer cannot be read ({type(error).__name__})")
        what = f"no answer within {timeout[1]:.0f} s" if late else "the connection broke before a whole answer"
        return errors.OutcomeUnknownError(f"{where}: {what}")
    if refused := wire.refused_certificate(error):
        why, hint = refused
        return errors.UntrustedServerError(f"{where}: the server's certificate is refused: {why}", hint=hint)
    if late:
        return errors.UnavailableError(f"{where}: no connection within {timeout[0]} s")
    if isinstance(error, ValueError):
        return errors.InvalidRequestError(f"{where}: it cannot be sent ({type(error).__name__})")
    return errors.UnavailableError(f"{where}: cannot connect ({wire.reason(error)})")


def checked_url(url: str) -> str:
    """Return the URL without its trailing slash; ConfigurationError for plain http that leaves loopback."""
    try:
        parts = urlsplit(url)
        _port = parts.port  # urlsplit looks at the port only when asked
    except ValueError:
        raise errors.ConfigurationError("that is not an https:// address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise errors.ConfigurationError(f"{_address(url)} is not an https:// address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise errors.ConfigurationError(
            f"{_address(url)} would send a credential in clear", hint="Use https://; plain http is for loopback only"
        )
    return url.rstrip("/")


def origin(url: str) -> str:
    host, port = place(url)
    return f"{urlsplit(url).scheme}://{host}:{port}"


def place(url: str) -> tuple[str, int]:
    """Return the host and the port that a URL leads to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _authorizer(authorization: Callable[[], str] | None, clock: Clock) -> Callable[[Any], Any]:
    """Make the session's ``auth``, so that a .netrc never takes its place; it is called right before each sending."""

    def authorize(request: Any) -> Any:
        if authorization:
            request.headers["Authorization"] = authorization()  # which may have to log in first
        clock.check()
        return request

    return authorize


def _address(url: str) -> str:
    """Return the URL without its query and without anything before an @."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
