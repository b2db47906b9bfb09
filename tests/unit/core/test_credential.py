# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that nobody sees by accident."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import (
    Credential,
    PublicValue,
    SecretValue,
)

VALUE = "s3cr3t-of-the-credential-test"


@pytest.mark.parametrize(
    "show",
    [str, "{}".format, lambda value: f"{value:>10}", pickle.dumps, copy.copy, json.dumps],
)
def test_it_can_be_neither_shown_nor_serialized(show: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as caught:
        show(SecretValue(VALUE))
    assert VALUE not in str(caught.value)


def test_its_repr_and_that_of_its_credential_hold_nothing() -> None:
    credential = Credential("tok_1", "rotor-1", {"token": SecretValue(VALUE)})
    assert VALUE not in repr(credential)
    assert "redacted" in repr(credential)


def test_reveal_gives_a_plain_string_whatever_it_was_made_from() -> None:
    class Tagged(str):
        pass

    revealed = SecretValue(Tagged(VALUE)).reveal()
    assert revealed == VALUE
    assert not isinstance(revealed, Tagged)


def test_it_is_masked_from_birth() -> None:
    SecretValue("born-a-moment-ago")
    assert masking.scrub("it is born-a-moment-ago") == "it is ********"


def test_name_that_is_no_secret_goes_where_values_go_and_is_not_masked() -> None:
    name = PublicValue("the-name-of-a-role")
    assert name.reveal() in masking.scrub(f"role {name.reveal()}")
    with pytest.raises(TypeError):
        str(name)


def test_values_are_compared_by_what_they_hold() -> None:
    assert SecretValue(VALUE) == SecretValue(VALUE)
    assert len({SecretValue(VALUE), SecretValue(VALUE), SecretValue("another one")}) == 2
    assert SecretValue(VALUE) != VALUE


@pytest.mark.parametrize("nothing", ["", None, 5, b"bytes"])
def test_nothing_but_text_is_a_value(nothing: Any) -> None:
    with pytest.raises(ValueError, match="not empty"):
        SecretValue(nothing)


def test_bytes_that_are_no_text_are_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="bytes that are none in UTF-8") as refused:
        SecretValue("abc\udcff")
    assert "abc" not in str(refused.value)
    assert refused.value.__suppress_context__
