# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker that modules have agrees with jsonschema, on all that the schemas of the stores are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Schema
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._core.schema_check import refuse_misfits

KINDS = [("stores", name) for name in registry.names("stores")]
KINDS += [("consumers", "fly_app"), ("checks", "github_workflow"), ("issuers", "fly_token")]
NODES = [
    pytest.param(node, id=f"{name}-{option}")
    for kind, name in KINDS
    for option, node in registry.find(kind, name).schema.properties.items()
]
SCALARS: list[Any] = ["", "/", "a", "/a b", "//a", "a/b", "90d", "0640", True, False, -1, 0, 1, 2, 300, 700, 1.5, None]
CANARY = "canary-0123456789"


def values(node: Mapping[str, Any]) -> Iterator[Any]:
    """Texts, numbers, lists and mappings; of the members that a node names, and of some that it does not."""
    yield from (*SCALARS, *node.get("enum", ()), [], {}, {"other": 1}, ["a", "a"], ["a/b"], [1], [700], ["shell"])
    for branch in (node, *node.get("oneOf", ())):
        for name, inner in branch.get("properties", {}).items():
            yield from ({name: value} for value in values(inner))
            fitting = {"path": "/a", "body": {}, "evidence": {"at": "a"}}
            yield from ({**fitting, name: value} for value in values(inner))
        if branch.get("items", {}).get("properties"):
            yield from ([value] for value in values(branch["items"]))
        yield from ({str(index): value} for index, value in enumerate(SCALARS))
        yield {str(number): "a" for number in range(30)}


@pytest.mark.parametrize("node", NODES)
def test_checker_agrees_with_jsonschema(node: Mapping[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(node)
    schema = Schema(properties={"option": node})
    for value in values(node):
        try:
            refuse_misfits(schema, {"option": value})
        except ConfigurationError:
            fits = False
        else:
            fits = True
        assert fits == (value is None or validator.is_valid(value)), value


def test_no_value_is_quoted() -> None:
    node = {"type": "object", "properties": {"a": {"pattern": "^/"}, "b": {"enum": ["c"]}, "d": {"type": "integer"}}}
    with pytest.raises(ConfigurationError) as caught:
        refuse_misfits(Schema(properties={"option": node}), {"option": dict.fromkeys("abd", CANARY)})
    assert str(caught.value).count("option.") == 3
    assert CANARY not in str(caught.value)
