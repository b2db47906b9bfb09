# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are shown of a text that somebody else has written."""

from __future__ import annotations

import json
import shlex
from enum import StrEnum
from typing import Any

import pytest
from ansible.parsing.splitter import parse_kv
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.rotor.secrets.plugins.module_utils._core import outside_text
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.outside_text import (
    extra_option,
    extra_var,
    identifier,
    printable,
    quoted,
    shown,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.extra_vars import names_in
from tests.hostile import HOSTILE, problems

ANY = st.text(st.characters() | st.sampled_from("\x1b\n\r\t\u2028\u202e\u200b\u2066\x9b\u00a0\ufe0f\u3164\u0301\\a "))
ORDINARY = ["", "prod token", "Jürgens Schlüssel", "発行者", "שלום", "C:\\new", "e\u0301te\u0301", "日本 (東京) 1"]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_passes_unchanged(text: str) -> None:
    assert printable(text) == text


@given(ANY, st.integers(40, 300))
def test_any_text_becomes_one_printable_line(text: str, limit: int) -> None:
    once = printable(text, limit)
    assert problems(once, limit) == []
    assert printable(once, limit) == once


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        ("a\u00a0b", "a\\xa0b"),
        ("a\ufe0fb", "a\\ufe0fb"),
        ("a\u3164b", "a\\u3164b"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_seen_is_escaped_not_dropped(text: str, spelling: str) -> None:
    assert printable(text) == spelling


def test_stacked_marks_stay_in_their_line() -> None:
    assert printable("a" + "\u0301" * 50) == "a" + "\u0301" * 4 + "\\u0301" * 46


def test_a_long_text_keeps_both_its_ends() -> None:
    cut = printable(f"begins{'x' * 10_000}ends", 200)
    assert len(cut) == 200
    assert "(cut)" in cut
    assert (cut[:6], cut[-4:]) == ("begins", "ends")


def test_a_value_is_masked_before_it_is_cut_or_escaped() -> None:
    SecretValue("first half\x1b and the second half")
    text = printable(f"{'x' * 30}first half\x1b and the second half{'y' * 300}", 100)
    assert "half" not in text
    assert "********" in text


def test_a_name_forges_no_column() -> None:
    assert quoted('prod"  created never') == '"prod\\"  created never"'


def taken(options: str) -> dict[str, Any]:
    """What Ansible makes of ``-e``, behind a shell."""
    dash, text = shlex.split(options)
    assert dash == "-e"
    found: dict[str, Any] = json.loads(text) if text.startswith("{") else parse_kv(text)
    return found


@pytest.mark.parametrize("name", ["shop_b", "shop old", "a\\b", '"q"', "it's", "a,b", "x=y", "{a}", "x' -e @evil '"])
def test_an_option_sets_its_variable_and_nothing_else(name: str) -> None:
    assert taken(extra_option("drop_identity", name)) == {"drop_identity": name}
    assert names_in(taken(extra_option("rotate_forget", [name, "b"]))["rotate_forget"], "") == (name, "b")


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_any_name_comes_back_from_an_option(name: str) -> None:
    assert taken(extra_option("drop_identity", name)) == {"drop_identity": name}


def test_a_plain_option_is_easy_to_read() -> None:
    assert extra_option("rotate_forget", ["fly:app", "github:acme/web"]) == "-e rotate_forget=fly:app,github:acme/web"
    assert extra_var("drop_identity", "shop old") == '{"drop_identity": "shop old"}'


@pytest.mark.parametrize("known", ["TGltaXRlZEFjY2Vzc1Rva2VuOjgz", "arn:aws:iam::1:role/a", "a\\u202eb", "1", ""])
def test_an_id_of_visible_ascii_is_shown(known: str) -> None:
    assert identifier(known) == known


@given(ANY, ANY)
def test_two_ids_never_look_the_same(one: str, other: str) -> None:
    assert (identifier(one) == identifier(other)) is (one == other)
    assert problems(identifier(one)) == []


@pytest.mark.parametrize("twin", ["tok_1\u200b", "tok_\u0661", "t\u043ek_1", "tok_1 ", "tok\n1", "x" * 201, HOSTILE])
def test_an_id_that_could_be_taken_for_another_is_not_shown(twin: str) -> None:
    assert " " in identifier(twin), "a phrase, which is no id"
    assert identifier(twin).startswith("[an id that cannot be shown")


def test_a_result_is_shown_at_every_depth() -> None:
    result = {"name": HOSTILE, "rows": [{"id": "tok\n1", "tags": {HOSTILE: (HOSTILE, None, 1, True)}}]}
    fit = shown(result)
    assert problems(json.dumps(fit, ensure_ascii=False), 20_000) == []
    assert fit["rows"][0]["id"] == identifier("tok\n1")
    assert list(fit["rows"][0]["tags"].values()) == [[printable(HOSTILE), None, 1, True]]


def test_two_keys_of_a_result_stay_two() -> None:
    long = "x" * (outside_text.LINE * 2)
    keys = [f"{long}a{long}", f"{long}b{long}"]
    assert sorted(shown(dict.fromkeys(keys, 1)).values()) == [1, 1]


def test_shown_turns_members_of_enumerations_into_plain_texts() -> None:
    status = StrEnum("status", ["HELD"])
    result = shown({status.HELD: 1, "status": status.HELD})
    assert result == {"held": 1, "status": "held"}
    assert {type(one) for one in [*result, result["status"]]} == {str}
