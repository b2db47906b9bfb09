# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.sandbox import server
from tests.sandbox.visitor import CP, REPO, Visitor

STORE = f"{CP}/secrets"


def test_a_right_rotation_violates_nothing(world: Visitor) -> None:
    old, new = world.old_token(), world.mint(name="rotor-1")
    world.roll(world.set_fly({"FLY_API_TOKEN": new["tokenHeader"]})["version"])
    assert {world.call("GET", "/molecule-cp/cp/self-test").status_code for _turn in range(2)} == {200}
    world.put_github("FLY_API_TOKEN", new["tokenHeader"])
    assert world.finished(world.dispatch().json()["workflow_run_id"])["conclusion"] == "success"
    world.revoke(old["id"])
    assert world.tell("probe", token_id=old["id"]) == {"status": 401}
    assert world.call("GET", "/molecule-cp/health").json() == {"status": "ok", "machines": 2}
    assert world.violations() == []
    assert world.ask("mints", prefix="rotor-") == {"count": 1, "names": ["rotor-1"]}


def test_revoking_first_breaks_every_consumer_and_copy(world: Visitor) -> None:
    world.revoke(world.old_token()["id"])
    assert len(world.violations("consumer")) == 2, "the two running machines"
    assert len(world.violations("latent")) == 2, "the two stores"
    assert world.call("GET", "/molecule-cp/health").status_code == 503
    assert world.call("GET", "/molecule-cp/cp/self-test").json()["fly"] == 401
    assert len(world.violations()) == 4, "what is broken is logged once, however often it is used"


def test_a_gap_is_measured(world: Visitor) -> None:
    new = world.mint()
    world.set_fly({"FLY_API_TOKEN": "FlyV1 fm2_wrong,fm2_wrong"})
    world.set_fly({"FLY_API_TOKEN": new["tokenHeader"]})
    (gap,) = world.ask("violations")["violations"]
    assert gap["kind"] == "latent"
    assert gap["until"] >= gap["at"]


def test_too_narrow_a_token_is_alive_but_no_use(world: Visitor) -> None:
    narrow = world.tell("fly/token", profile="deploy", app="molecule-cp")["token"]
    world.roll(world.set_fly({"FLY_API_TOKEN": narrow})["version"])
    assert world.call("GET", "/molecule-cp/health").status_code == 200
    test = world.call("GET", "/molecule-cp/cp/self-test")
    assert (test.status_code, test.json()["fly"]) == (503, 403)
    assert world.violations("consumer")


def test_a_credential_can_introduce_itself(world: Visitor) -> None:
    token = world.mint()["tokenHeader"]
    assert world.call("GET", "/molecule-cp/cp/whoami", token).status_code == 200
    assert world.call("GET", "/molecule-cp/cp/whoami", "FlyV1 fm2_wrong").status_code == 401


@pytest.mark.parametrize("foreign", ["token", "secret", "deleted secret", "repository secret", "machine"])
def test_whoever_touches_what_is_not_named_is_reported(world: Visitor, foreign: str) -> None:
    if foreign == "token":
        world.revoke(world.ask("state")["fly"]["tokens"][1]["id"])
    elif foreign == "repository secret":
        world.put_github("NPM_TOKEN", "x")
    elif foreign == "machine":
        (machine,) = world.fly("GET", "/v1/apps/molecule-tenant/machines").json()
        world.fly("POST", f"/v1/apps/molecule-tenant/machines/{machine['id']}", json={"config": machine["config"]})
    else:
        world.set_fly({"NEON_API_KEY": None if "deleted" in foreign else "x"})
    assert len(world.violations("foreign")) == 1


def test_named_secrets_and_new_ones_are_nobody_elses(world: Visitor) -> None:
    world.tell("switch", named=["NEON_API_KEY", "molecule-cp"])
    world.set_fly({"NEON_API_KEY": "x", "BRAND_NEW": "y"})
    world.set_fly({"BRAND_NEW": None})
    assert not world.violations()


def test_an_expiry_breaks_its_consumers_too(world: Visitor) -> None:
    world.act("expire_fly_token", token_id=world.old_token()["id"])
    assert len(world.violations("consumer")) == 2


