# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer ``person``: what the map says is what a person is told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.person import PersonMade

OPTIONS = {"where": "portal.test, Keys", "make": "press New", "end": "press Delete"}


def problems(**options: Any) -> list[str]:
    return PersonMade.validate({**OPTIONS, **options}, None)


def test_person_is_told_what_the_map_says() -> None:
    handwork = PersonMade.handwork({**OPTIONS, "pattern": "pk_.+", "several_lines": True})
    assert (handwork.where, handwork.make, handwork.end) == ("portal.test, Keys", "press New", "press Delete")
    assert (handwork.pattern, handwork.several_lines) == ("pk_.+", True)
    assert PersonMade.label(OPTIONS) == "a person at portal.test, Keys"


def test_value_is_taken_as_it_is() -> None:
    taken = PersonMade(OPTIONS, None, clock=Clock()).take("rotor-1", {"value": SecretValue("pk_1")})
    assert (taken.id, taken.name, taken.fields["value"].reveal()) == (None, "rotor-1", "pk_1")


def test_value_of_several_fields_has_a_pattern_for_each() -> None:
    pair = {"fields": {"access_key_id": "AKIA.+", "secret_access_key": ".+"}}
    assert PersonMade.fields_of(OPTIONS) == ("value",)
    assert PersonMade.fields_of({**OPTIONS, **pair}) == ("access_key_id", "secret_access_key")
    assert PersonMade.handwork({**OPTIONS, **pair}).patterns == pair["fields"]
    assert problems(**pair) == []
    assert problems(**pair, pattern="x") == ["pattern: each of the fields has its own"]
    assert problems(fields={"a": "(", "b": "."})[0].startswith("fields.a: is no regular expression: ")


@pytest.mark.parametrize("pattern", ["(", "[a", "*"])
def test_pattern_that_is_no_regular_expression_is_refused(pattern: str) -> None:
    assert problems(pattern="pk_.+") == []
    assert problems(pattern=pattern)[0].startswith("pattern: is no regular expression: ")
