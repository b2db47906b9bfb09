# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema for editors says what the parser says, and what is kept under docs is this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import editor_schema, schema
from tests.unit.engine.maps import DESIGN, changed, read
from tests.unit.engine.test_secret_map_mutated import VALUES

KEPT = Path(__file__).parents[3] / "docs" / "secret-map.schema.json"
FLY = "secret_map/FLY_API_TOKEN"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(editor_schema.json_schema())


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    return editor_schema.json_schema()["$defs"]


def test_the_kept_schema_is_the_one_that_the_classes_make() -> None:
    assert KEPT.read_text(encoding="utf-8") == editor_schema.text()


def test_it_is_printed_by_a_command() -> None:
    command = [sys.executable, "-m", editor_schema.__name__]
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert printed.stdout == editor_schema.text()


def test_it_is_a_sound_schema(validator: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("kind", ["connections", "issuers", "consumers", "checks"])
def test_it_knows_every_built_in_type(definitions: dict[str, Any], kind: str) -> None:
    assert registry.names(kind)
    assert all(f"{kind[:-1]}.{name}" in definitions for name in registry.names(kind))


def test_every_option_is_described(definitions: dict[str, Any]) -> None:
    options = [
        (name, option, schema)
        for name, node in definitions.items()
        if "." in name
        for option, schema in node["properties"].items()
    ]
    assert [f"{name} {option}" for name, option, schema in options if not schema.get("description")] == []


def test_it_takes_the_main_job(validator: Draft202012Validator) -> None:
    validator.validate(read(DESIGN))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{FLY}/issuer/lifetime", "{{ lifetime }}"),
        (f"{FLY}/rollout", "{{ steps }}"),
        (f"{FLY}/rollout/0/reload", "{{ consumers }}"),
        (f"{FLY}/retain", "{{ retain }}"),
        (FLY, "{{ base | combine(mine) }}"),
        ("secret_connections/github/writes_per_minute", "{{ pace }}"),
        ("secret_map", "{{ all_of_it }}"),
        (f"{FLY}/issuer", {"type": "other.cloud.token", "anything": 1}),
        (f"{FLY}/rollout/1/verify/0/repository", "o/r"),
    ],
)
def test_it_takes_what_only_ansible_or_another_collection_knows(
    validator: Draft202012Validator, path: str, value: Any
) -> None:
    assert validator.is_valid(changed(path, value, read(DESIGN)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{FLY}/ownr", "x"),
        (f"{FLY}/max_age", "90 days"),
        (f"{FLY}/retain", "all"),
        (f"{FLY}/issuer/type", "fly_tokn"),
        (f"{FLY}/issuer/lifetme", "x"),
        (f"{FLY}/issuer", ...),
        (f"{FLY}/copies", [{"store": "fly", "app": "a"}]),
        (f"{FLY}/rollout", []),
        (f"{FLY}/rollout/1/copies/0/repo", "o/r"),
        (f"{FLY}/rollout/0/verify/0/url", ...),
        (f"{FLY}/revoke/require/0", "usused"),
        ("secret_connections/fly/token", ...),
        ("secret_consumers/molecule-cp/app", ...),
        ("secret_consumers/molecule-cp/healthy/0/type", "htp"),
        ("secret_map/1 KEY", {}),
    ],
)
def test_it_refuses_what_the_parser_refuses(validator: Draft202012Validator, path: str, value: Any) -> None:
    assert not validator.is_valid(changed(path, value, read(DESIGN)))


@given(VALUES)
def test_what_plainly_fits_is_what_the_library_takes(value: Any) -> None:
    text, mapping = {"type": "string", "description": "a name"}, {"type": "object", "description": "anything"}
    nodes = [
        text,
        {**text, "minLength": 1},
        {**text, "minLength": 1, "pattern": "^a"},
        {**text, "maxLength": 2},
        mapping,
    ]
    for node in (*nodes, {**mapping, "minProperties": 1}, {"type": ["string", "object"]}, {"enum": ["a"]}, {}, True):
        described = {"type": "object", "properties": {"one": node}, "additionalProperties": {"items": node}}
        for whole in ({"one": value}, {"more": [value, value]}):
            assert schema._validator_class()(described).is_valid(whole) == Draft202012Validator(described).is_valid(
                whole
            )
