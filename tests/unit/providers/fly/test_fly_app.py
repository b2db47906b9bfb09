# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Written
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    ConflictError,
    StoppedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.consumer import FlyApp
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock
from tests.unit.providers.fly.support import APP, FIRST, SECOND, STOPPED, CrashingCheckpoint, connect, paths

ALL = {FIRST, SECOND, STOPPED}


@pytest.fixture
def app(fly: FlyConnection) -> FlyApp:
    return FlyApp({"app": APP, "timeout": 20}, fly, clock=fly.clock)


@pytest.fixture
def write(world: Visitor, fly: FlyConnection) -> Callable[[], Written]:
    """Put a new token that works into the app's secrets."""

    def write() -> Written:
        evidence = fly.set_secrets(APP, {"FLY_API_TOKEN": SecretValue(world.mint()["tokenHeader"])})
        return Written("fly", {"app": APP}, evidence, datetime.now(UTC))

    return write


def machines(world: Visitor) -> dict[str, Any]:
    return world.ask("state")["fly"]["apps"][APP]["machines"]


def instances(world: Visitor) -> dict[str, str]:
    return {name: machine["instance_id"] for name, machine in machines(world).items()}


def leased(world: Visitor) -> list[str]:
    return [name for name, machine in machines(world).items() if machine["leased"]]


# A reload that goes well


