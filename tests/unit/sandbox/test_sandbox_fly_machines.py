# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.visitor import CP, Visitor

RUNNING, STOPPED = "d8905e2c41e708", "683d92ea0b1748"


def runs_on(world: Visitor, machine: str = RUNNING) -> dict[str, Any]:
    return world.ask("state")["fly"]["apps"]["molecule-cp"]["machines"][machine]


def test_a_client_that_knows_no_prefix_takes_the_sandbox_for_its_proxy(world: Visitor) -> None:
    options: dict[str, Any] = {"proxies": {"http": world.url}}
    headers = {"Authorization": f"Bearer {world.credentials['FLY_ADMIN_TOKEN']}"}
    shown = requests.get("http://api.machines.dev/v1/apps/molecule-cp", headers=headers, timeout=60, **options)
    assert shown.json()["name"] == "molecule-cp"
    query = {"query": '{app(name: "molecule-cp") {id}}'}
    answer = requests.post("http://api.fly.io/graphql", json=query, headers=headers, timeout=60, **options)
    assert answer.json()["data"]["app"]["id"] == shown.json()["id"]


def test_a_written_secret_reaches_a_machine_by_an_update_only(world: Visitor) -> None:
    new = world.mint()
    version = world.set_fly({"FLY_API_TOKEN": new["tokenHeader"]})["version"]
    assert world.fly("POST", f"{CP}/machines/{RUNNING}/restart").status_code == 200
    assert runs_on(world)["token_id"] == world.old_token()["id"], "a restart keeps what the machine holds"
    before = world.machines()[RUNNING]
    after = world.update(before, min_secrets_version=version).json()
    assert after["instance_id"] != before["instance_id"]
    assert after["state"] == "starting"
    assert runs_on(world)["token_id"] == new["id"]


def test_a_stopped_machine_starts_with_the_newest_secrets(world: Visitor) -> None:
    new = world.mint()
    world.set_fly({"FLY_API_TOKEN": new["tokenHeader"]})
    world.fly("POST", f"{CP}/machines/{STOPPED}/start")
    assert runs_on(world, STOPPED)["token_id"] == new["id"]


def test_skip_launch_keeps_a_stopped_machine_stopped(world: Visitor) -> None:
    machine = world.machines()[STOPPED]
    assert world.update(machine, skip_launch=True).json()["state"] == "stopped"
    assert not world.violations()
    assert world.update(machine).json()["state"] == "starting"
    assert world.violations("foreign"), "a machine that was stopped was started"


def test_checks_pass_some_time_after_the_start(world: Visitor) -> None:
    world.tell("switch", frozen=True)
    machine = world.machines()[RUNNING]
    updated = world.update(machine).json()
    seen = [updated["checks"][0]["status"]]
    assert world.wait(RUNNING, updated["instance_id"]).json()["state"] == "started"
    seen.append(world.machines()[RUNNING]["checks"][0]["status"])
    world.tell("switch", frozen=False)
    seen.append(world.machines()[RUNNING]["checks"][0]["status"])
    assert seen == ["warning", "critical", "passing"]


def test_checks_fail_on_a_machine_whose_token_is_refused(world: Visitor) -> None:
    version = world.set_fly({"FLY_API_TOKEN": "FlyV1 fm2_wrong,fm2_wrong"})["version"]
    updated = world.update(world.machines()[RUNNING], min_secrets_version=version).json()
    world.wait(RUNNING, updated["instance_id"])
    assert world.machines()[RUNNING]["checks"][0]["status"] == "critical"


def test_a_bad_update_spoils_the_next_machine_alone(world: Visitor) -> None:
    world.tell("switch", bad_updates=1, machine_seconds=0.0)
    for machine in (RUNNING, "e28600dc7d9e86"):
        updated = world.update(world.machines()[machine]).json()
        world.wait(machine, updated["instance_id"])
    passing = {
        name: item["passing"] for name, item in world.ask("state")["fly"]["apps"]["molecule-cp"]["machines"].items()
    }
    assert passing == {RUNNING: False, "e28600dc7d9e86": True, STOPPED: False}


def test_waiting_for_what_does_not_come_times_out(world: Visitor) -> None:
    machine = world.machines()[RUNNING]
    assert world.wait(RUNNING, machine["instance_id"], state="stopped", timeout=1).status_code == 408