def test_a_client_may_revoke_what_it_has_minted(world: Visitor) -> None:
    token = world.mint()
    world.act("set_repo_secret", repository="Molecule-AI/molecule-monorepo", name="NPM_TOKEN", value="x")
    world.revoke(token["id"])
    assert not world.violations()


def test_what_people_do_is_not_the_clients_fault(world: Visitor) -> None:
    world.act("set_fly_secret", app="molecule-cp", name="NEON_API_KEY", value="x")
    world.act("set_repo_secret", repository="Molecule-AI/molecule-monorepo", name="NPM_TOKEN", value="x")
    world.act("revoke_fly_token", token_id=world.ask("state")["fly"]["tokens"][1]["id"])
    assert not world.violations()


def test_the_picture_holds_no_value(world: Visitor) -> None:
    world.roll(world.set_fly({"FLY_API_TOKEN": world.mint()["tokenHeader"]})["version"])
    world.dispatch()
    shown = [
        world.http.get(f"{world.url}/oracle/{page}").text for page in ("state", "requests", "counts", "violations")
    ]
    values = world.ask("credentials")["values"]
    assert len(values) > 10
    assert not [value for value in values for text in shown if value in text]


def test_requests_are_counted_with_their_effects(world: Visitor) -> None:
    start = world.ask("counts")["total"]
    world.fly("GET", STORE)
    world.set_fly({"A": "1"})
    world.fly("POST", STORE, json={})
    world.graphql('{app(name: "molecule-cp") {id}}')
    entries = world.ask("requests", since=start)["requests"]
    assert [(entry["method"], entry["mutating"], entry["effect"], entry["status"]) for entry in entries] == [
        ("GET", False, False, 200),
        ("POST", True, True, 200),
        ("POST", True, False, 400),
        ("POST", False, False, 200),
    ]
    assert entries[-1]["operations"] == ["app"]
    assert world.ask("counts")["by"][f"fly POST {STORE}"] == 2


def test_a_reset_makes_the_world_new_for_the_same_operator(world: Visitor) -> None:
    token = world.mint()
    world.tell("reset")
    assert world.ask("requests")["requests"] == []
    assert world.fly("GET", "/v1/tokens/current", token["tokenHeader"]).status_code == 401
    assert world.fly("GET", STORE).status_code == 200
    assert world.old_token()["id"] == "TGltaXRlZEFjY2Vzc1Rva2VuOjgz"


def versions(world: Visitor) -> int:
    return world.ask("state")["fly"]["apps"]["molecule-cp"]["secrets_version"]


@pytest.mark.parametrize(("kind", "effects"), [("reset_before", 0), ("reset_after", 1), ("truncated", 1)])
def test_a_lost_answer_may_or_may_not_have_had_its_effect(world: Visitor, kind: str, effects: int) -> None:
    before = versions(world)
    world.tell("faults", provider="fly", method="POST", path="/secrets$", kind=kind)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        world.set_fly({"A": "1"})
    assert versions(world) == before + effects
    assert world.set_fly({"A": "1"})["version"], "a fault happens as often as was said"


@pytest.mark.parametrize(("after", "effects"), [(False, 0), (True, 1)])
def test_a_status_fault_has_the_providers_shape(world: Visitor, after: bool, effects: int) -> None:
    before = versions(world)
    world.tell("faults", path="/secrets$", kind="status", status=502, headers={"retry-after": "7"}, after=after)
    answer = world.fly("POST", STORE, json={"values": {"A": "1"}})
    assert (answer.status_code, answer.headers["retry-after"]) == (502, "7")
    assert answer.json()["error"]
    assert answer.headers["fly-request-id"]
    assert versions(world) == before + effects


def test_other_faults_look_like_their_names(world: Visitor) -> None:
    world.tell("faults", path="/secrets$", kind="html", status=503)
    assert world.fly("GET", STORE).headers["content-type"].startswith("text/html")
    world.tell("faults", path="/secrets$", kind="redirect", location="http://127.0.0.1:9/")
    assert world.fly("GET", STORE).headers["location"] == "http://127.0.0.1:9/"
    world.tell("faults", graphql="app", kind="ok_with_errors")
    assert world.graphql('{app(name: "molecule-cp") {id}}')["errors"]
    world.tell("faults", path="/secrets$", kind="hang")
    with pytest.raises(requests.Timeout):
        world.fly("GET", STORE, timeout=0.2)
    world.tell("faults", path="/secrets$", kind="delay", seconds=0.05)
    assert world.fly("GET", STORE).status_code == 200


