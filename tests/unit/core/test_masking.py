# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No known value leaves, in whatever form it was sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import PublicValue, SecretValue

VALUE = 'FlyV1 fm2_a/b+c"d\u00e4,fm2_zz=='


@pytest.fixture(autouse=True)
def _registered() -> None:
    masking.register(VALUE)


@pytest.mark.parametrize(
    "spelled",
    [
        str,
        lambda value: json.dumps(value)[1:-1],
        lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
        quote,
        lambda value: quote(value, safe=""),
        quote_plus,
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    ],
)
def test_a_value_is_found_in_every_form(spelled: Callable[[str], str]) -> None:
    text = f"before {spelled(VALUE)} after"
    assert masking.scrub(text).startswith("before ********")
    assert spelled(VALUE) not in masking.scrub(text)


def test_other_text_stays_as_it_is() -> None:
    assert masking.scrub("nothing secret here") == "nothing secret here"


def test_long_lines_of_a_value_are_masked_on_their_own() -> None:
    masking.register("-----BEGIN KEY-----\nshort\nMIIEvQIBADANBgkqhkiG9w0B\n")
    assert masking.scrub("got MIIEvQIBADANBgkqhkiG9w0B and short") == "got ******** and short"


def test_a_very_short_value_does_not_garble_messages() -> None:
    masking.register("ab")
    assert masking.scrub("about") == "about"


def test_what_is_known_can_be_handed_to_core() -> None:
    assert VALUE in masking.known()


def test_without_any_value_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_forms", set())
    assert masking.scrub(VALUE) == VALUE


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "made",
    [
        VALUE[:-4],
        VALUE[5:],
        base64_of(VALUE)[:14] + "\n" + base64_of(VALUE)[14:],
        base64_of(f"KEY={VALUE}"),
        base64_of(f"TOKEN={VALUE}\n"),
        VALUE.encode().hex(),
        quote(VALUE, safe="").lower(),
        VALUE.replace('"', "'\"'"),
    ],
)
def test_pieces_of_a_value_are_masked(made: str) -> None:
    dense = "".join(masking.scrub_pieces(f"before {made} after", [VALUE]).split())
    assert dense.startswith("before")
    assert dense.endswith("after")
    assert masking.MASK in dense
    plain = "".join(made.split())
    assert [start for start in range(len(plain) - 15) if plain[start : start + 16] in dense] == []


def test_text_beside_pieces_stays_as_it_is() -> None:
    text = f"line 1: {VALUE}\nline 2: a short fm2_zz\n"
    assert masking.scrub_pieces(text, [VALUE]) == "line 1: ********\nline 2: a short fm2_zz\n"
    assert masking.scrub_pieces("nothing at all", [VALUE]) == "nothing at all"


@pytest.mark.parametrize("left", [*range(1, 13), 20])
@pytest.mark.parametrize("behind", [" and so on, to the end of the output", "\nan error in the second line of it\n"])
def test_end_of_a_value_that_was_cut_off_is_masked(left: int, behind: str) -> None:
    text = f"{VALUE[-left:]}{behind} {VALUE} after"
    masked = masking.scrub_pieces(masking.scrub(text), [VALUE], cut=True)
    assert masked.startswith(masking.MASK)
    assert masked.endswith(f" {masking.MASK} after")
    assert VALUE[-left:] not in masked.removesuffix(" after")


def test_end_of_a_value_with_a_short_one_in_it_is_masked() -> None:
    masking.register("abcd")
    masked = masking.scrub_pieces(masking.scrub("xxabcdyyyyy and so on, and on"), ["zz-zzzzzzzxxabcdyyyyy"], cut=True)
    assert "yyyy" not in masked
    assert masked.endswith(" on")


@pytest.mark.parametrize("text", ["", " \n", "end"])
def test_little_that_was_cut_off_is_masked(text: str) -> None:
    assert masking.scrub_pieces(text, [VALUE], cut=True) == (masking.MASK if text.strip() else text)


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\x00", "\ufeff", "\udcff"])
def test_a_part_between_characters_that_are_escaped_is_found(separator: str) -> None:
    value = f"first-part-0123{separator}second-part-0123"
    masking.register(value)
    scrubbed = masking.scrub(f"Invalid header value {value.encode(errors='surrogatepass')!r}")
    assert "part-0123" not in scrubbed


def test_a_name_that_is_no_secret_is_shown_although_a_store_holds_it() -> None:
    text = f"role nova_reader, with {VALUE}"
    SecretValue("nova_reader")  # as a store reads it
    assert masking.scrub(text) == "role ********, with ********"
    PublicValue("nova_reader")
    assert masking.scrub(text) == "role nova_reader, with ********"
