# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``for_each``: a copy, a consumer, a connection of each item of a list, before anything is planned."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.variables import TaskVariables

FILES = {"store": "files", "host": "<each>", "path": "/srv/<each>.env", "keys": {"KEY_<each>": "${value}"}}
SERVICE = {"type": "command", "host": "<each>", "command": "restart <each>"}
HOSTS = ["app1", "app2"]


class Templar:
    """Knows the group ``app``."""

    def __call__(self, text: Any) -> Any:
        return HOSTS if text == "{{ groups.app }}" else text


def play(copy: dict[str, Any], consumer: dict[str, Any], **connections: Any) -> TaskVariables:
    entry = {"issuer": {"type": "random"}, "copies": [copy], "reload": ["services"]}
    variables = {
        "secret_map": {"KEY": entry},
        "secret_consumers": {"services": consumer},
        "secret_connections": {"files": {"type": "dotenv"}, **connections},
    }
    return TaskVariables(variables, Templar())


def built(variables: TaskVariables) -> Any:
    found = variables.select(["KEY"])
    return parse(found["secret_map"], found["secret_consumers"], found["secret_connections"])


@pytest.mark.parametrize("items", [HOSTS, "{{ groups.app }}"], ids=["a list", "a group"])
def test_copy_and_consumer_of_each_item_are_in_the_map(items: Any) -> None:
    secret_map = built(play({**FILES, "for_each": items}, {**SERVICE, "for_each": items}))
    (step,) = secret_map.secrets["KEY"].steps
    assert [copy.label for copy in step.copies] == [
        "dotenv file app1:/srv/app1.env",
        "dotenv file app2:/srv/app2.env",
    ]
    assert [list(copy.keys) for copy in step.copies] == [["KEY_app1"], ["KEY_app2"]]
    assert step.reload == ("services app1", "services app2")
    assert [secret_map.consumers[name].host for name in step.reload] == HOSTS


def test_one_item_is_reloaded_alone_by_its_name() -> None:
    variables = play({**FILES, "for_each": HOSTS}, {**SERVICE, "for_each": HOSTS})
    variables._vars["secret_map"]["KEY"]["reload"] = ["services app2"]
    assert built(variables).secrets["KEY"].steps[0].reload == ("services app2",)


def test_items_of_a_name_in_a_list_are_reloaded_at_once() -> None:
    variables = play({**FILES, "for_each": HOSTS}, {**SERVICE, "for_each": HOSTS})
    variables._vars["secret_map"]["KEY"]["reload"] = [["services"]]
    (step,) = built(variables).secrets["KEY"].steps
    assert (step.reload, step.groups) == (("services app1", "services app2"), (("services app1", "services app2"),))


@pytest.mark.parametrize(
    ("first", "reload", "turns"),
    [
        (1, ["services"], [["app1"], ["app2", "app3"]]),
        (2, ["services"], [["app1", "app2"], ["app3"]]),
        (3, ["services"], [["app1", "app2", "app3"]]),
        (1, [["services", "one"]], [["app1"], ["app2", "app3", "one"]]),
        (1, ["one", "services"], [["one"], ["app1"], ["app2", "app3"]]),
    ],
    ids=str,
)
def test_first_ones_go_before_all_others_at_once(first: int, reload: list[Any], turns: list[list[str]]) -> None:
    variables = play({**FILES, "for_each": HOSTS}, {**SERVICE, "for_each": [*HOSTS, "app3"], "first": first})
    variables._vars["secret_map"]["KEY"]["reload"] = reload
    variables._vars["secret_consumers"]["one"] = {"type": "command", "host": "one", "command": "true"}
    (step,) = built(variables).secrets["KEY"].steps
    found = list(dict.fromkeys(map(step.turn_of, step.reload)))
    assert [[name.rpartition(" ")[2] for name in turn] for turn in found] == turns


@pytest.mark.parametrize("first", [-1, "one", True, None])
def test_first_that_is_no_number_is_told(first: Any) -> None:
    with pytest.raises(MapError) as caught:
        play({**FILES, "for_each": HOSTS}, {**SERVICE, "for_each": HOSTS, "first": first}).select(["KEY"])
    what = "is no number of those that go first; 1 is usual"
    assert caught.value.errors == (f"secret_consumers.services.first: {what}",)


