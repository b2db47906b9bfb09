# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each connection over HTTP tells its system's time, by the date of its last answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from tests.unit.core.doubles import START, ScriptedServer, VirtualClock

TOKEN = SecretValue("token-of-the-time-tests")
OPTIONS: dict[str, Mapping[str, Any]] = {
    "fly": {"token": TOKEN},
    "github": {"token": TOKEN},
    "http": {"token": TOKEN, "probe": "/"},
    "infisical": {"auth": {"method": "token", "token": TOKEN}},
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
