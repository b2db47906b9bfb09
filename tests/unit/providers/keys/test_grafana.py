# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.core.described import issuer, mistakes
from tests.unit.core.doubles import ScriptedServer

MADE = {"id": 7, "name": "rotor-1", "key": "glsa_of_the_grafana_tests"}


@pytest.mark.parametrize(("lifetime", "seconds"), [({"lifetime": "1h"}, {"secondsToLive": 3600}), ({}, {})])
def test_token_lives_as_long_as_the_map_says(lifetime: dict[str, Any], seconds: dict[str, int]) -> None:
    with ScriptedServer() as server:
        issuer("grafana_token", server.answer(200, MADE), service_account=7, **lifetime).mint("rotor-1")
        assert server.asked == ["POST /api/serviceaccounts/7/tokens"]
        assert server.received[0].json == {"name": "rotor-1", **seconds}


def test_listed_has_revocation_and_last_use() -> None:
    token = {"id": 7, "name": "rotor-1", "created": "2026-01-01T00:00:00Z", "lastUsedAt": "2026-02-01T00:00:00Z"}
    with ScriptedServer() as server:
        server.answer(200, [{**token, "expiration": "2026-12-31T00:00:00Z", "isRevoked": True}])
        (listed,) = issuer("grafana_token", server, service_account=7).listed()
        assert listed.revoked
        assert listed.last_used_at
        assert listed.expires_at


def test_lifetime_is_a_duration() -> None:
    assert mistakes("grafana_token", service_account=7, lifetime="1y") != []
    assert mistakes("grafana_token", service_account=7) == []
