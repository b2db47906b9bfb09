# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.visitor import CP, Visitor


def test_values_are_never_readable(world: Visitor) -> None:
    listed = world.fly("GET", f"{CP}/secrets")
    assert {item["name"] for item in listed.json()["secrets"]} > {"FLY_API_TOKEN", "NEON_API_KEY"}
    assert not any(value in listed.text for value in world.ask("credentials")["values"])


def test_one_bulk_call_makes_one_version(world: Visitor) -> None:
    first = world.set_fly({"A": "1", "B": "2"})
    second = world.set_fly({"A": None, "C": "3"})
    assert second["version"] == first["version"] + 1
    names = {item["name"] for item in world.fly("GET", f"{CP}/secrets").json()["secrets"]}
    assert {"B", "C"} <= names
    assert "A" not in names


def test_an_identical_value_keeps_its_digest_and_date_but_makes_a_version(world: Visitor) -> None:
    first, again, other = (world.set_fly({"A": value}) for value in ("1", "1", "2"))
    assert again["secrets"] == first["secrets"]
    assert again["version"] > first["version"]
    assert other["secrets"][0]["digest"] != first["secrets"][0]["digest"]


def test_a_single_secret_can_be_set_read_and_deleted(world: Visitor) -> None:
    assert world.fly("POST", f"{CP}/secrets/ONE", json={"value": "x"}).status_code == 201
    shown = world.fly("GET", f"{CP}/secrets/ONE").json()
    assert shown["name"] == "ONE"
    assert "value" not in shown
    assert world.fly("DELETE", f"{CP}/secrets/ONE").status_code == 200
    assert world.fly("GET", f"{CP}/secrets/ONE").status_code == 404


def test_asking_for_the_values_is_a_violation(world: Visitor) -> None:
    world.fly("GET", f"{CP}/secrets", params={"show_secrets": "true"})
    assert world.violations("leak") == ["show_secrets was asked for"]


@pytest.mark.parametrize("body", [{}, {"values": {}}, {"values": []}, {"values": {"A": 1}}, {"values": {"A-B": "x"}}])
def test_a_malformed_write_is_refused_without_effect(world: Visitor, body: dict[str, Any]) -> None:
    before = world.ask("state")["fly"]["apps"]["molecule-cp"]["secrets_version"]
    assert world.fly("POST", f"{CP}/secrets", json=body).status_code == 400
    assert world.ask("state")["fly"]["apps"]["molecule-cp"]["secrets_version"] == before


def test_a_write_shows_only_once_it_is_replicated(world: Visitor) -> None:
    world.tell("switch", replication_lag=60)
    version = world.set_fly({"A": "1"})["version"]
    names = [item["name"] for item in world.fly("GET", f"{CP}/secrets").json()["secrets"]]
    assert "A" not in names
    late = world.fly("GET", f"{CP}/secrets", params={"min_version": version})
    assert late.status_code == 412
    assert "min_version" in late.json()["error"]


@pytest.mark.parametrize(("path", "status"), [("/v1/apps/nobody", 404), ("/v1/nothing", 404), ("/v1/apps", 400)])
def test_errors_have_the_providers_shape_and_a_request_id(world: Visitor, path: str, status: int) -> None:
    answer = world.fly("GET", path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "status", "details"}
    assert answer.headers["fly-request-id"]
    assert answer.headers["date"]


def test_calls_that_come_too_fast_are_refused(world: Visitor) -> None:
    world.tell("switch", rate_limits=True, frozen=True)
    statuses = [world.fly("GET", f"{CP}/secrets").status_code for _turn in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    machines = [world.fly("GET", f"{CP}/machines/d8905e2c41e708").status_code for _turn in range(10)]
    assert machines == [200] * 10, "reading a machine has a larger budget of its own"
