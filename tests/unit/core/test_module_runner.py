# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible.module_utils._internal import _traceback
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PermissionDeniedError
from ansible_collections.rotor.secrets.plugins.module_utils._core.module_runner import (
    NoJournal,
    Resource,
    RotorModule,
    State,
    run,
    unfit,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.stored import SECRETS
from tests.hostile import HOSTILE, MARK, problems_of

Runner = Callable[..., dict[str, Any]]


class Lamp(Resource):
    """On or off; whether it is worn out is known only after it was switched."""

    note = "A worn-out lamp stays dark."
    on = False
    switched = 0

    def read(self) -> State:
        return {"on": Lamp.on}

    def wanted(self, before: State) -> State:
        return {"on": self.params["on"]}

    def apply(self, before: State) -> State:
        Lamp.switched += 1
        Lamp.on = self.params["on"] and not self.params["worn_out"]
        return {"on": Lamp.on}

    def result(self, state: State) -> Mapping[str, Any]:
        return {"lamp": dict(state)}


class Reading(Resource):
    def read(self) -> State:
        return {"on": Lamp.on}


class Broken(Resource):
    def read(self) -> State:
        SecretValue("s3cr3t-value")
        raise PermissionDeniedError("no entry with s3cr3t-value", hint="Ask for a key")


class Named(Resource):
    """Has a name that others gave it, an id, and a value that the task asks for."""

    def read(self) -> State:
        return {"name": "before"}

    def wanted(self, before: State) -> State:
        return {"name": HOSTILE, HOSTILE: HOSTILE}

    def apply(self, before: State) -> State:
        return self.wanted(before)

    def result(self, state: State) -> Mapping[str, Any]:
        return {**state, "id": "tok\u200b1", "version": HOSTILE, "token": SecretValue("two\nlines\x1b")}


class Raising(Resource):
    def read(self) -> State:
        raise ValueError("Invalid header value b'Bearer s3cr3t-value\\n'")


class Unprintable(Reading):
    def result(self, state: State) -> Mapping[str, Any]:
        return {"s3cr3t-value": object()}


@pytest.fixture(autouse=True)
def _dark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lamp, "on", False)
    monkeypatch.setattr(Lamp, "switched", 0)


@pytest.fixture
def play(capsys: pytest.CaptureFixture[str]) -> Runner:
    def play(kind: type[Resource], *, on: bool = True, worn_out: bool = False, **more: Any) -> dict[str, Any]:
        options = {"on": {"type": "bool"}, "worn_out": {"type": "bool"}}
        with patch_module_args({"on": on, "worn_out": worn_out, **more}), pytest.raises(SystemExit):
            run(RotorModule(argument_spec=options | SECRETS, supports_check_mode=True), kind)
        return json.loads(capsys.readouterr().out)

    return play


def test_what_differs_is_applied_once(play: Runner) -> None:
    first, second = play(Lamp), play(Lamp)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["lamp"] == second["lamp"] == {"on": True}
    assert Lamp.switched == 1


def test_changed_is_what_came_of_it_and_not_what_was_meant(play: Runner) -> None:
    result = play(Lamp, worn_out=True)
    assert Lamp.switched == 1
    assert not result["changed"]


def test_check_mode_predicts_and_touches_nothing(play: Runner) -> None:
    result = play(Lamp, _ansible_check_mode=True)
    assert result["changed"]
    assert result["lamp"] == {"on": True}
    assert result["note"] == "A worn-out lamp stays dark."
    assert (Lamp.on, Lamp.switched) == (False, 0)


def test_check_mode_has_nothing_to_note_where_nothing_would_change(play: Runner) -> None:
    assert "note" not in play(Lamp, on=False, _ansible_check_mode=True)


def test_a_diff_is_there_when_asked_for(play: Runner) -> None:
    assert play(Lamp, _ansible_diff=True)["diff"] == {"before": {"on": False}, "after": {"on": True}}
    assert "diff" not in play(Lamp)


def test_a_resource_that_only_reads_never_changes_anything(play: Runner) -> None:
    result = play(Reading)
    assert (result["changed"], result["on"]) == (False, False)