@pytest.mark.parametrize(
    "query", [{"state": "asleep"}, {"timeout": 61}, {"timeout": 0}, {"state": "stopped", "version": None}]
)
def test_a_malformed_wait_is_refused(world: Visitor, query: dict[str, Any]) -> None:
    assert world.wait(RUNNING, "x", **query).status_code == 400


def test_an_update_needs_the_whole_config(world: Visitor) -> None:
    bodies: tuple[dict[str, Any], ...] = ({}, {"config": {}}, {"config": {"env": {}}})
    for body in bodies:
        assert world.fly("POST", f"{CP}/machines/{RUNNING}", json=body).status_code == 400


def test_an_update_that_loses_part_of_the_config_is_a_violation(world: Visitor) -> None:
    machine = world.machines()[RUNNING]
    world.update(machine)
    assert not world.violations()
    machine["config"].pop("services")
    world.update(machine)
    assert world.violations("foreign")


def test_an_update_of_an_outdated_version_is_refused(world: Visitor) -> None:
    machine = world.machines()[RUNNING]
    assert world.update(machine, current_version=machine["instance_id"]).status_code == 200
    assert world.update(machine, current_version=machine["instance_id"]).status_code == 409


def test_an_update_waits_for_no_replication(world: Visitor) -> None:
    world.tell("switch", replication_lag=60)
    version = world.set_fly({"A": "1"})["version"]
    late = world.update(world.machines()[RUNNING], min_secrets_version=version)
    assert late.status_code == 412
    assert "min_secrets_version" in late.json()["error"]


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_a_lease_keeps_others_out(world: Visitor, shape: str) -> None:
    world.tell("switch", lease_shape=shape)
    path = f"{CP}/machines/{RUNNING}/lease"
    answer = world.fly("POST", path, json={"ttl": 30, "description": "test"})
    assert answer.status_code == 201
    nonce = (answer.json()["data"] if shape == "nested" else answer.json())["nonce"]
    machine = world.machines()[RUNNING]
    assert world.fly("POST", path, json={"ttl": 30}).status_code == 409
    assert world.update(machine).status_code == 409
    assert world.update(machine, headers={"fly-machine-lease-nonce": nonce}).status_code == 200
    assert world.fly("POST", path, json={"ttl": 60}, headers={"fly-machine-lease-nonce": nonce}).status_code == 201
    assert world.fly("DELETE", path).status_code == 400
    assert world.fly("DELETE", path, headers={"fly-machine-lease-nonce": "other"}).status_code == 409
    assert world.fly("DELETE", path, headers={"fly-machine-lease-nonce": nonce}).status_code == 200
    assert world.fly("GET", path).status_code == 404
    if shape == "nested":
        world.tell("reset")  # a shape that the published description does not have


def test_a_lease_takes_its_span_from_the_query_too(world: Visitor) -> None:
    path = f"{CP}/machines/{RUNNING}/lease"
    assert world.fly("POST", path, params={"ttl": 1}).status_code == 201
    assert world.fly("POST", path, params={"ttl": "soon"}).status_code == 409
    machine = world.fly("GET", f"{CP}/machines/{RUNNING}", params={"include_leases": "true"}).json()
    assert machine["lease"]["owner"]


def test_somebody_elses_lease_can_be_arranged(world: Visitor) -> None:
    world.act("lease_machine", machine_id=RUNNING, seconds=30)
    assert world.update(world.machines()[RUNNING]).status_code == 409


def test_people_can_start_and_stop_machines(world: Visitor) -> None:
    new = world.mint()
    world.set_fly({"FLY_API_TOKEN": new["tokenHeader"]})
    world.act("start_machine", machine_id=STOPPED)
    assert runs_on(world, STOPPED)["token_id"] == new["id"]
    world.act("stop_machine", machine_id=RUNNING)
    assert world.machines()[RUNNING]["state"] == "stopped"
    assert not world.violations()


def test_a_machine_tells_what_happened_to_it(world: Visitor) -> None:
    updated = world.update(world.machines()[RUNNING]).json()
    world.wait(RUNNING, updated["instance_id"])
    events = world.fly("GET", f"{CP}/machines/{RUNNING}/events").json()
    assert [event["type"] for event in events] == ["start", "launch", "update"]
