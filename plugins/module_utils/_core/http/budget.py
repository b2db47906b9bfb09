# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits as budgets that all threads of an account share.

A :class:`Budget` has the limits of one account; an HttpClient takes a turn in it for every request that it sends, and
sleeps until all of its limits have room. What a request took is given back by the time at which its answer came, not
by that at which it was sent: the provider has counted it somewhere in between.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ..clock import Clock
from ..credential import SecretValue
from ..errors import RateLimitedError
from ..fingerprints import for_this_process
from .limits import number

SAFE = ("GET", "HEAD")
PATIENCE = 120.0
"""Seconds for which it is worth waiting; what takes longer counts as a refusal."""
_SOON = 0.05
"""Seconds after which to look again where another request's answer is what is waited for."""
_LEAST = 0.001  # a sleep that is lost in the rounding of the clock would never end
_NO_LIMIT = float("inf")
_A_TIME, _IN_MILLISECONDS = 10**9, 10**12  # nobody's limit takes so many seconds
_STRUCTURED = re.compile(r";\s*r=(?P<left>[0-9]{1,15})\b[^,]*;\s*t=(?P<seconds>[0-9]{1,9})\b")


@dataclass(frozen=True)
class Request:
    """All that a limit needs to know of a request."""

    method: str
    path: str

    @property
    def writes(self) -> bool:
        return self.method not in SAFE


class Limit(ABC):
    """One limit of an account. Its budget calls it under a lock; ``now`` is monotonic."""

    @abstractmethod
    def wait(self, request: Request, now: float) -> float:
        """Return the seconds until there may be room; 0 when there is room now."""

    @abstractmethod
    def take(self, request: Request, now: float) -> None:
        """Count a request that is sent now."""

    def heard(self, headers: Mapping[str, str], date: float, now: float) -> None:  # noqa: B027 - few listen
        """Note what an answer's headers say; ``date`` is the provider's own time, in seconds since 1970."""

    def end(self, request: Request, now: float) -> None:  # noqa: B027 - a pace does not care
        """Note that a request's answer is there, or that none will come."""


class Pace(Limit):
    """``burst`` at once, then ``per_second``, for each bucket; ``bucket`` is None for what this does not limit."""

    def __init__(
        self, per_second: float, burst: int = 1, bucket: Callable[[Request], str | None] = lambda request: ""
    ) -> None:
        self._every = 1 / per_second
        self._ahead = (burst - 1) * self._every
        self._bucket = bucket
        self._due: dict[str, float] = {}
        """When a bucket's next turn would be if there were no bursts."""

    def wait(self, request: Request, now: float) -> float:
        bucket = self._bucket(request)
        return 0.0 if bucket is None else self._due.get(bucket, now) - self._ahead - now

    def take(self, request: Request, now: float) -> None:
        if (bucket := self._bucket(request)) is not None:
            self._due[bucket] = max(self._due.get(bucket, now), now) + self._every


class Window(Limit):
    """At most ``points`` within any ``seconds``, wherever the provider lets them begin."""

    def __init__(self, points: int, seconds: float, cost: Callable[[Request], int] = lambda request: 1) -> None:
        self._free = points
        self._seconds = seconds
        self._cost = cost
        self._spent: deque[tuple[float, int]] = deque()

    def wait(self, request: Request, now: float) -> float:
        while self._spent and self._spent[0][0] <= now:
            self._free += self._spent.popleft()[1]
        short = self._cost(request) - self._free
        if short <= 0:
            return 0.0
        for back_at, points in self._spent:
            short -= points
            if short <= 0:
                return back_at - now
        return _SOON

    def take(self, request: Request, now: float) -> None:
        self._free -= self._cost(request)

    def end(self, request: Request, now: float) -> None:
        self._spent.append((now + self._seconds, self._cost(request)))


class AtOnce(Limit):
    """At most so many requests under way."""

    def __init__(self, most: int) -> None:
        self._free = most

    def wait(self, request: Request, now: float) -> float:
        return 0.0 if self._free else _SOON

    def take(self, request: Request, now: float) -> None:
        self._free -= 1

    def end(self, request: Request, now: float) -> None:
        self._free += 1


