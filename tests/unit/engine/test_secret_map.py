# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sound map becomes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.unit.engine.maps import DESIGN, changed, parsed, read

pytestmark = pytest.mark.filterwarnings("error")


def test_the_main_job_is_read_as_it_is_written() -> None:
    secret = parsed(read(DESIGN)).secrets["FLY_API_TOKEN"]

    first, second = secret.steps
    assert secret.max_age == timedelta(days=90)
    assert secret.issuer.options == {"organization": "molecule-ai", "lifetime": "120d"}
    assert [first.name, second.name] == ["control plane", "image publishing"]
    assert first.copies[0].id == "fly:molecule-cp"
    assert first.copies[0].keys == {"FLY_API_TOKEN": "${token}"}
    assert secret.consumers == ["molecule-cp", "publish"]
    assert secret.revoke.require == {"unused", "drained"}


def test_a_check_takes_its_connection_and_what_it_needs_from_the_steps_copy() -> None:
    check = parsed(read(DESIGN)).secrets["FLY_API_TOKEN"].steps[1].verify[0]

    assert (check.connection, check.proves) == ("github", "use")
    assert check.options == {"repository": "Molecule-AI/molecule-monorepo", "workflow": "publish-platform-image.yml"}


def test_a_check_keeps_what_it_says_itself() -> None:
    raw = changed("secret_map/KEY/rollout/0/verify/0/folder", "/mine")
    assert parsed(raw).secrets["KEY"].steps[0].verify[0].options["folder"] == "/mine"


def test_a_check_without_a_copy_in_its_system_uses_the_issuers_connection() -> None:
    raw = changed("secret_map/KEY/rollout/0/copies", [{"store": "fly", "app": "a"}])
    raw["secret_connections"]["fly"] = {"type": "fly", "token": {"env": "T"}}
    raw["secret_map"]["KEY"]["rollout"][0]["verify"][0]["folder"] = "/x"
    assert parsed(raw).secrets["KEY"].steps[0].verify[0].connection == "cloud"


def test_copies_straight_under_the_secret_are_one_step() -> None:
    (step,) = parsed(read()).secrets["PAIR"].steps
    assert [copy.label for copy in step.copies] == ["folder /b"]


def test_a_step_without_a_name_gets_its_number() -> None:
    assert parsed(changed("secret_map/KEY/rollout/0/name", ...)).secrets["KEY"].steps[0].name == "step 1"


def test_what_nobody_has_to_revoke_needs_no_proof_of_use() -> None:
    secrets = parsed(read()).secrets
    assert (secrets["KEY"].revoke.accept, secrets["PAIR"].revoke.accept) == ("use", "life")


def test_every_option_of_a_secret_arrives() -> None:
    raw = read()
    raw["secret_map"]["KEY"] |= {
        "description": "d",
        "owner": "o",
        "blast_radius": "b",
        "retain": "current",
        "guard": {"reason": "r", "allow": "compromised"},
        "revoke": {"after": "48h", "require": ["unused"], "accept": "life"},
    }
    raw["secret_map"]["KEY"]["issuer"]["current_id"] = "tok_1"
    raw["secret_map"]["KEY"]["rollout"][0]["environment"] = "staging"
    secret = parsed(raw).secrets["KEY"]
    assert (secret.description, secret.owner, secret.blast_radius, secret.retain) == ("d", "o", "b", "current")
    assert secret.guard is not None
    assert (secret.guard.reason, secret.guard.allow) == ("r", "compromised")
    assert secret.revoke.after == timedelta(hours=48)
    assert secret.current_id == "tok_1"
    assert "current_id" not in secret.issuer.options
    assert secret.steps[0].environment == "staging"


def test_consumers_and_connections_are_those_in_use() -> None:
    found = parsed(read())
    assert sorted(found.consumers) == ["web", "worker"]
    assert found.consumers["worker"].host == "app1"
    assert list(found.connections) == ["cloud"]


def test_the_map_survives_being_kept_as_json() -> None:
    raw = read(DESIGN)
    assert parsed(json.loads(json.dumps(raw))) == parsed(raw)


def test_connections_may_be_bare_where_nothing_is_sent() -> None:
    raw = changed("secret_connections/cloud", {"type": "fake.cloud.account"})
    found = parse(raw["secret_map"], raw["secret_consumers"], raw["secret_connections"], bare_connections=True)
    assert found.secrets["KEY"].steps[0].copies[0].type == "fake.cloud.account"


def test_an_empty_map_is_no_mistake() -> None:
    assert parse({}, None, None).secrets == {}


def test_localhost_is_a_host_without_being_in_the_inventory() -> None:
    assert parsed(changed("secret_consumers/worker/host", "localhost")).consumers["worker"].host == "localhost"
