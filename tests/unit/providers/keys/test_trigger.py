# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta

from tests.unit.core.described import issuer
from tests.unit.core.doubles import ScriptedServer


def test_trigger_key_is_regenerated_and_can_be_read_back() -> None:
    with ScriptedServer() as server:
        server.answer(200, {"apiKey": "tr_prod_2"}).answer(200, {"apiKey": "tr_prod_2", "name": "shop"})
        trigger = issuer("trigger_secret_key", server, project="proj_1", environment="prod")
        assert trigger.mint("rotor-1") == trigger.recover("rotor-1")
        environment = "/api/v1/projects/proj_1/prod"
        assert server.asked == [f"POST {environment}/regenerate-api-key", f"GET {environment}"]
        assert type(trigger).ends_after(trigger.options) == timedelta(hours=24)