def test_faults_can_skip_repeat_and_be_taken_away(world: Visitor) -> None:
    world.tell("faults", provider="fly", method="GET", path="/secrets$", skip=1, times=2)
    assert [world.fly("GET", STORE).status_code for _turn in range(4)] == [200, 503, 503, 200]
    world.tell("faults", provider="github", path=REPO, times=0)
    assert [world.github("GET", REPO).status_code for _turn in range(2)] == [503, 503]
    world.http.delete(f"{world.url}/oracle/faults")
    assert world.github("GET", REPO).status_code == 200


@pytest.mark.parametrize(("when", "drop", "effects"), [("before", False, 1), ("before", True, 0), ("after", True, 1)])
def test_a_gate_holds_a_request_at_an_exact_point(world: Visitor, when: str, drop: bool, effects: int) -> None:
    before = versions(world)
    world.tell("gate", provider="fly", method="POST", path="/secrets$", when=when)
    outcome: list[object] = []

    def write() -> None:
        try:
            outcome.append(Visitor(world.url).set_fly({"A": "1"}))
        except requests.ConnectionError as exc:
            outcome.append(exc)

    writer = threading.Thread(target=write)
    writer.start()
    (held,) = world.ask("gate", wait=120)["held"]
    assert held["path"] == STORE
    assert versions(world) == before + (when == "after")
    assert world.fly("GET", STORE).status_code == 200, "nobody else has to wait"
    world.tell("gate/release", drop=drop)
    writer.join()
    assert isinstance(outcome[0], requests.ConnectionError) == drop
    assert versions(world) == before + effects
    assert world.ask("gate")["held"] == []


def test_a_mistake_in_a_test_is_named(world: Visitor) -> None:
    for what, facts in {"switch": {"rate_limit": True}, "faults": {"kind": "odd"}, "act": {"deed": "odd"}}.items():
        answer = world.http.post(f"{world.url}/oracle/{what}", json=facts)
        assert answer.status_code == 400
        assert "known: " in answer.json()["error"]


def test_requests_outside_of_the_description_are_violations(world: Visitor) -> None:
    if server.find_specs() is None:
        pytest.skip("the published descriptions are not here")
    world.set_fly({"A": "1"})
    world.put_github("FLY_API_TOKEN", "x")
    world.dispatch()
    assert not world.violations("spec")
    world.fly("GET", STORE, params={"version": 1})
    world.fly("POST", f"{STORE}/A", json={"value": "x", "colour": "red"})
    world.github("GET", "/nothing")
    assert world.violations("spec") == [
        "request: unknown parameter version",
        "request: unknown property colour",
        "request: not in the provider's description",
    ]


def test_the_operators_credentials_come_from_the_environment() -> None:
    running = server.start(credentials={"FLY_ADMIN_TOKEN": "FlyV1 fm2_mine", "GITHUB_ADMIN_TOKEN": "ghp_mine"})
    try:
        visitor = Visitor(running.url)
        assert visitor.fly("GET", STORE, "FlyV1 fm2_mine").status_code == 200
        assert visitor.github("GET", REPO, "ghp_mine").status_code == 200
    finally:
        running.stop()
    assert not psutil.pid_exists(running.pid)


def test_the_world_ends_with_whoever_started_it() -> None:
    program = "from tests.sandbox import server; print(server.start().pid, flush=True)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=server.ROOT, capture_output=True, text=True, check=True)
    pid = int(done.stdout)
    deadline = time.monotonic() + 120
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline


def test_half_a_request_is_none(world: Visitor) -> None:
    before = world.ask("counts")["total"]
    where = urlsplit(world.url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as client:
        client.sendall(b"PUT /github/repos/a/b/actions/secrets/X HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert world.ask("counts")["total"] == before
    assert world.violations() == []
