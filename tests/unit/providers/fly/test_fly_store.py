# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import NotFoundError, OutcomeUnknownError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.store import FlySecrets
from tests.sandbox.visitor import Visitor
from tests.unit.providers.fly.support import APP, paths

BOX = {"app": APP}
KEY = "FLY_API_TOKEN"


@pytest.fixture
def store(fly: FlyConnection) -> FlySecrets:
    return FlySecrets(fly, clock=fly.clock)


def values(**given: str) -> dict[str, SecretValue]:
    return {key: SecretValue(value) for key, value in given.items()}


def test_all_keys_are_written_in_one_call_with_one_version(world: Visitor, store: FlySecrets) -> None:
    evidence = store.write(BOX, values(PGUSER="nova_b", PGPASSWORD="hunter22"))
    assert paths(world, "POST") == [f"/v1/apps/{APP}/secrets"]
    assert evidence["version"] == world.ask("state")["fly"]["apps"][APP]["secrets_version"]
    assert set(evidence["keys"]) == {"PGUSER", "PGPASSWORD"}
    assert store.describe(evidence) == f"version {evidence['version']}"


def test_a_write_is_seen_as_our_own_afterwards(store: FlySecrets) -> None:
    evidence = store.write(BOX, values(**{KEY: "new-value"}))
    assert store.unchanged(evidence, store.observe(BOX, [KEY]))


def test_a_write_by_hand_is_noticed(world: Visitor, store: FlySecrets) -> None:
    evidence = store.write(BOX, values(**{KEY: "new-value"}))
    world.act("set_fly_secret", app=APP, name=KEY, value="mended-at-night")
    assert not store.unchanged(evidence, store.observe(BOX, [KEY]))


def test_a_new_version_without_a_new_value_is_no_change(world: Visitor, store: FlySecrets) -> None:
    evidence = store.write(BOX, values(**{KEY: "new-value"}))
    world.act("set_fly_secret", app=APP, name="SOMETHING_ELSE", value="x")
    assert store.unchanged(evidence, store.observe(BOX, [KEY]))


def test_a_key_that_nobody_has_set_is_absent_until_somebody_sets_it(world: Visitor, store: FlySecrets) -> None:
    before = store.observe(BOX, ["BRAND_NEW"])
    assert before == {"keys": {}}
    assert store.describe(before) == "absent"
    assert store.unchanged(before, store.observe(BOX, ["BRAND_NEW"]))
    world.act("set_fly_secret", app=APP, name="BRAND_NEW", value="x")
    assert not store.unchanged(before, store.observe(BOX, ["BRAND_NEW"]))


def test_evidence_without_a_digest_is_in_doubt() -> None:
    evidence = {"keys": {KEY: {"digest": None, "updated_at": "2026-11-21T02:14:07Z"}}}
    assert not FlySecrets.unchanged(evidence, evidence)


def test_a_lost_answer_is_resolved_by_setting_the_same_again(world: Visitor, store: FlySecrets) -> None:
    world.tell("faults", provider="fly", method="POST", path="/secrets$", kind="reset_after")
    evidence = store.write(BOX, values(**{KEY: "new-value"}))
    assert store.unchanged(evidence, store.observe(BOX, [KEY]))


def test_an_outage_during_a_write_ends_in_an_error_without_the_value(world: Visitor, store: FlySecrets) -> None:
    world.tell("faults", provider="fly", method="POST", path="/secrets$", kind="status", status=503, times=0)
    with pytest.raises(OutcomeUnknownError) as error:
        store.write(BOX, values(**{KEY: "never-to-be-shown"}))
    assert KEY in str(error.value)
    assert "never-to-be-shown" not in str(error.value)


def test_deleting_removes_these_keys_only_and_forgives_absent_ones(world: Visitor, store: FlySecrets) -> None:
    before = set(world.ask("state")["fly"]["apps"][APP]["secrets"])
    store.delete(BOX, ["RESEND_API_KEY", "NEVER_THERE"])
    assert set(world.ask("state")["fly"]["apps"][APP]["secrets"]) == before - {"RESEND_API_KEY"}


def test_a_missing_app_is_found_by_looking(store: FlySecrets) -> None:
    with pytest.raises(NotFoundError):
        store.observe({"app": "nowhere"}, [KEY])


def test_a_name_that_no_environment_variable_can_have_is_a_mistake() -> None:
    assert FlySecrets.validate(BOX, [KEY, "_x", "a1"]) == []
    assert [one.split(":")[0] for one in FlySecrets.validate(BOX, ["1ST", "WITH-DASH", "WITH SPACE", ""])] == [
        "1ST",
        "WITH-DASH",
        "WITH SPACE",
        "",
    ]


def test_a_container_is_an_app() -> None:
    assert FlySecrets.label(BOX) == f"fly app {APP}"
    assert FlySecrets.identity(BOX) == APP
    assert not FlySecrets.readable
