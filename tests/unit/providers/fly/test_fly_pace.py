# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly's published limits on a virtual clock: each action on each app once in a second, three at once."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from io import BytesIO
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.store import FlySecrets
from tests.unit.core.threads import ThreadsClock

PER_SECOND, BURST = 1, 3
APPS, WRITES, THREADS = ("molecule-cp", "molecule-tenant"), 100, 8
LATENCY = 0.2


class SimulatedFly(BaseAdapter):
    def __init__(self, clock: ThreadsClock) -> None:
        super().__init__()
        self.statuses: Counter[int] = Counter()
        self._clock = clock
        self._tokens: dict[str, tuple[float, float]] = defaultdict(lambda: (float(BURST), 0.0))

    def close(self) -> None:
        pass

    def send(self, request: requests.PreparedRequest, *_more: Any, **_options: Any) -> requests.Response:
        self._clock.sleep(LATENCY)
        response = requests.Response()
        response.status_code, response.request, response.url = self._status(request), request, str(request.url)
        text = json.dumps({"secrets": [], "version": 7}).encode()
        response.raw = HTTPResponse(BytesIO(text), preload_content=False)
        self.statuses[response.status_code] += 1
        return response

    def _status(self, request: requests.PreparedRequest) -> int:
        action = f"{request.method} {request.path_url}"
        tokens, since = self._tokens[action]
        tokens = min(BURST, tokens + (self._clock.time - since) * PER_SECOND)
        allowed = tokens >= 1 - 1e-6
        self._tokens[action] = (tokens - allowed, self._clock.time)
        return 200 if allowed else 429


def test_two_apps_are_written_as_fast_as_fly_allows_and_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ThreadsClock()
    fly = SimulatedFly(clock)
    monkeypatch.setattr(requests.Session, "get_adapter", lambda session, url: fly)
    stores = [
        FlySecrets(FlyConnection({"token": SecretValue("fly-token-of-the-simulation")}, clock=clock), clock=clock)
        for _connection in range(2)
    ]
    left = iter([(turn % 2, app) for turn in range(WRITES) for app in APPS])

    def work() -> None:
        for connection, app in left:
            stores[connection].write({"app": app}, {"TOKEN": SecretValue("value-for-fly")})

    clock.run([work] * THREADS)
    assert fly.statuses == {200: WRITES * len(APPS)}
    assert clock.time <= 1.05 * (WRITES - BURST) / PER_SECOND
