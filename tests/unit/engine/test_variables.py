# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables become plain Python; only what is asked for is expanded, and each text once."""

from __future__ import annotations

import json
from collections import UserDict
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError, ValidationErrors
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.variables import Expander, TaskVariables
from tests.unit.engine.maps import DESIGN, read


class Tagged(str):
    """As core 2.19 and later hand out strings: a subclass."""

    __slots__ = ("origin",)


class Number(IntEnum):
    ONE = 1


class Encrypted:
    """As core hands out what Ansible Vault has encrypted: no string at all."""


class Templar:
    """Knows the variables ``name`` and ``many``, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, text: Any) -> Any:
        self.asked.append(text)
        if isinstance(text, Encrypted):
            return Tagged("decrypted")
        if "nope" in text:
            raise ValueError("'nope' is undefined\nand here the lines of a file would stand")
        if "leak" in text:
            raise ValueError("cannot parse walk-canary-0123456789")
        if "many" in text:
            return UserDict({"a": (Tagged("{{ not again }}"), Number.ONE)})
        return Tagged(text.replace("{{ name }}", "Ada"))


def expand(value: Any, templar: Any = None) -> tuple[Any, list[str]]:
    found = ValidationErrors()
    result = Expander(found, templar or Templar()).expand(value, ("secret_map",))
    try:
        found.raise_if_any()
    except MapError as error:
        return result, list(error.errors)
    return result, []


def test_subclasses_become_the_plain_types() -> None:
    value = UserDict({Tagged("a"): [Tagged("text"), Number.ONE, 1.5, True, None, (Tagged("b"),)]})
    result, _errors = expand(value)
    assert result == {"a": ["text", 1, 1.5, True, None, ["b"]]}
    assert result.__class__ is dict
    assert [type(item) for item in result["a"]] == [str, int, float, bool, type(None), list]
    assert next(iter(result)).__class__ is str


@pytest.mark.parametrize(
    ("value", "text"),
    [(date(2026, 8, 1), "2026-08-01"), (datetime(2026, 8, 1, 2, 3, tzinfo=UTC), "2026-08-01T02:03:00+00:00")],
)
def test_a_date_that_yaml_made_is_text_again(value: Any, text: str) -> None:
    assert expand(value) == (text, [])


def test_only_strings_that_hold_a_template_are_templated() -> None:
    templar = Templar()
    result, _errors = expand(
        {"a": "plain", "b": Tagged("{{ name }}!"), "c": "${token|url}", "d": "{% if x %}"}, templar
    )
    assert result == {"a": "plain", "b": "Ada!", "c": "${token|url}", "d": "{% if x %}"}
    assert templar.asked == ["{{ name }}!", "{% if x %}"]
    assert isinstance(templar.asked[0], Tagged), "without its tag, core takes no string for a template"


def test_one_text_is_templated_once() -> None:
    templar = Templar()
    expand([Tagged("{{ name }}")] * 100, templar)
    assert len(templar.asked) == 1


def test_a_templates_result_is_plain_and_not_templated_again() -> None:
    templar = Templar()
    assert expand("{{ many }}", templar) == ({"a": ["{{ not again }}", 1]}, [])
    assert len(templar.asked) == 1


def test_what_vault_has_encrypted_is_decrypted_by_core() -> None:
    result, _errors = expand({"a": Encrypted()})
    assert result == {"a": "decrypted"}
    assert result["a"].__class__ is str


def test_every_failing_template_is_told_with_its_path_and_first_line_only() -> None:
    _result, found = expand({"a": ["{{ nope }}"], "b": {"c": "x {{ nope.y }}", "d": "{{ name }}"}})
    assert found == [
        "secret_map.a[0]: the template failed; 'nope' is undefined",
        "secret_map.b.c: the template failed; 'nope' is undefined",
    ]


def test_an_error_without_a_text_is_told_by_its_kind() -> None:
    def fail(_text: str) -> str:
        raise KeyError

    assert expand("{{ x }}", fail)[1] == ["secret_map: the template failed; KeyError"]


def test_no_value_gets_into_a_templates_error() -> None:
    masking.register("walk-canary-0123456789")
    assert "walk-canary" not in expand("{{ leak }}")[1][0]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({1: "x"}, "secret_map: a key is a number, not a string; put it in quotes"),
        ({True: "x"}, "secret_map: a key is true or false, not a string; put it in quotes"),
        ({None: "x"}, "secret_map: a key is empty, not a string; put it in quotes"),
        ({("a",): "x"}, "secret_map: a key is no text, not a string; put it in quotes"),
        ([b"x"], "secret_map[0]: a value of type bytes has no place here"),
    ],
)
def test_what_no_serializer_takes_is_a_mistake(value: Any, line: str) -> None:
    assert expand(value, lambda item: item)[1] == [line]


def test_a_list_that_holds_itself_is_a_mistake() -> None:
    endless: list[Any] = []
    endless.append(endless)
    (line,) = expand(endless)[1]
    assert line.endswith("nested too deeply, or holds itself")


# -- the variables of a play -------------------------------------------------------------------------------------


def play(**changes: Any) -> dict[str, Any]:
    return read(DESIGN) | changes


def test_names_expand_nothing() -> None:
    templar = Templar()
    variables = TaskVariables({"secret_map": {Tagged("A"): "{{ nope }}", "B": {}}}, templar)
    assert variables.names() == ["A", "B"]
    assert templar.asked == []


def test_a_map_that_is_one_template_is_expanded_as_a_whole() -> None:
    variables = TaskVariables({"secret_map": "{{ many }}"}, Templar())
    assert variables.names() == ["a"]


def test_only_what_the_selected_secrets_use_is_expanded() -> None:
    templar = Templar()
    raw = play()
    raw["secret_map"]["OTHER"] = {"owner": "{{ nope }}"}
    raw["secret_consumers"]["other"] = {"type": "{{ nope }}"}
    raw["secret_connections"]["other"] = {"token": "{{ nope }}"}
    raw["secret_map"]["FLY_API_TOKEN"]["owner"] = "{{ name }}"
    found = TaskVariables(raw, templar).select(["FLY_API_TOKEN"])
    assert templar.asked == ["{{ name }}"]
    assert list(found["secret_map"]) == ["FLY_API_TOKEN"]
    assert found["secret_consumers"]["other"] is None
    assert found["secret_connections"]["other"] is None
    assert found["secret_connections"]["github"] == {"type": "github", "token": {"env": "GITHUB_ADMIN_TOKEN"}}


def test_what_is_selected_can_be_kept_without_credentials_and_read_again() -> None:
    raw = play()
    raw["secret_connections"]["fly"]["token"] = "walk-canary-kept-0123456789"
    variables = TaskVariables(raw, Templar())
    found = variables.select(variables.names())
    kept = json.dumps({name: found[name] for name in ("secret_map", "secret_consumers")})
    assert "walk-canary-kept" not in kept
    again = json.loads(kept)
    connections = variables.connections(["fly", "github"])
    first = parse(found["secret_map"], found["secret_consumers"], found["secret_connections"])
    assert parse(again["secret_map"], again["secret_consumers"], connections) == first


def test_a_name_that_is_not_there_is_left_to_the_map_which_knows_what_is() -> None:
    raw = play()
    raw["secret_map"]["FLY_API_TOKEN"]["rollout"][0]["reload"] = ["molecule-pc"]
    raw["secret_map"]["FLY_API_TOKEN"]["rollout"][0]["copies"][0]["store"] = "fyl"
    found = TaskVariables(raw, Templar()).select(["FLY_API_TOKEN"])
    with pytest.raises(MapError) as caught:
        parse(found["secret_map"], found["secret_consumers"], found["secret_connections"])
    assert caught.value.errors == (
        "secret_map.FLY_API_TOKEN.rollout[0].copies[0].store: there is no such connection; did you mean fly?",
        "secret_map.FLY_API_TOKEN.rollout[0].reload[0]: there is no such consumer; did you mean molecule-cp?",
    )


def test_templates_that_fail_are_told_all_at_once_across_the_variables() -> None:
    raw = play()
    raw["secret_map"]["FLY_API_TOKEN"]["owner"] = "{{ nope }}"
    raw["secret_connections"]["fly"]["token"] = "{{ nope }}"
    with pytest.raises(MapError) as caught:
        TaskVariables(raw, Templar()).select(["FLY_API_TOKEN"])
    assert caught.value.errors == (
        "secret_map.FLY_API_TOKEN.owner: the template failed; 'nope' is undefined",
        "secret_connections.fly.token: the template failed; 'nope' is undefined",
    )


def test_connections_that_are_gone_are_left_out() -> None:
    variables = TaskVariables(play(), Templar())
    assert list(variables.connections(["fly", "gone"])) == ["fly"]


def test_selecting_twice_templates_once() -> None:
    templar = Templar()
    raw = play()
    raw["secret_map"]["FLY_API_TOKEN"]["owner"] = "{{ name }}"
    variables = TaskVariables(raw, templar)
    assert variables.select(["FLY_API_TOKEN"]) == variables.select(["FLY_API_TOKEN"])
    assert len(templar.asked) == 1


NOT_DEFINED = (
    "secret_map: is not defined; define it in the inventory, in group_vars/all.yml for instance (group_vars beside a "
    "playbook count for its own plays, and not for what it imports from a collection)"
)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({}, NOT_DEFINED),
        ({"secret_map": None}, NOT_DEFINED),
        ({"secret_map": []}, "secret_map: expected a mapping of names, not a list"),
        ({"secret_map": "x"}, "secret_map: expected a mapping of names, not a string"),
        ({"secret_map": "{{ nope }}"}, "secret_map: the template failed; 'nope' is undefined"),
        ({"secret_map": {1: {}}}, "secret_map: a name is a number, not a string; put it in quotes"),
    ],
)
def test_a_variable_that_is_no_mapping_is_a_mistake(raw: Any, line: str) -> None:
    with pytest.raises(MapError) as caught:
        TaskVariables(raw, Templar()).names()
    assert line in caught.value.errors


def test_the_ledgers_setting_is_expanded_and_may_be_missing() -> None:
    assert TaskVariables({}, Templar()).ledger is None
    assert TaskVariables({"secret_ledger": {"url": "{{ name }}"}}, Templar()).ledger == {"url": "Ada"}
    with pytest.raises(MapError, match=r"secret_ledger\.key: the template failed"):
        assert TaskVariables({"secret_ledger": {"key": "{{ nope }}"}}, Templar()).ledger


def test_consumers_and_connections_need_not_be_defined() -> None:
    found = TaskVariables({"secret_map": {"A": 5}}, Templar()).select(["A"])
    assert found == {"secret_map": {"A": 5}, "secret_consumers": {}, "secret_connections": {}}


def test_ansibles_own_templating_is_served() -> None:
    """Trusted strings are expanded, others are not, and what is undefined is told in a line."""
    loader = pytest.importorskip("ansible.parsing.dataloader")
    template = pytest.importorskip("ansible.template")
    trust = template.trust_as_template
    templar = template.Templar(
        loader=loader.DataLoader(), variables={"team": trust("{{ 'bl' ~ 'ue' }}"), "apps": ["a", {"b": 1}]}
    )
    result, found = expand(
        {"a": trust("{{ team }}"), "b": trust("{{ apps }}"), "c": "{{ team }}", "d": trust("{{ nope }}")},
        templar.template,
    )
    assert result == {"a": "blue", "b": ["a", {"b": 1}], "c": "{{ team }}", "d": None}
    assert json.loads(json.dumps(result)) == result
    assert found == ["secret_map.d: the template failed; 'nope' is undefined"]
