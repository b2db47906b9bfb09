# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a connection's own credential comes from: ``{env: NAME}``, ``{file: PATH}``, or the value itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError

SCHEMA = {
    "description": "a credential: {env: NAME}, {file: PATH}, or a value (from Ansible Vault or a lookup)",
    "oneOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
    ],
}


def resolve(reference: Any, what: str) -> SecretValue:
    """The value; ConfigurationError names ``what`` and the variable or file, when there is nothing in it."""
    if isinstance(reference, SecretValue):
        return reference
    if isinstance(reference, Mapping):
        value, source = _from_env(reference["env"]) if "env" in reference else _from_file(reference["file"])
    else:
        value, source = reference, "its variable"
    if not value:
        raise ConfigurationError(f"{what}: {source} is unset or empty", hint=f"Set {source} and run again")
    try:
        return SecretValue(value)
    except ValueError as error:
        raise ConfigurationError(f"{what}: {source}: {error}") from None


def resolve_all(
    options: Mapping[str, Any], paths: Iterable[str], where: str
) -> tuple[dict[str, Any], list[SecretValue]]:
    """The options with every reference that is given resolved (``auth.secret_id`` leads inside), and those values."""
    resolved, values = dict(options), []
    for path in paths:
        *outer, option = path.split(".")
        node = _inside(resolved, outer)
        if option in node:
            node[option] = resolve(node[option], f"{where}.{path}")
            values.append(node[option])
    return resolved, values


def _inside(node: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The object that these lead to, copied on the way; an empty one where they lead nowhere."""
    for name in names:
        if not isinstance(node.get(name), Mapping):
            return {}
        node[name] = dict(node[name])
        node = node[name]
    return node


def _from_env(name: str) -> tuple[str, str]:
    return os.environ.get(name, ""), f"the environment variable {name}"


def _from_file(path: str) -> tuple[str, str]:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").removesuffix("\n"), f"the file {path}"
    except OSError as error:
        raise ConfigurationError(f"cannot read the file {path}: {error.strerror}") from error
