# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from tests.unit.core.described import issuer, mistakes
from tests.unit.core.doubles import ScriptedServer

CLERK: dict[str, Any] = {"application": "app_1", "environment": "production", "overlap": "2h"}


def application(**instances: str) -> dict[str, Any]:
    known = [{"instance_id": f"ins_{name}", "environment_type": name, "secret_key": k} for name, k in instances.items()]
    return {"application_id": "app_1", "name": "shop", "instances": known}


def test_clerk_key_is_that_of_its_environment() -> None:
    with ScriptedServer() as server:
        server.answer(200, application(development="sk_test_1", production="sk_live_1"))
        server.answer(200, application(production="sk_live_2"))
        clerk = issuer("clerk_secret_key", server, **CLERK)
        assert clerk.preflight(None) == []
        made = clerk.mint("rotor-1")
        assert (made.id, made.fields["token"].reveal()) == ("ins_production", "sk_live_2")
        assert server.asked[1] == "POST /platform/applications/app_1/instances/production/rotate_secret_keys"
        assert server.received[1].json == {"delay_old_secrets_expiration_hours": 2, "reason": "rotor-1"}
        assert type(clerk).ends_after(clerk.options) == timedelta(hours=2)


def test_clerk_answer_for_another_environment_is_unknown() -> None:
    with ScriptedServer() as server, pytest.raises(errors.OutcomeUnknownError):
        issuer("clerk_secret_key", server.answer(200, application(development="sk_test_1")), **CLERK).mint("rotor-1")


@pytest.mark.parametrize(("overlap", "wrong"), [("24h", False), ("2d", False), ("90m", True), ("30m", True)])
def test_clerk_counts_the_overlap_in_hours(overlap: str, wrong: bool) -> None:
    assert bool(mistakes("clerk_secret_key", **{**CLERK, "overlap": overlap})) is wrong