class Quota(Limit):
    """What the answers say is left until the next reset, to whoever else uses the account.

    Until the first one has said something, and after each reset, one request goes alone. What is under way may not be
    in the lowest number that was heard; so it is taken off, which is exact again as soon as nothing is.
    """

    def __init__(self, resource: str = "") -> None:
        """``resource``: the name of the limit that is meant, for a provider that has several and says which."""
        self._resource = resource
        self._left: float | None = None
        self._until = 0.0
        self._reset = 0.0
        """The same moment as ``_until``, by the provider's clock: it tells one span of time from the next."""
        self._under_way = 0

    def wait(self, request: Request, now: float) -> float:
        if self._left is not None and now >= self._until:
            self._left = None
        if self._left is None:
            return _SOON if self._under_way else 0.0
        if self._left > self._under_way:
            return 0.0
        return _SOON if self._under_way else self._until - now

    def take(self, request: Request, now: float) -> None:
        self._under_way += 1

    def heard(self, headers: Mapping[str, str], date: float, now: float) -> None:
        if self._resource and headers.get("x-ratelimit-resource", self._resource) != self._resource:
            return
        left, reset = remaining(headers, date)
        until = now + reset - date
        if self._left in (None, _NO_LIMIT) or reset > self._reset + 1:  # its Date has no fractions of a second
            self._left, self._reset, self._until = left, reset, until
        elif reset >= self._reset - 1:
            self._left, self._until = min(self._left, left), min(self._until, until)

    def end(self, request: Request, now: float) -> None:
        self._under_way -= 1


class Budget:
    """The limits of one account, and the silence that its provider asks for."""

    def __init__(self, clock: Clock, *limits: Limit, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._not_before = 0.0

    @contextmanager
    def turn(self, method: str, path: str) -> Iterator[Callable[[Mapping[str, str], float], None]]:
        """Sleep until a request may be sent; yields a function that takes the answer's headers and date."""
        request, limits = Request(method, path), self._limits
        while (wait := self._take(request, limits)) > 0:
            self._clock.sleep(max(wait, _LEAST))
        try:
            yield self._heard
        finally:
            with self._lock:
                for limit in limits:
                    limit.end(request, self._clock.monotonic())

    def add(self, limit: Limit) -> None:
        """Add a limit of the account."""
        with self._lock:
            self._limits += (limit,)

    def hold(self, seconds: float) -> None:
        """Hold every request back for as long as the provider asks."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.monotonic() + seconds)

    def _take(self, request: Request, limits: tuple[Limit, ...]) -> float:
        """Take a turn, or return how long to sleep before the next try."""
        with self._lock:
            now = self._clock.monotonic()
            wait = max((limit.wait(request, now) for limit in limits), default=0.0)
            if wait > self.patience:
                raise RateLimitedError(
                    f"{request.method} {request.path} was not sent: the account has no requests left",
                    hint=f"Run again in {wait:.0f} s",
                )
            wait = max(wait, self._not_before - now)
            if wait <= 0:
                for limit in limits:
                    limit.take(request, now)
            return wait

    def _heard(self, headers: Mapping[str, str], date: float) -> None:
        with self._lock:
            for limit in self._limits:
                limit.heard(headers, date, self._clock.monotonic())


_shared: dict[tuple[Clock, str, str], Budget] = {}
_guard = threading.Lock()


def shared(clock: Clock, account: str, credential: SecretValue | None, make: Callable[[], Budget]) -> Budget:
    """Return the budget that all connections of this process to an account share; the first of them makes it.

    None: whose credential it is makes no difference there.
    """
    key = (clock, account, for_this_process()(credential) if credential else "")
    with _guard:
        if key not in _shared:
            _shared[key] = make()
        return _shared[key]


def remaining(headers: Mapping[str, str], date: float) -> tuple[float, float]:
    """Return how many requests are left, and until when; without end, where nothing is said.

    As most providers say it, with a time or a number of seconds; and as the IETF's drafts have it, old and new.
    """
    for prefix in ("x-ratelimit-", "ratelimit-"):
        left, reset = (number(headers.get(prefix + name)) for name in ("remaining", "reset"))
        if left is not None and reset is not None:
            return float(left), _moment(reset, date)
    if structured := _STRUCTURED.search(headers.get("ratelimit", "")):
        return float(structured["left"]), date + int(structured["seconds"])
    return _NO_LIMIT, _NO_LIMIT


def _moment(reset: int, date: float) -> float:
    """Return the moment of a reset: some say when, some in how many seconds; ``date`` is now."""
    if reset < _A_TIME:
        return date + reset
    return reset / 1000 if reset > _IN_MILLISECONDS else float(reset)
