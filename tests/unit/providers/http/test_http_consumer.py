# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploy hooks, and requests for each item of a list, in the tenant platform of the sandbox and in scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors, registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Consumer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.client import HttpConnection
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import MemoryCheckpoint, Scripted, ScriptedServer, VirtualClock

Make = Callable[..., Consumer]
Http = registry.find("consumers", "http")
TOKEN = "token-of-the-http-consumer"
WORKSPACES: dict[str, Any] = {
    "list": {"path": "/workspaces", "items": "workspaces"},
    "skip_when": {"status": "paused"},
    "request": {"path": "/workspaces/<id>/restart"},
    "await": {"path": "/workspaces/<id>", "until": {"status": "online"}, "changed": ["starts"]},
}
HOOK: dict[str, Any] = {
    "request": {"path": "/deploys", "body": {"clear_cache": False}},
    "await": {"path": "/deploys/<answer>", "answer": "deploy.id", "until": {"status": "live"}},
}
FLEET: dict[str, Any] = {"items": ["a", "b", "c"], "request": {"path": "/<id>"}}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def script() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture
def make(script: Scripted, clock: VirtualClock) -> Make:
    def make(**options: Any) -> Consumer:
        connection = HttpConnection({"token": SecretValue(TOKEN), "url": script.url}, clock=clock)
        made: Consumer = Http(options, connection, clock=clock)
        return made

    return make


def reload(consumer: Consumer) -> Any:
    return consumer.reload([], MemoryCheckpoint())


def failure(consumer: Consumer) -> str:
    with pytest.raises(errors.RotorError) as caught:
        reload(consumer)
    assert TOKEN not in str(caught.value)
    return caught.value.message


# The tenant platform


def test_every_workspace_restarts_but_the_paused_one_is_left_alone(world: Visitor, clock: VirtualClock) -> None:
    options = {"token": SecretValue(world.credentials["TENANT_ADMIN_TOKEN"]), "url": f"{world.url}/tenant"}
    consumer = Http(WORKSPACES, HttpConnection(options, clock=clock), clock=clock)
    before = world.ask("state")["tenants"]["workspaces"]
    assert consumer.preview() == [
        "http POST /workspaces/<id>/restart for hitl, dev",
        "left alone: old (status is paused)",
    ]
    evidence = reload(consumer)
    assert evidence == {"reloaded": ["hitl", "dev"], "left_alone": {"old": "status is paused"}}
    assert consumer.summary(evidence) == "hitl, dev reloaded; left alone: old (status is paused)"
    starts = world.ask("state")["tenants"]["workspaces"]
    assert starts == {**before, "hitl": before["hitl"] + 1, "dev": before["dev"] + 1}


def test_item_is_left_alone_only_where_the_path_is_there(script: Scripted, make: Make) -> None:
    fleet = {"list": {"path": "/x"}, "request": {"path": "/<id>"}, "skip_when": {"deploy": None}}
    script.answer(200, [{"id": "a"}, {"id": "b", "deploy": None}]).answer(202)
    assert reload(make(**fleet)) == {"reloaded": ["a"], "left_alone": {"b": "deploy is null"}}


# A deploy hook


def test_deploy_of_the_answer_is_awaited(script: Scripted, make: Make, clock: VirtualClock) -> None:
    consumer = make(**HOOK)
    script.answer(201, {"deploy": {"id": "dep/1"}}).answer(404).answer(200, {"status": "building"})
    script.answer(200, {"status": "live"})
    assert consumer.summary(reload(consumer)) == "reloaded"
    assert script.asked == ["POST /deploys", *["GET /deploys/dep%2F1"] * 3]
    assert script.received[0].json == {"clear_cache": False}
    assert clock.slept == [5, 5]


def test_hook_without_await_ends_with_its_answer(script: Scripted, make: Make) -> None:
    script.answer(202)
    assert reload(make(request=HOOK["request"])) == {"reloaded": ["it"], "left_alone": {}}


def test_failed_deploy_ends_the_wait(script: Scripted, make: Make, clock: VirtualClock) -> None:
    script.answer(201, {"deploy": {"id": 7}}).answer(200, {"status": "canceled"})
    wait = HOOK["await"] | {"failed": {"status": ["failed", "canceled"]}}
    assert failure(make(**HOOK | {"await": wait})) == "http POST /deploys: it failed (status is canceled)"
    assert clock.slept == []


def test_deploy_that_does_not_end_is_told_with_what_is_missing(
    script: Scripted, make: Make, clock: VirtualClock
) -> None:
    script.answer(201, {"deploy": {"id": 7}}).answer(200, {"status": "building"}).answer(200, {"status": "building"})
    wait = HOOK["await"] | {"within": "30s", "every": "30s"}
    message = "http POST /deploys: not as it has to be within 30s: it (status is not yet live)"
    assert failure(make(**HOOK | {"await": wait})) == message
    assert clock.slept == [30]


def test_answer_without_its_id_is_told(script: Scripted, make: Make) -> None:
    script.answer(201, {"deploy": {}})
    assert failure(make(**HOOK)).endswith("answered 201 without deploy.id")


def test_request_without_an_answer_is_sent_again(script: Scripted, make: Make) -> None:
    script.drop().answer(202)
    reload(make(request=HOOK["request"]))
    assert script.asked == ["POST /deploys"] * 2


def test_refused_request_is_told(script: Scripted, make: Make) -> None:
    script.answer(403)
    with pytest.raises(errors.PermissionDeniedError, match=r"^reloading it: POST .*/deploys answered 403"):
        reload(make(request=HOOK["request"]))


# Many


