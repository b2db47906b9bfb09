# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks in steps, in front of a control plane that makes organizations, and takes its time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    ConfigurationError,
    StoppedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.check import Http
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
from tests.unit.core.doubles import MemoryCheckpoint, Received, Scripted, ScriptedServer, VirtualClock

TOKEN = "token-of-the-steps"
NEW = Credential("tok_2", "rotor-2", {"token": SecretValue(TOKEN)})
PROVISION: dict[str, Any] = {
    "header": {"Authorization": "Bearer ${token}"},
    "steps": [
        {"method": "POST", "path": "/orgs", "body": {"name": "<name>"}, "save": {"org": "id"}},
        {"path": "/orgs/<org>", "until": {"status": "ready", "name": "<name>"}, "within": "1m", "every": "10s"},
        {"method": "POST", "path": "/orgs/<org>/checkout", "matches": {"url": r"^https://checkout\.stripe\.com/"}},
    ],
    "cleanup": [
        {"path": "/orgs", "status": [200], "save": {"org": "orgs[name=<name>].id"}},
        {"method": "DELETE", "path": "/orgs/<org>"},
    ],
}


@dataclass
class ControlPlane(Scripted):
    """An organization is ready after its third look; ``dies_after`` drops the answer to a request, its effect made."""

    orgs: dict[str, dict[str, Any]] = field(default_factory=dict)
    checkout: str = "https://checkout.stripe.com/c/pay_1"
    ready: int = 3
    dies_after: str = ""

    def next(self, received: Received) -> tuple[int, bytes, Mapping[str, str]]:
        self.received.append(received)
        if received.headers["Authorization"] != f"Bearer {TOKEN}":
            return 401, b"", {}
        status, body = self._answer(f"{received.method} {received.path}", received)
        if self.dies_after and re.match(self.dies_after, f"{received.method} {received.path}"):
            return 0, b"", {}
        return status, b"" if body is None else json.dumps(body).encode(), {}

    def _answer(self, asked: str, received: Received) -> tuple[int, Any]:
        verb, _slash, rest = asked.partition(" /orgs")
        id_ = rest.removesuffix("/checkout").strip("/")
        if asked == "POST /orgs":
            made = {"id": f"o{len(self.received)}", "name": received.json["name"], "looks": 0}
            self.orgs[made["id"]] = made
            return 201, made
        if asked == "GET /orgs":
            return 200, {"orgs": list(self.orgs.values())}
        if id_ not in self.orgs:
            return 404, None
        if rest.endswith("/checkout"):
            return 200, {"url": self.checkout}
        if verb == "DELETE":
            del self.orgs[id_]
            return 204, None
        one = self.orgs[id_]
        one["looks"] += 1
        return 200, {**one, "status": "ready" if one["looks"] >= self.ready else "provisioning"}


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ScriptedServer(ControlPlane()) as server:
        assert isinstance(server, ControlPlane)
        server.orgs["o0"] = {"id": "o0", "name": "a customer"}
        yield server


@pytest.fixture
def server() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def run(
    plane: ControlPlane, clock: VirtualClock, checkpoint: MemoryCheckpoint | None = None, **options: Any
) -> Evidence:
    check = Http({"url": plane.url, **PROVISION, **options}, None, clock=clock)
    check.of_run = "7f3a"
    return check.run(NEW, checkpoint or MemoryCheckpoint())


def failure(plane: ControlPlane, clock: VirtualClock, **options: Any) -> str:
    with pytest.raises(CheckFailedError) as caught:
        run(plane, clock, **options)
    assert TOKEN not in str(caught.value)
    return caught.value.message


def test_steps_use_what_was_answered_and_leave_nothing(plane: ControlPlane, clock: VirtualClock) -> None:
    checkpoint = MemoryCheckpoint()
    evidence = run(plane, clock, checkpoint)
    assert re.fullmatch(r"rotor-check-7f3a-[0-9a-f]{8}", evidence["name"])
    looks = ["GET /orgs/o1"] * 3
    assert plane.asked == ["POST /orgs", *looks, "POST /orgs/o1/checkout", "GET /orgs", "DELETE /orgs/o1"]
    assert clock.slept == [10, 10]
    assert plane.orgs.keys() == {"o0"}
    assert checkpoint.known == {"made": evidence["name"], "cleaned": [evidence["name"]]}


def test_name_is_recorded_before_anything_is_made(plane: ControlPlane, clock: VirtualClock) -> None:
    seen = []

    class Noting(MemoryCheckpoint):
        def record(self, evidence: Mapping[str, Any]) -> None:
            seen.append((list(plane.asked), dict(evidence)))

    name = run(plane, clock, Noting())["name"]
    assert seen[0] == ([], {"made": name, "cleaned": []})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"checkout": "https://evil.example.com"},
            "step 3, POST /orgs/<org>/checkout, has nothing at url that matches",
        ),
        ({"ready": 99}, 'step 2, GET /orgs/<org>, does not say "ready" at status'),
        ({"dies_after": "POST /orgs$"}, "step 1, POST /orgs, gave no answer: the connection broke"),
    ],
    ids=str,
)
def test_step_that_fails_is_named_and_all_is_deleted(
    plane: ControlPlane, clock: VirtualClock, change: dict[str, Any], message: str
) -> None:
    vars(plane).update(change)
    assert f"3 steps at {plane.url.removeprefix('http://')}: {message}" in failure(plane, clock)
    assert plane.orgs.keys() == {"o0"}


@pytest.mark.parametrize("said", [{}, {"url": None}, {"url": True}, {"url": {"a": "x"}}, {"url": ["x"]}], ids=str)
def test_what_is_no_text_matches_nothing(server: Scripted, clock: VirtualClock, said: Any) -> None:
    server.answer(200, said)
    with pytest.raises(CheckFailedError, match="has nothing at url that matches"):
        look(server, clock, matches={"url": ".+"})


