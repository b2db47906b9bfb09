# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP client, and each connection over it, tells its system's time by the date of the last answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PermissionDeniedError, RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient
from tests.unit.core import doubles
from tests.unit.core.doubles import START, ScriptedServer, VirtualClock

TOKEN = SecretValue("token-of-the-time-tests")
OPTIONS: dict[str, Mapping[str, Any]] = {
    "fly": {"token": TOKEN},
    "github": {"token": TOKEN},
    "http": {"token": TOKEN, "probe": "/"},
    "infisical": {"auth": {"method": "token", "token": TOKEN}},
    **{
        kind: {"token": TOKEN}
        for kind in (
            *("ayrshare", "clerk", "cloudflare", "fal", "grafana", "neon", "openai", "resend", "stripe", "supabase"),
            "trigger",
        )
    },
    "langfuse": {"public_key": "pk", "secret_key": TOKEN},
    "upstash": {"email": "ops@example.com", "api_key": TOKEN},
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_connection_tells_the_time_of_its_last_answer(kind: str) -> None:
    with ScriptedServer() as server:
        connection = registry.find("connections", kind)({**OPTIONS[kind], "url": server.url}, clock=VirtualClock())
        assert connection.server_time() is None
        server.answer(200, {})
        with suppress(RotorError):  # whatever it makes of that answer
            connection.probe()
        assert connection.server_time() == START


def ask(client: HttpClient) -> None:
    client.request("GET", "/", doing="asking")


def test_server_time_goes_on_from_the_last_date() -> None:
    clock = VirtualClock()
    with ScriptedServer() as server:
        client = HttpClient("Acme", server.url, None, clock=clock)
        server.answer(200)
        ask(client)
        clock.sleep(90)
        assert client.server_time() == START + timedelta(seconds=90)


def test_server_time_is_that_of_a_refusal_as_well() -> None:
    with ScriptedServer() as server:
        client = HttpClient("Acme", server.url, None, clock=VirtualClock())
        server.answer(403)
        with pytest.raises(PermissionDeniedError):
            ask(client)
        assert client.server_time() == START


@pytest.mark.parametrize("date", ["yesterday", ""])
def test_server_time_ignores_what_is_no_date(monkeypatch: pytest.MonkeyPatch, date: str) -> None:
    monkeypatch.setattr(doubles._Handler, "date_time_string", lambda *_arguments: date)
    with ScriptedServer() as server:
        client = HttpClient("Acme", server.url, None, clock=VirtualClock())
        server.answer(200)
        ask(client)
        assert client.server_time() is None
