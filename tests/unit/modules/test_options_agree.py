# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An option that a map and a module both have means the same in both.

The JSON Schema is the map's, the argument spec the module's; sanity compares the latter with the documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from tests.unit import bad_credentials

TYPES = {"string": {"str", "path"}, "integer": {"int"}, "boolean": {"bool"}, "object": {"dict"}, "array": {"list"}}
OTHERWISE = [("aws_secretsmanager_secret", "create")]
"""Options that are meant to differ: a task makes the secret that it names, a rotation finds it there."""


def shared() -> Iterator[tuple[str, str, Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Each option of a module that a schema of its system has, too."""
    for module in bad_credentials.modules():
        systems = [provider for name, provider in registry.providers().items() if module.startswith(f"{name}_")]
        kinds = {(kind, name) for system in systems for kind in registry.KINDS for name in getattr(system, kind)}
        nodes = [registry.find(*each).schema.properties for each in sorted(kinds)]
        for option, rule in bad_credentials.spec(module).items():
            if found := [node[option] for node in nodes if option in node and "oneOf" not in node[option]]:
                yield module, option, rule, found


CASES = list(shared())


@pytest.mark.parametrize(("module", "option", "rule", "nodes"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_option_agrees_with_the_maps(
    module: str, option: str, rule: Mapping[str, Any], nodes: list[Mapping[str, Any]]
) -> None:
    agrees = any(_agrees(rule, node) for node in nodes)
    assert agrees == ((module, option) not in OTHERWISE), nodes


def _agrees(rule: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    choices = set(rule["choices"]) if "choices" in rule else None
    entries = node.get("items", node)  # a list has its choices in its entries
    allowed = set(entries["enum"]) if "enum" in entries else None
    same_default = "default" not in rule or "default" not in node or rule["default"] == node["default"]
    names = node.get("type", [])
    types = {"raw"}.union(*(TYPES[name] for name in ([names] if isinstance(names, str) else names)))
    return choices == allowed and same_default and (rule.get("type", "str") in types or "enum" in entries)