def test_first_without_several_is_refused() -> None:
    with pytest.raises(MapError) as caught:
        built(play({**FILES, "for_each": HOSTS}, {"type": "command", "host": "a", "command": "true", "first": 1}))
    assert [line for line in caught.value.errors if "for_each" in line] == list(caught.value.errors)


def test_first_of_a_type_that_has_it_is_its_own() -> None:
    hook = {
        "type": "http",
        "connection": "platform",
        "items": ["a", "b"],
        "request": {"path": "/<each>/<id>/restart"},
        "await": {"path": "/<id>", "until": {"status": "up"}},
        "first": 1,
        "for_each": ["eu", "us"],
    }
    found = built(play({**FILES, "for_each": HOSTS}, hook, platform={"type": "http", "url": "https://a.example"}))
    assert found.secrets["KEY"].steps[0].groups == ()
    assert found.consumers["services eu"].options["first"] == 1


def test_copies_of_a_step_and_of_accept_are_spread_in_their_place() -> None:
    plain = {"store": "files", "host": "db1", "path": "/srv/one.env"}
    variables = play(plain, {**SERVICE, "for_each": HOSTS})
    entry = variables._vars["secret_map"]["KEY"]
    several = {**FILES, "for_each": HOSTS}
    variables._vars["secret_map"]["KEY"] = {
        "issuer": entry["issuer"],
        "accept": {"copies": [several]},
        "rollout": [{"copies": [several, plain], "reload": ["services"]}],
    }
    found = variables.select(["KEY"])["secret_map"]["KEY"]
    assert [copy["host"] for copy in found["accept"]["copies"]] == HOSTS
    assert [copy["host"] for copy in found["rollout"][0]["copies"]] == [*HOSTS, "db1"]


def test_connection_of_each_item_has_its_own_address() -> None:
    tenant = {"type": "http", "url": "https://<each>.example.com", "for_each": ["eu", "us"]}
    copy = {"store": "tenant <each>", "path": "/secrets", "write": {"body": {"<key>": "<value>"}}, "read": "none"}
    variables = play({**copy, "for_each": ["eu", "us"]}, {**SERVICE, "for_each": HOSTS}, tenant=tenant)
    found = variables.select(["KEY"])["secret_connections"]
    assert [found[f"tenant {item}"]["url"] for item in ("eu", "us")] == [
        "https://eu.example.com",
        "https://us.example.com",
    ]
    assert {copy.store for copy in built(variables).secrets["KEY"].steps[0].copies} == {"tenant eu", "tenant us"}


@pytest.mark.parametrize(
    ("items", "line"),
    [
        ([], "for_each: is no list with an item in it; give a list, such as that of an inventory group's hosts"),
        ("app1", "for_each: is no list with an item in it; give a list, such as that of an inventory group's hosts"),
        (["a b"], "for_each[0]: is no item; letters, digits, _ . : @ and - are"),
        (["app1", "app1"], "for_each: has the same item twice"),
    ],
    ids=["empty", "a text", "a blank", "twice"],
)
def test_wrong_list_is_told_with_its_path(items: Any, line: str) -> None:
    with pytest.raises(MapError) as caught:
        play({**FILES, "for_each": items}, {**SERVICE, "for_each": items}).select(["KEY"])
    assert caught.value.errors == (f"secret_consumers.services.{line}", f"secret_map.KEY.copies[0].{line}")


def test_entry_that_would_be_the_same_for_each_is_refused() -> None:
    same = {"store": "files", "host": "app1", "path": "/srv/.env", "for_each": HOSTS}
    with pytest.raises(MapError, match="mistake") as caught:
        play(same, {**SERVICE, "for_each": HOSTS}).select(["KEY"])
    what = "<each> stands nowhere beside it, so that all would be the same"
    assert caught.value.errors == (f"secret_map.KEY.copies[0].for_each: {what}",)


def test_name_that_is_there_already_is_refused() -> None:
    variables = play({**FILES, "for_each": HOSTS}, {**SERVICE, "for_each": HOSTS})
    variables._vars["secret_consumers"]["services app1"] = {"type": "command", "host": "app1", "command": "true"}
    with pytest.raises(MapError) as caught:
        variables.select(["KEY"])
    assert caught.value.errors == ('secret_consumers["services app1"]: is what for_each of services makes, too',)