def test_all_are_asked_before_any_is_awaited(script: Scripted, make: Make) -> None:
    consumer = make(**FLEET, **{"await": {"path": "/<id>/status", "until": {"ready": True}}})
    script.answer(200).answer(200).answer(200)
    for ready in (False, 1, True, True, True):
        script.answer(200, {"ready": ready})
    reload(consumer)
    looks = ["GET /a/status", "GET /b/status", "GET /c/status", "GET /a/status", "GET /b/status"]
    assert script.asked == ["POST /a", "POST /b", "POST /c", *looks]


def test_first_one_is_well_before_the_others_are_asked(script: Scripted, make: Make) -> None:
    consumer = make(**FLEET, first=1, **{"await": {"path": "/<id>", "until": {"ready": True}, "within": "1m"}})
    script.answer(200)
    for _look in range(13):
        script.answer(200, {"ready": False})
    assert failure(consumer).endswith("within 1m: a (ready is not yet True)")
    assert [call for call in script.asked if call.startswith("POST")] == ["POST /a"]
    assert consumer.longest(consumer.options) == timedelta(minutes=2)


def test_same_state_as_before_the_request_is_no_reload(script: Scripted, make: Make) -> None:
    wait = {"path": "/<id>", "changed": ["started_at"], "within": "5s"}
    consumer = make(items=["a"], request={"path": "/<id>"}, **{"await": wait})
    for started in ("10:00", None, "10:00"):
        script.answer(200, {"started_at": started} if started else None)
    script.answer(200, {})
    assert failure(consumer).endswith("within 5s: a (started_at has not changed)")


def test_failure_of_before_the_request_ends_no_wait(script: Scripted, make: Make) -> None:
    wait = {"path": "/<id>", "changed": ["starts"], "until": {"status": "up"}, "failed": {"status": "down"}}
    consumer = make(items=["a"], request={"path": "/<id>"}, **{"await": wait})
    script.answer(200, {"status": "down", "starts": 1}).answer(200)
    script.answer(200, {"status": "down", "starts": 1}).answer(200, {"status": "up", "starts": 2})
    assert reload(consumer)["reloaded"] == ["a"]


def test_list_is_read_to_its_last_page(script: Scripted, make: Make) -> None:
    listing = {"path": "/apps", "items": "data", "id": "slug", "page": "page", "more": "more"}
    consumer = make(list=listing, request={"path": "/apps/<id>"})
    script.answer(200, {"data": [{"slug": "a"}], "more": True}).answer(200, {"data": [{"slug": "b"}], "more": False})
    assert consumer.preview() == ["http POST /apps/<id> for a, b"]
    assert script.asked == ["GET /apps?page=1", "GET /apps?page=2"]


def test_item_without_an_id_is_told(script: Scripted, make: Make) -> None:
    script.answer(200, [{"name": "a"}])
    assert failure(make(list={"path": "/apps"}, request={"path": "/<id>"})) == "listing /apps: an item has no id at id"


def test_list_that_cannot_be_read_is_a_problem_of_the_plan(script: Scripted, make: Make) -> None:
    script.answer(403)
    with pytest.raises(errors.PermissionDeniedError, match="listing /apps"):
        make(list={"path": "/apps"}, request={"path": "/<id>"}).health_problems()


def test_nothing_to_reload_is_said(script: Scripted, make: Make) -> None:
    consumer = make(**WORKSPACES)
    for _time in range(2):
        script.answer(200, {"workspaces": []})
    assert consumer.preview() == ["nothing is there to reload"]
    assert consumer.summary(reload(consumer)) == "none reloaded"


# The map


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({**FLEET, "list": {"path": "/x"}}, "it is list or items, and not both"),
        (
            {**FLEET, "skip_when": {"a": 1}},
            "skip_when: it looks at what a list says of its items, and there is no list",
        ),
        ({**FLEET, "first": 1}, "first: it needs several items, and an await that tells when the first ones are well"),
        (
            {**FLEET, "request": {"path": "/x"}},
            "request: neither its path nor its body says <id>, which it is sent for",
        ),
        ({"request": {"path": "/<id>"}}, "request: <id> is unknown"),
        ({**FLEET, "await": {"path": "/<id>"}}, "await: until or changed has to say for what it waits"),
        (
            {**FLEET, "await": {"path": "/x", "until": {"a": 1}}},
            "await: its path does not say <id>, and so looks at the same for every item",
        ),
        ({**HOOK, "await": {"path": "/<answer>", "until": {"a": 1}}}, "await: <answer> is unknown"),
        (
            {**HOOK, "await": {"path": "/x", "answer": "id", "until": {"a": 1}}},
            "await: its path does not say <answer>, for which there is answer",
        ),
        (
            {**HOOK, "await": {"path": "/<answer>", "answer": "id", "changed": ["a"]}},
            "await: before the request there is no answer, and so nothing that could change",
        ),
        (
            {"list": {"path": "/x", "after": "a", "page": "b"}, "request": {"path": "/<id>"}},
            "list: pages go on by after or by page, not by both",
        ),
        (
            {"list": {"path": "/x"}, "request": {"path": "/<id>"}, "skip_when": {"a[": 1}},
            "skip_when.a[: a[ is not a path such as data.items[0].name or [key=<key>].updated_at",
        ),
    ],
)
def test_what_the_schema_cannot_say_is_found_beforehand(options: dict[str, Any], problem: str) -> None:
    assert Http.validate(options) == [problem]


@pytest.mark.parametrize("options", [WORKSPACES, HOOK, FLEET], ids=["list", "hook", "items"])
def test_right_options_have_no_problem(options: dict[str, Any]) -> None:
    entry = {"type": "http", "connection": "api", **options}
    jsonschema.Draft202012Validator(schema.consumer("http")).validate(entry)
    assert Http.validate(options) == []
