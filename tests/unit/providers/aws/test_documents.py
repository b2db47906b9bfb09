# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One member of a JSON object is replaced, and no letter of the others."""

from __future__ import annotations

import json

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.documents import (
    JsonObject,
    NotAnObjectError,
    WholeText,
)

NASTY = """{ "port":5432 ,"rate": 1.10,
\t"big": 123456789012345678901234567890.5, "caf\\u00e9": "\\u20ac \\/ \\"}{",
"nested": {"a": [1, {"b": null}], "KEY": "inner"}, "KEY": "before", "": "", "yes": true}"""


def test_other_members_stay_letter_for_letter() -> None:
    written = JsonObject(NASTY).with_values({"KEY": SecretValue('a "new" one\n€')})
    assert json.loads(written) == {**json.loads(NASTY), "KEY": 'a "new" one\n€'}
    for raw in (
        "5432",
        "1.10",
        "123456789012345678901234567890.5",
        '"\\u20ac \\/ \\"}{"',
        '{"a": [1, {"b": null}], "KEY"',
    ):
        assert f": {raw}" in written


def test_a_member_is_added_at_the_end_and_taken_out() -> None:
    added = JsonObject('{"A": 1}').with_values({"B": SecretValue("two")})
    assert added == '{"A": 1, "B": "two"}'
    assert JsonObject(added).without(["A", "C"]) == '{"B": "two"}'
    assert JsonObject('{"A": 1}').without(["A"]) == "{}"


@pytest.mark.parametrize("text", [None, "", "{}", " { } "])
def test_nothing_is_an_empty_object(text: str | None) -> None:
    assert JsonObject(text).keys == []
    assert JsonObject(text).with_values({"A": SecretValue("one")}) == '{"A": "one"}'


@pytest.mark.parametrize("text", ["no json", "[1]", '"text"', "5", "null", '{"A": }', '{"A": 1', "[" * 100_000])
def test_what_is_no_object_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(NotAnObjectError) as caught:
        JsonObject(text)
    assert str(caught.value) == ""


def test_only_a_text_is_the_same_as_a_text() -> None:
    document = JsonObject('{"number": 5, "text": "5", "empty": "", "none": null}')
    assert document.holds({"text": SecretValue("5")})
    assert not document.holds({"number": SecretValue("5")})
    assert document.held("missing") is None
    assert len({document.held(key) for key in ("number", "text", "empty", "none")}) == 4


def test_a_whole_text_is_one_value() -> None:
    assert WholeText("before").held("whatever") == SecretValue("before")
    assert WholeText(None).held("whatever") is None
    assert WholeText("before").with_values({"whatever": SecretValue("after")}) == "after"
