# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer ``person``: a value that a person makes and ends somewhere, and that nobody can be asked about.

More than a description: the map says what the person is told, and which fields the value has.
"""

from __future__ import annotations

import re
from typing import Any

from .._core.contracts import (
    Handwork,
    Issuer,
    Maker,
    Options,
    Overlap,
    Provider,
    Recover,
    Revocation,
    Schema,
    Traits,
)

_TEXT = {"type": "string", "minLength": 1}


class PersonMade(Issuer):
    """What checks say is all that is known of its values; the end of an old one is a person's word."""

    traits = Traits(Maker.PERSON, Overlap.OPEN, Revocation.PERSON, Recover.OURS)
    fields = ("value",)
    unverifiable = "whether the value will be the right one: nobody can be asked, so have a check use it"
    schema = Schema(
        {
            "where": {**_TEXT, "description": "The console where it is made: its address, and the page."},
            "make": {**_TEXT, "description": "How it is made there."},
            "end": {**_TEXT, "description": "How an old one is ended there."},
            "pattern": {**_TEXT, "description": "Regular expression that the whole value fits."},
            "fields": {
                "type": "object",
                "minProperties": 2,
                "propertyNames": {"pattern": r"^[A-Za-z_]\w*$"},
                "additionalProperties": _TEXT,
                "description": "The fields of a value that has several, such as a pair, each with the regular "
                "expression that it fits: {access_key_id: '[0-9a-f]{32}', secret_access_key: '.+'}.",
            },
            "several_lines": {
                "type": "boolean",
                "default": False,
                "description": "Whether it has several lines, and so comes from a file.",
            },
        },
        required=("where", "make", "end"),
    )

    @classmethod
    def fields_of(cls, options: Options) -> tuple[str, ...]:
        return tuple(options.get("fields", cls.fields))

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        fields = options.get("fields", {})
        problems = ["pattern: each of the fields has its own"] if fields and "pattern" in options else []
        patterns = {f"fields.{field}": pattern for field, pattern in fields.items()}
        for option, pattern in {"pattern": options.get("pattern", ""), **patterns}.items():
            try:
                re.compile(pattern)
            except re.error as error:
                problems.append(f"{option}: is no regular expression: {error}")
        return problems

    @classmethod
    def label(cls, options: Options) -> str:
        return f"a person at {options['where']}"

    @classmethod
    def handwork(cls, options: Options) -> Handwork:
        told = {option: value for option, value in options.items() if option != "fields"}
        return Handwork(**told, patterns=options.get("fields", {}))


PROVIDER = Provider("Values that a person makes", issuers={"person": PersonMade})
