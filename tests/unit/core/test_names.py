# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of credentials, and what providers' published descriptions say of names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.names import NameRule
from tests import sandbox
from tests.conformance import columns

OURS = "rotor-7f3a9c21-c21e0b9d-0a1b2c3d"
DESCRIBED = Path(sandbox.__file__).parent / "apis" / "described"
PUBLISHED = {
    "cloudflare_api_token": ("cloudflare", "/accounts/{account_id}/tokens", "name"),
    "fal_api_key": ("fal", "/keys", "alias"),
    "grafana_token": ("grafana", "/serviceaccounts/{serviceAccountId}/tokens", "name"),
    "langfuse_api_key": ("langfuse", "/api/public/projects/{projectId}/apiKeys", "note"),
    "neon_api_key": ("neon", "/organizations/{org_id}/api_keys", "key_name"),
    "openai_admin_key": ("openai", "/organization/admin_api_keys", "name"),
    "resend_api_key": ("resend", "/api-keys", "name"),
    "supabase_secret_key": ("supabase", "/v1/projects/{ref}/api-keys", "name"),
}
"""Issuer -> its description, and where that says which names there can be."""


@pytest.mark.parametrize("longest", [16, 24, 27])
@pytest.mark.parametrize("characters", ["", "a-z0-9", "a-z0-9_", "A-Za-z0-9.-"])
def test_names_that_are_cut_differ_in_their_digest(longest: int, characters: str) -> None:
    rule, runs = NameRule(longest, characters), ("c21e0b9d", "c21e0b9e")
    spelled = {rule.spell(f"rotor-7f3a9c21-{run}-{attempt}") for run in runs for attempt in "12"}
    assert len(spelled) == 4
    fits = f"[{characters}]+" if characters else ".+"
    assert all(len(one) <= longest and re.fullmatch(fits, one) for one in spelled)


@pytest.mark.parametrize("alike", [("a-b", "a_b"), ("Key", "key"), ("a b", "a/b"), ("a_b", "a_b_")])
def test_names_that_lose_a_distinction_do_not_become_one(alike: tuple[str, str]) -> None:
    first, second = map(NameRule(64, "a-z0-9_").spell, alike)
    assert first != second


@pytest.mark.parametrize("name", [OURS, "deploy_key", "Deploy key"])
def test_a_spelled_name_is_spelled_the_same_again(name: str) -> None:
    rule = NameRule(20, "a-z0-9_")
    assert rule.spell(rule.spell(name)) == rule.spell(name)


@pytest.mark.parametrize("type_", PUBLISHED)
def test_names_are_what_the_published_description_takes(type_: str) -> None:
    benches: list[Any] = [column.kind for column in columns.issuers()]
    bench = next(one for one in benches if one.issuer_type == type_)
    limits = _limits(*PUBLISHED[type_])
    rule = registry.find("issuers", type_).describe(bench.options).names
    assert rule.longest == limits.get("maxLength")
    for name in (OURS, "x" * 999):
        spelled = rule.spell(name)
        assert limits.get("minLength", 1) <= len(spelled) <= limits.get("maxLength", 999)
        assert re.search(limits.get("pattern", ""), spelled)


def _limits(file: str, path: str, member: str) -> Mapping[str, Any]:
    document = json.loads((DESCRIBED / f"{file}.json").read_text(encoding="utf-8"))

    def resolved(node: Any) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        found = {"properties": {}, **node}
        for part in map(resolved, node.get("allOf", [])):
            found["properties"] = {**part["properties"], **found["properties"]}
        return found

    operation = document["paths"][path]["post"]
    body = resolved(resolved(operation["requestBody"])["content"]["application/json"]["schema"])
    return resolved(body["properties"][member])
