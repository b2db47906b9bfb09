# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's published rate limits on a virtual clock, below ``requests``.

From "Rate limits for the REST API" and "Best practices for using the REST API" in GitHub's documentation: 5,000
requests in an hour that begins with the first one, of which a conditional request that is answered 304 is none;
900 points in any minute, 1 for reading and 5 for writing; 100 requests at once; a second between two writes.
"""

from __future__ import annotations

import base64
import json
import random
import re
from collections import Counter, deque
from datetime import timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import Any

from nacl.public import PrivateKey, SealedBox
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from tests.unit.core.doubles import START
from tests.unit.core.threads import ThreadsClock

PER_HOUR, HOUR = 5000, 3600.0
POINTS, MINUTE = 900, 60.0
READ, WRITE = 1, 5
AT_ONCE = 100
SECONDARY = 60.0  # "wait for at least one minute"
_LATENCY = (0.05, 0.4)
_ROUNDING = 1e-6


class SimulatedGitHub(BaseAdapter):
    def __init__(self, clock: ThreadsClock, *, gap: float = 1.0) -> None:
        super().__init__()
        self.clock = clock
        self.violations: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.written: Counter[str] = Counter()
        self.values: set[str] = set()
        self.left, self.resets = PER_HOUR, 0.0
        self.refuse_writes: list[int] = []
        """The number of each write that is answered with a secondary limit, for no reason that can be known."""
        self.gap = gap
        self._random = random.Random(7)  # noqa: S311 - latencies
        self._points: deque[tuple[float, int]] = deque()
        self._under_way = 0
        self._last_write = -HOUR
        self._silence = (0.0, 0.0)
        self._key = PrivateKey(bytes(range(32)))

    def close(self) -> None:
        pass

    def send(self, request: PreparedRequest, *_more: Any, **_options: Any) -> Response:
        self._leaves(str(request.method))
        there, back = (self._random.uniform(*_LATENCY) / 2 for _way in range(2))
        self._under_way += 1
        self.clock.sleep(there)
        status, body, more = self._answer(request)
        headers = {**more, **self._headers()}
        self.clock.sleep(back)
        self._under_way -= 1
        self.statuses[status] += 1
        if status == 403 and not self.violations:
            self._silence = (self.clock.time, self.clock.time + SECONDARY)
        return _response(request, status, body, headers)

    def somebody_else(self) -> None:
        """Another client of the account reads something."""
        if self._room(READ) and self._in_this_hour():
            self._spend(READ, counts=True)

    def _leaves(self, method: str) -> None:
        now = self.clock.time
        since, until = self._silence
        if since < now < until - _ROUNDING:
            self.violations.append(f"sent at {now} while silence was asked for until {until}")
        if method != "GET":
            if now - self._last_write < self.gap - _ROUNDING:
                self.violations.append(f"a write at {now}, right after the one at {self._last_write}")
            self._last_write = now

    def _answer(self, request: PreparedRequest) -> tuple[int, Any, dict[str, str]]:
        cost = READ if request.method == "GET" else WRITE
        if self._under_way > AT_ONCE:
            return self._broken("too many at once", {})
        if not self._room(cost):
            return self._broken("too many points", {"retry-after": "60"})
        if not self._in_this_hour():
            return self._broken("too many requests in this hour", {})
        status, body, headers = self._do(request)
        self._spend(cost, counts=status != 304)
        return status, body, headers

    def _broken(self, limit: str, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        self.violations.append(f"{limit} at {self.clock.time}")
        return 403, {"message": "You have exceeded a rate limit."}, headers

    def _room(self, cost: int) -> bool:
        while self._points and self._points[0][0] <= self.clock.time - MINUTE:
            self._points.popleft()
        return sum(points for _when, points in self._points) + cost <= POINTS

    def _in_this_hour(self) -> bool:
        if self.clock.time >= self.resets:
            self.left, self.resets = PER_HOUR, self.clock.time // 1 + HOUR
        return self.left > 0

    def _spend(self, cost: int, *, counts: bool) -> None:
        self._points.append((self.clock.time, cost))
        self.left -= counts

    def _headers(self) -> dict[str, str]:
        return {
            "date": format_datetime(self.clock.now(), usegmt=True),
            "x-ratelimit-limit": str(PER_HOUR),
            "x-ratelimit-remaining": str(self.left),
            "x-ratelimit-used": str(PER_HOUR - self.left),
            "x-ratelimit-reset": str(int((START + timedelta(seconds=self.resets)).timestamp())),
            "x-ratelimit-resource": "core",
        }

    def _do(self, request: PreparedRequest) -> tuple[int, Any, dict[str, str]]:
        path = str(request.path_url)
        if request.method == "PUT":
            return self._put(path, json.loads(request.body or b""))
        if path == "/graphql":
            return 200, {"data": _repositories(json.loads(request.body or b"")["variables"])}, {}
        if path.endswith("/secrets?per_page=100"):
            return 200, {"secrets": [self._secret(f"{path.partition('?')[0]}/TOKEN")]}, {}
        if path.endswith("/public-key"):
            return 200, {"key_id": "1", "key": base64.b64encode(bytes(self._key.public_key)).decode()}, {}
        if "/secrets/" in path:
            tag = f'W/"{self.written[path]}"'
            same = request.headers.get("If-None-Match") == tag
            return (304, None, {"etag": tag}) if same else (200, self._secret(path), {"etag": tag})
        name = re.sub(r"^/repos/", "", path)
        return 200, {"full_name": name, "default_branch": "main", "permissions": {"push": True}}, {}

    def _put(self, path: str, body: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        if self.refuse_writes and sum(self.written.values()) == self.refuse_writes[0]:
            self.refuse_writes.pop(0)
            return 403, {"message": "You have exceeded a secondary rate limit."}, {}
        self.values.add(SealedBox(self._key).decrypt(base64.b64decode(body["encrypted_value"])).decode())
        self.written[path] += 1
        return 204, None, {}

    def _secret(self, path: str) -> dict[str, str]:
        date = (self.clock.now() if self.written[path] else START - timedelta(days=90)).isoformat(timespec="seconds")
        return {"name": path.rpartition("/")[2], "created_at": date, "updated_at": date}


def _repositories(names: dict[str, str]) -> dict[str, dict[str, object]]:
    told = {"isArchived": False, "isDisabled": False, "viewerPermission": "WRITE", "defaultBranchRef": {"name": "main"}}
    numbers = [name[1:] for name in names if name.startswith("o")]
    return {f"r{at}": {**told, "nameWithOwner": f"{names[f'o{at}']}/{names[f'n{at}']}"} for at in numbers}


def _response(request: PreparedRequest, status: int, body: Any, headers: dict[str, str]) -> Response:
    response = Response()
    response.status_code, response.request, response.url = status, request, str(request.url)
    response.headers = CaseInsensitiveDict(headers)
    text = b"" if body is None else json.dumps(body).encode()
    response.raw = HTTPResponse(BytesIO(text), preload_content=False)
    return response