def test_an_error_fails_the_task_with_its_hint_and_without_any_value(play: Runner) -> None:
    result = play(Broken)
    assert result["failed"]
    assert result["msg"] == "no entry with ********. Ask for a key"


def test_every_text_of_a_result_is_printable(play: Runner) -> None:
    result = play(Named, _ansible_diff=True)
    value = result.pop("token")
    result.pop("invocation")
    assert problems_of([], [result]) == []
    assert MARK in result["version"]
    assert result["id"].startswith("[an id that cannot be shown")
    assert value == "two\nlines\x1b", "a value that was asked for is exact"


@pytest.mark.parametrize("kind", [Raising, Unprintable])
def test_any_other_exception_fails_the_task_without_its_text(
    play: Runner, kind: type[Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_traceback, "is_traceback_enabled", lambda _event: True)
    result = play(kind)
    assert result["msg"].startswith("unexpected ")
    assert "This is a fault of rotor.secrets or of a library" in result["msg"]
    assert "s3cr3t-value" not in str(result)


@pytest.mark.parametrize(
    "wrong",
    [
        {"valu": "s3cr3t-value"},
        {"valu": {"s3cr3t-value": ["s3cr3t-value"]}},
        {"secrets": [["s3cr3t-value"]]},
        {"secrets": [{"name": "A", "valu": "s3cr3t-value"}]},
        {"secrets": {"A": "s3cr3t-value"}},
        {"value": "s3cr3t-value", "on": "s3cr3t-value"},
    ],
)
def test_refused_arguments_are_told_without_the_values_of_secrets(play: Runner, wrong: dict[str, Any]) -> None:
    result = play(Lamp, **wrong)
    assert result["failed"]
    assert "s3cr3t-value" not in str(result)
    assert Lamp.switched == 0


SPEC: dict[str, Any] = {
    **SECRETS,
    "token": {"type": "str", "required": True, "no_log": True, "aliases": ["key"]},
    "app": {"type": "str"},
    "path": {"type": "str", "required": True},
    "from": {"type": "list", "required": True},
    "note": {"type": "str"},
    "port": {"type": "int"},
}
RULES = {"required_one_of": [("name", "secrets"), ("app", "port")]}
IN_QUOTES = "put it in quotes"


@pytest.mark.parametrize(
    ("given", "option", "said"),
    [
        *(({"value": value}, "value", IN_QUOTES) for value in (True, False, 83, 1.1)),
        ({"secrets": [{"name": "A", "value": 83}]}, "secrets.value", IN_QUOTES),
        ({"key": 83}, "key", IN_QUOTES),
        ({"note": True}, "note", IN_QUOTES),
        ({"value": {"a": 83}}, "value", "to_json"),
        *(({name: blank}, name, "must not be empty") for name in ("name", "app", "path") for blank in ("", " ")),
        ({"secrets": [{"name": "", "value": "x"}]}, "secrets.name", "must not be empty"),
        ({"from": []}, "from", "must not be empty"),
    ],
)
def test_what_core_takes_and_should_not_is_refused(given: dict[str, Any], option: str, said: str) -> None:
    problem = unfit(given, SPEC, RULES)
    assert problem.startswith(f"{option}: ")
    assert said in problem
    assert "83" not in problem


def test_what_may_be_blank_or_a_number_is_taken() -> None:
    given = {"secrets": [], "note": "", "port": 0, "name": "7", "app": 7, "value": None, "token": "", "_ansible_x": {}}
    assert unfit(given, SPEC, RULES) == ""


@pytest.mark.parametrize("value", [83, True])
def test_value_that_is_no_text_fails_the_task_unseen(play: Runner, value: Any) -> None:
    result = play(Lamp, name="A", value=value)
    assert IN_QUOTES in result["msg"]
    assert Lamp.switched == 0
    assert str(value) not in result["msg"]


def test_a_module_has_no_memory() -> None:
    checkpoint = NoJournal()
    checkpoint.record({"done": 1})
    assert checkpoint.recall() == {}
