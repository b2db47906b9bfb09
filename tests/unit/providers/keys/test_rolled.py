# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors, registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, TOKEN, issuer, mistakes
from tests.unit.core.doubles import ScriptedServer

CLERK: dict[str, Any] = {"application": "app_1", "environment": "production", "overlap": "2h"}
TRIGGER: dict[str, Any] = {"project": "proj_1", "environment": "prod"}


def application(**instances: str) -> dict[str, Any]:
    known = [{"instance_id": f"ins_{name}", "environment_type": name, "secret_key": k} for name, k in instances.items()]
    return {"application_id": "app_1", "name": "shop", "instances": known}


def test_clerk_key_is_that_of_its_environment_and_the_old_ones_live_on() -> None:
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


def test_trigger_key_is_regenerated_and_can_be_read_back() -> None:
    with ScriptedServer() as server:
        server.answer(200, {"apiKey": "tr_prod_2"}).answer(200, {"apiKey": "tr_prod_2", "name": "shop"})
        trigger = issuer("trigger_secret_key", server, **TRIGGER)
        assert trigger.mint("rotor-1") == trigger.recover("rotor-1")
        environment = "/api/v1/projects/proj_1/prod"
        assert server.asked == [f"POST {environment}/regenerate-api-key", f"GET {environment}"]
        assert type(trigger).ends_after(trigger.options) == timedelta(hours=24)


def test_ayrshare_takes_a_secret_of_ours_for_one_profile() -> None:
    account = {"token": TOKEN, "profile_key": KEY.fields["token"]}
    with ScriptedServer() as server:
        ayrshare = issuer("ayrshare_webhook_secret", server.answer(200, {"status": "success"}), account)
        made = ayrshare.generate("rotor-1")
        assert server.asked == []
        ayrshare.activate(made)
        assert server.asked == ["POST /hook/webhook/secret"]
        assert server.received[0].json == {"secret": made.fields["token"].reveal()}
        assert server.received[0].headers["Profile-Key"] == KEY.fields["token"].reveal()
        assert ayrshare.answer(made) is Answer.UNCLEAR
        assert made.fields != ayrshare.generate("rotor-2").fields


def test_ayrshare_does_not_set_a_secret_twice_by_itself() -> None:
    with ScriptedServer() as server:
        ayrshare = issuer("ayrshare_webhook_secret", server.drop())
        with pytest.raises(errors.OutcomeUnknownError):
            ayrshare.activate(ayrshare.generate("rotor-1"))
        assert len(server.asked) == 1


def test_keys_that_end_by_themselves_are_revoked_by_nobody() -> None:
    for kind in ("clerk_secret_key", "trigger_secret_key", "ayrshare_webhook_secret"):
        traits = registry.find("issuers", kind).traits
        assert (traits.overlap, traits.revoke) == ("timed", "auto")