@pytest.mark.parametrize("said", ["a", 12, 1.5])
def test_texts_and_numbers_match(server: Scripted, clock: VirtualClock, said: Any) -> None:
    server.answer(200, {"url": said})
    assert look(server, clock, matches={"url": r"^[\w.]+$"})["steps"] == 1


def test_what_is_absent_is_not_null(server: Scripted, clock: VirtualClock) -> None:
    server.answer(200, {"error": "dead"}).answer(200, {"eror": None})
    with pytest.raises(CheckFailedError, match="does not say null at eror"):
        look(server, clock, until={"eror": None})
    assert look(server, clock, until={"eror": None})["steps"] == 1


def look(server: Scripted, clock: VirtualClock, **step: Any) -> Evidence:
    options = {"url": server.url, "steps": [{"path": "/", **step}]}
    evidence: Evidence = Http(options, None, clock=clock).run(None, MemoryCheckpoint())
    return evidence


def test_status_that_was_not_expected_is_told(plane: ControlPlane, clock: VirtualClock) -> None:
    assert "step 1, POST /orgs, answered 401, not 200 or 201" in failure(plane, clock, header={"Authorization": "x"})


def test_what_could_not_be_deleted_is_told_and_the_next_attempt_deletes_it(
    plane: ControlPlane, clock: VirtualClock
) -> None:
    plane.dies_after = "DELETE"
    checkpoint = MemoryCheckpoint()
    with pytest.raises(CheckFailedError) as caught:
        run(plane, clock, checkpoint, cleanup=[*PROVISION["cleanup"][:1], {"method": "DELETE", "path": "/none/<org>"}])
    name = checkpoint.known["made"]
    assert f"what it has made, {name}, could not be deleted: " in caught.value.message
    assert checkpoint.known == {"made": name, "cleaned": []}
    assert len(plane.orgs) == 2

    plane.dies_after = ""
    again = MemoryCheckpoint({"left": [name]})
    second = run(plane, clock, again)["name"]
    assert plane.orgs.keys() == {"o0"}
    assert again.known == {"made": second, "cleaned": [name, second]}


def test_stopped_run_leaves_the_cleanup_to_the_next_one(plane: ControlPlane) -> None:
    clock, checkpoint = VirtualClock(), MemoryCheckpoint()
    clock.meanwhile = clock.stop
    with pytest.raises(StoppedError):
        run(plane, clock, checkpoint)
    assert len(plane.orgs) == 2
    run(plane, VirtualClock(), MemoryCheckpoint({"left": [checkpoint.known["made"]]}))
    assert plane.orgs.keys() == {"o0"}


def test_nothing_left_to_delete_is_no_failure(plane: ControlPlane, clock: VirtualClock) -> None:
    run(plane, clock, MemoryCheckpoint({"left": ["rotor-check-gone"]}))
    assert plane.asked[:2] == ["GET /orgs", "POST /orgs"]


def test_reading_steps_may_tell_health(plane: ControlPlane, clock: VirtualClock) -> None:
    options = {"url": plane.url, "steps": [{"path": "/orgs", "status": [401]}]}
    check = Http(options, None, clock=clock)
    assert check.run(None, MemoryCheckpoint())["steps"] == 1
    check.options = {**options, "steps": [{"path": "/orgs", "method": "POST"}]}
    with pytest.raises(ConfigurationError, match="may change something"):
        check.run(None, MemoryCheckpoint())


def test_longest_wait_is_that_of_all_steps() -> None:
    assert Http.longest({"url": "https://x", **PROVISION}).total_seconds() == 5 * 10 + 60


# The map

URL = {"url": "https://cp.example.com"}
STEPS, CLEANUP = PROVISION["steps"], PROVISION["cleanup"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({**PROVISION, "status": 200}, "status: with steps, each step says its own"),
        ({"steps": [{"path": "/<org>"}]}, "steps: <org> is unknown"),
        ({**PROVISION, "cleanup": [*CLEANUP[:1], {"path": "/<id>"}]}, "cleanup: <id> is unknown"),
        ({"steps": STEPS}, "steps: they make <name>, and no cleanup deletes that"),
        (
            {"steps": STEPS, "cleanup": [{"path": "/orgs/last", "method": "DELETE"}]},
            "cleanup: it has to find by <name> what was made, since a kill may come before more is known",
        ),
        (
            {"steps": [{"path": "/orgs"}], "cleanup": CLEANUP},
            "steps: what cleanup deletes is found by <name>, and they make nothing of that name",
        ),
        (
            {"steps": [{"path": "/x", "method": "POST", "within": "1m"}]},
            "steps: within: POST is not sent again, since it may change something each time",
        ),
        ({"steps": [{"path": "/x", "save": {"name": "id"}}]}, "steps: save: <name> is the name of this attempt"),
        ({"steps": [{"path": "/x", "matches": {"url": "("}}]}, "steps: matches: ( is no regular expression"),
        (
            {"steps": [{"path": "/x", "until": {"a[": 1}}]},
            "steps: a[ is not a path such as data.items[0].name or [key=<key>].updated_at",
        ),
        ({"cleanup": CLEANUP}, "cleanup: there are no steps that make something"),
    ],
)
def test_what_the_schema_cannot_say_is_found_beforehand(options: dict[str, Any], problem: str) -> None:
    assert Http.validate({**URL, **options}) == [problem]


def test_right_steps_have_no_problem() -> None:
    jsonschema.Draft202012Validator(schema.check("http")).validate({"type": "http", **URL, **PROVISION})
    assert Http.validate({**URL, **PROVISION}) == []
    assert Http.label({**URL, **PROVISION}) == "3 steps at cp.example.com"
