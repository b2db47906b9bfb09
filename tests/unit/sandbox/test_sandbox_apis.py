# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in of key APIs: its descriptions are parts of the published ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox import apis
from tests.sandbox.server import find_specs

SPECS = find_specs()
OTHER_EDITIONS = (
    *("/auth", "/projects/{project_id}/branches", "/org", "/instance"),
    *("/auth/v1/admin/users/{userId}", "/models/pricing"),
)
NAMES = sorted(path.stem for path in apis.DESCRIBED.glob("*.json"))


def test_every_description_has_its_stand_in_and_says_where_it_is_from() -> None:
    assert sorted(api.name for api in apis.ALL) == NAMES
    for name in NAMES:
        assert {"repo", "path", "commit", "licence"} <= load(name)["x-source"].keys()


def load(name: str) -> Any:
    return json.loads((apis.DESCRIBED / f"{name}.json").read_text())


def answers(document: Any) -> Iterator[tuple[str, str, str]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "delete"):
                yield from ((path, method, status) for status in operation["responses"])


@pytest.mark.skipif(SPECS is None, reason="the whole descriptions are not at hand")
@pytest.mark.parametrize("name", [name for name in NAMES if SPECS and (SPECS / f"{name}.json").exists()])
def test_description_is_a_part_of_the_whole_one(name: str) -> None:
    assert SPECS
    whole, part = json.loads((SPECS / f"{name}.json").read_text()), load(name)
    beyond = {path for path, _method, _status in set(answers(part)) - set(answers(whole))}
    assert all(path in OTHER_EDITIONS or path.startswith(("/accounts/", "/auth/v1/")) for path in beyond)
    for schema in whole["components"]["schemas"].keys() & part["components"]["schemas"].keys():
        of_both = [document["components"]["schemas"][schema].get("properties", {}) for document in (whole, part)]
        assert of_both[1].keys() <= of_both[0].keys() or name in ("neon", "cloudflare"), schema