def test_every_machine_runs_on_the_new_version_and_the_stopped_one_stays_stopped(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    written = write()
    evidence = app.reload([written], MemoryCheckpoint())
    after = machines(world)
    assert {machine["secrets_version"] for machine in after.values()} == {written.evidence["version"]}
    assert {name: machine["state"] for name, machine in after.items()} == {
        FIRST: "started",
        SECOND: "started",
        STOPPED: "stopped",
    }
    assert after[FIRST]["passing"]
    assert after[SECOND]["passing"]
    release = evidence["release"]
    assert evidence == {
        "version": written.evidence["version"],
        "machines": instances(world),
        "launched": [FIRST, SECOND],
        "release": {"id": release["id"], "version": 42},
    }
    assert app.summary(evidence) == "2 of 2 machines run on it, 1 stopped will when started"
    assert leased(world) == []
    assert world.violations("foreign") == []


def test_a_machine_is_well_before_the_next_one_is_touched(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    app.reload([write()], MemoryCheckpoint())
    updates = [path.rsplit("/", 1)[-1] for path in paths(world, "POST") if not path.endswith(("lease", "secrets"))]
    assert [update for update in updates if update in ALL] == [FIRST, SECOND, STOPPED]


def test_the_highest_version_of_this_app_counts(world: Visitor, app: FlyApp, write: Callable[[], Written]) -> None:
    first, second = write(), write()
    other = Written("fly", {"app": "molecule-tenant"}, {"version": 999}, datetime.now(UTC))
    elsewhere = Written("github", {"repository": "a/b"}, {}, datetime.now(UTC))
    evidence = app.reload([second, other, first, elsewhere], MemoryCheckpoint())
    assert evidence["version"] == second.evidence["version"]


def test_no_call_more_than_needed(world: Visitor, app: FlyApp, write: Callable[[], Written]) -> None:
    world.tell("switch", machine_seconds=0.0)
    written = write()
    since = len(world.ask("requests")["requests"])
    app.reload([written], MemoryCheckpoint())
    entries = world.ask("requests", since=since)["requests"]
    base = f"/v1/apps/{APP}/machines"
    each = [("POST", "/lease"), ("GET", ""), ("POST", "")]
    well = [("GET", "/wait"), ("GET", "")]
    graphql = ("POST", "/graphql")
    expected = [("GET", base), graphql, graphql]
    for name in (FIRST, SECOND, STOPPED):
        steps = [*each, *(well if name != STOPPED else []), ("DELETE", "/lease")]
        expected += [(verb, f"{base}/{name}{rest}") for verb, rest in steps]
    expected += [("GET", base), graphql]
    assert [(entry["method"], entry["path"]) for entry in entries] == expected


def test_machines_can_be_updated_in_batches(world: Visitor, fly: FlyConnection, write: Callable[[], Written]) -> None:
    written = write()
    evidence = FlyApp({"app": APP, "batch": 3}, fly, clock=fly.clock).reload([written], MemoryCheckpoint())
    assert evidence["machines"] == instances(world)
    assert {machine["secrets_version"] for machine in machines(world).values()} == {written.evidence["version"]}


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_both_shapes_of_a_lease_are_understood(
    world: Visitor, app: FlyApp, write: Callable[[], Written], shape: str
) -> None:
    world.tell("switch", lease_shape=shape)
    assert set(app.reload([write()], MemoryCheckpoint())["machines"]) == ALL
    assert leased(world) == []


def test_a_host_that_does_not_know_the_version_yet_is_waited_for(
    world: Visitor, app: FlyApp, write: Callable[[], Written], clock: VirtualClock
) -> None:
    world.tell("switch", replication_lag=600.0)
    written = write()
    clock.meanwhile = lambda: world.act("replicate_fly_secrets", app=APP)
    app.reload([written], MemoryCheckpoint())
    assert {machine["secrets_version"] for machine in machines(world).values()} == {written.evidence["version"]}
    assert clock.slept == [2]


def test_a_host_that_never_knows_the_version_is_not_updated(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    world.tell("switch", replication_lag=600.0)
    before = instances(world)
    with pytest.raises(UnavailableError, match="does not know version"):
        app.reload([write()], MemoryCheckpoint())
    assert instances(world) == before
    assert leased(world) == []


def test_the_configuration_goes_back_whole_but_for_its_release(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    before = {name: machine["config"] for name, machine in world.machines().items()}
    release = app.reload([write()], MemoryCheckpoint())["release"]
    for config in before.values():
        config["metadata"] |= {"fly_release_id": release["id"], "fly_release_version": str(release["version"])}
    assert {name: machine["config"] for name, machine in world.machines().items()} == before


# Its release


def picture(world: Visitor) -> dict[str, Any]:
    app: dict[str, Any] = world.ask("state")["fly"]["apps"][APP]
    return app


def test_a_reload_leaves_behind_what_fly_secrets_deploy_does(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    written = write()
    assert picture(world)["secrets"]["FLY_API_TOKEN"]["status"] == "Staged"
    app.reload([written], MemoryCheckpoint())
    assert {secret["status"] for secret in picture(world)["secrets"].values()} == {"Deployed"}
    assert picture(world)["releases"][1:] == [{"version": 42, "status": "complete"}]


def test_a_resumed_reload_goes_on_with_its_release(world: Visitor, app: FlyApp, write: Callable[[], Written]) -> None:
    written, checkpoint = write(), MemoryCheckpoint()
    world.tell("switch", bad_updates=1)
    with pytest.raises(CheckFailedError):
        app.reload([written], checkpoint)
    assert picture(world)["releases"][1:] == [{"version": 42, "status": "failed"}]
    app.reload([written], checkpoint)
    assert picture(world)["releases"][1:] == [{"version": 42, "status": "complete"}]


@pytest.mark.parametrize("refused", ["app", "createRelease"])
def test_machines_are_updated_where_no_release_can_be_made(
    world: Visitor, app: FlyApp, write: Callable[[], Written], refused: str
) -> None:
    world.tell("faults", provider="fly", graphql=refused, kind="ok_with_errors", times=0)
    written = write()
    evidence = app.reload([written], MemoryCheckpoint())
    assert "release" not in evidence
    assert {machine["secrets_version"] for machine in machines(world).values()} == {written.evidence["version"]}


# Machines that come and go


def test_a_machine_that_is_replaced_meanwhile_is_left_out_and_its_successor_updated(
    world: Visitor, fly: FlyConnection, write: Callable[[], Written]
) -> None:
    written = write()
    with meanwhile(world, fly, written, f"/machines/{FIRST}$") as replaced:
        world.act("destroy_machine", machine_id=SECOND)
        world.act("launch_machine", app=APP, like=STOPPED, identity="successor")
    evidence = replaced.result()
    assert evidence["machines"] == instances(world)
    assert evidence["machines"].keys() == {FIRST, STOPPED, "successor"}
    assert evidence["launched"] == [FIRST, "successor"]


@pytest.mark.parametrize("when", ["lease$", "$", "wait$"])
def test_a_machine_that_is_destroyed_while_it_is_updated_is_left_out(
    world: Visitor, fly: FlyConnection, write: Callable[[], Written], when: str
) -> None:
    written = write()
    with meanwhile(world, fly, written, f"/machines/{FIRST}/?{when}") as replaced:
        world.act("destroy_machine", machine_id=FIRST)
    assert replaced.result()["machines"] == instances(world)
    assert FIRST not in instances(world)


def test_a_machine_that_is_deployed_meanwhile_is_updated_again(
    world: Visitor, fly: FlyConnection, write: Callable[[], Written]
) -> None:
    written = write()
    with meanwhile(world, fly, written, f"/machines/{FIRST}/wait$") as replaced:
        world.act("deploy_machine", machine_id=FIRST)
    assert replaced.result()["machines"] == instances(world)
    assert machines(world)[FIRST]["passing"]


@contextmanager
def meanwhile(world: Visitor, fly: FlyConnection, written: Written, path: str) -> Iterator[Future[Any]]:
    """A reload that is held while this request is under way; it goes on after the block."""
    app = FlyApp({"app": APP, "timeout": 20}, fly, clock=fly.clock)
    world.tell("gate", provider="fly", path=path, when="before")
    with ThreadPoolExecutor(1) as pool:
        reload = pool.submit(app.reload, [written], MemoryCheckpoint())
        assert world.ask("gate", wait=120)["held"]
        yield reload
        world.tell("gate/release")


# A reload that does not


def test_the_first_bad_machine_stops_it_and_the_others_stay_as_they_were(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    before = instances(world)
    written = write()
    world.tell("switch", bad_updates=1)
    with pytest.raises(CheckFailedError) as error:
        app.reload([written], MemoryCheckpoint())
    assert FIRST in error.value.message
    assert "servicecheck-00-http-8080 is critical" in error.value.message
    assert "1 of 3 machines have the new version, 2 still the old one" in error.value.hint
    after = instances(world)
    assert after[FIRST] != before[FIRST]
    assert (after[SECOND], after[STOPPED]) == (before[SECOND], before[STOPPED])
    assert leased(world) == []


def test_a_machine_that_ends_is_bad_at_once(world: Visitor, app: FlyApp, write: Callable[[], Written]) -> None:
    written = write()
    world.tell("switch", machine_seconds=30.0)
    world.tell("faults", provider="fly", path=f"/{FIRST}/wait$", kind="status", status=408)
    world.tell("gate", provider="fly", path=f"/{FIRST}/wait$", when="before")
    with ThreadPoolExecutor(1) as pool:
        reload = pool.submit(app.reload, [written], MemoryCheckpoint())
        assert world.ask("gate", wait=120)["held"]
        world.act("stop_machine", machine_id=FIRST)
        world.tell("gate/release")
        with pytest.raises(CheckFailedError, match="state stopped"):
            reload.result()


def test_a_lease_held_by_somebody_else_names_the_holder(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    written = write()
    world.act("lease_machine", machine_id=FIRST, seconds=600)
    before = instances(world)
    with pytest.raises(ConflictError, match=r"somebody@molecule\.example \(a deploy by hand\)"):
        app.reload([written], MemoryCheckpoint())
    assert instances(world) == before


def test_a_lease_that_ends_soon_is_waited_for(
    world: Visitor, app: FlyApp, write: Callable[[], Written], clock: VirtualClock
) -> None:
    written = write()
    world.act("lease_machine", machine_id=FIRST, seconds=600)
    clock.meanwhile = lambda: world.act("lease_machine", machine_id=FIRST, seconds=0)
    assert set(app.reload([written], MemoryCheckpoint())["machines"]) == ALL


@pytest.mark.parametrize("kind", ["reset_after", "reset_before", "truncated"])
def test_a_lost_answer_to_an_update_is_put_right_by_looking_again(
    world: Visitor, app: FlyApp, write: Callable[[], Written], kind: str
) -> None:
    written = write()
    world.tell("faults", provider="fly", method="POST", path=f"/machines/{FIRST}$", kind=kind)
    evidence = app.reload([written], MemoryCheckpoint())
    assert evidence["machines"] == instances(world)
    assert machines(world)[FIRST]["passing"]


def test_a_stopped_run_sends_nothing_more_and_the_next_one_takes_up_its_lease(
    world: Visitor, fly: FlyConnection, write: Callable[[], Written]
) -> None:
    written, checkpoint = write(), MemoryCheckpoint()
    world.tell("switch", machine_seconds=30.0)
    world.tell("gate", provider="fly", method="POST", path=f"/machines/{FIRST}$", when="after")
    app = FlyApp({"app": APP}, fly, clock=fly.clock)
    with ThreadPoolExecutor(1) as pool:
        reload = pool.submit(app.reload, [written], checkpoint)
        assert world.ask("gate", wait=120)["held"]
        fly.clock.stop()
        world.tell("gate/release")
        with pytest.raises(StoppedError):
            reload.result()
    assert world.ask("requests")["requests"][-1]["path"] == f"/v1/apps/{APP}/machines/{FIRST}"
    world.tell("switch", machine_seconds=0)
    again = FlyApp({"app": APP}, connect(world), clock=app.clock)
    assert again.reload([written], checkpoint)["machines"] == instances(world)
    assert leased(world) == []


# Going on


@pytest.mark.parametrize("records", range(1, 7))
def test_a_run_cut_off_anywhere_is_finished_by_the_next_one(
    world: Visitor, app: FlyApp, write: Callable[[], Written], records: int
) -> None:
    written = write()
    checkpoint = CrashingCheckpoint(after=records)
    with pytest.raises(KeyboardInterrupt):
        app.reload([written], checkpoint)
    done = {name for name in ALL if machines(world)[name]["passing"]} & set(checkpoint.known["machines"])
    between = instances(world)
    again = FlyApp({"app": APP}, connect(world), clock=app.clock)
    evidence = again.reload([written], MemoryCheckpoint(checkpoint.known))
    assert evidence["machines"] == instances(world)
    assert evidence["launched"] == [FIRST, SECOND]
    assert {name for name in done if between[name] != evidence["machines"][name]} == set()
    assert machines(world)[STOPPED]["state"] == "stopped"


def test_a_killed_run_s_lease_is_taken_up_by_the_next_one(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    written = write()
    nonce = world.fly("POST", f"/v1/apps/{APP}/machines/{FIRST}/lease", json={"ttl": 600}).json()["nonce"]
    known = {"version": written.evidence["version"], "machines": {}, "launched": [FIRST], "nonces": {FIRST: nonce}}
    slept = app.clock.monotonic()
    assert set(app.reload([written], MemoryCheckpoint(known))["machines"]) == ALL
    assert app.clock.monotonic() - slept < 20
    assert leased(world) == []


def test_what_is_recorded_of_another_version_does_not_count(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    checkpoint = MemoryCheckpoint()
    app.reload([write()], checkpoint)
    before = instances(world)
    app.reload([write()], checkpoint)
    assert all(instances(world)[name] != before[name] for name in ALL)


def test_a_machine_that_went_down_after_its_update_is_not_taken_for_one_that_was_stopped(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    written, checkpoint = write(), MemoryCheckpoint()
    app.reload([written], checkpoint)
    world.act("stop_machine", machine_id=FIRST)
    app.reload([written], checkpoint)
    assert machines(world)[FIRST]["passing"]


# Before a reload


def test_a_well_app_is_not_sick(app: FlyApp) -> None:
    assert app.health_problems() == []
    assert app.preview() == ["3 machines, one at a time (1 stopped stays stopped)"]
    assert FlyApp.label({"app": APP}) == f"fly app {APP}"


def test_preflight_lists_the_machines_once(world: Visitor, app: FlyApp) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda ask: ask(), (app.preview, app.health_problems)))
    assert paths(world, "GET").count(f"/v1/apps/{APP}/machines") == 1


def test_failing_checks_are_named(world: Visitor, app: FlyApp) -> None:
    world.tell("switch", sick_apps=[APP])
    assert app.health_problems() == [
        f"machine {FIRST}: check servicecheck-00-http-8080 is critical",
        f"machine {SECOND}: check servicecheck-00-http-8080 is critical",
    ]


def test_an_app_that_does_not_run_is_written_and_proves_nothing(
    world: Visitor, app: FlyApp, write: Callable[[], Written]
) -> None:
    world.act("stop_machine", machine_id=FIRST)
    world.act("stop_machine", machine_id=SECOND)
    assert app.health_problems() == []
    assert app.preview()[1:] == [
        "none of them runs: nothing has to be reloaded, and nothing here will prove the new value"
    ]
    evidence = app.reload([write()], MemoryCheckpoint())
    assert app.summary(evidence) == "3 machines, none of which runs"
    assert {machine["state"] for machine in machines(world).values()} == {"stopped"}


def test_other_peoples_staged_secrets_are_named(world: Visitor, app: FlyApp) -> None:
    world.act("set_fly_secret", app=APP, name="SOMEBODY_S_WORK", value="not-yet-live")
    assert app.preview()[1:] == ["goes live as well, set since the last update of its machines: SOMEBODY_S_WORK"]


def test_the_outlook_says_how_many_at_once(fly: FlyConnection) -> None:
    app = FlyApp({"app": APP, "batch": 2}, fly, clock=fly.clock)
    assert app.preview() == ["3 machines, 2 at a time (1 stopped stays stopped)"]


# Machines that others release


def test_instances_are_the_versions_of_all_machines(world: Visitor, app: FlyApp, write: Callable[[], Written]) -> None:
    before = app.instances([write()])
    assert before == instances(world)
    for machine in ALL:
        world.act("deploy_machine", machine_id=machine)
    assert before.keys() == (after := app.instances([])).keys()
    assert not set(before.values()) & set(after.values())


def test_restart_is_no_release(world: Visitor, app: FlyApp, write: Callable[[], Written]) -> None:
    before = app.instances([write()])
    assert world.fly("POST", f"/v1/apps/{APP}/machines/{FIRST}/restart").status_code == 200
    assert app.instances([]) == before


def test_instances_are_told_once_fly_knows_what_was_written(
    world: Visitor, app: FlyApp, write: Callable[[], Written], clock: VirtualClock
) -> None:
    world.tell("switch", replication_lag=600.0)
    written = write()
    clock.meanwhile = lambda: world.act("replicate_fly_secrets", app=APP)
    app.instances([written])
    assert clock.slept == [2]
    assert world.violations("leak") == []


def test_instances_are_not_told_before(world: Visitor, app: FlyApp, write: Callable[[], Written]) -> None:
    world.tell("switch", replication_lag=600.0)
    written = write()
    with pytest.raises(UnavailableError, match=f"waiting for version {written.evidence['version']} of the secrets"):
        app.instances([written])
