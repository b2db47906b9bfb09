# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds to a secret the checks that nothing hides its copies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ....module_utils._core import registry
from ....module_utils._core.contracts import Options
from .model import CheckSpec, Copy, Secret


def checking(secret: Secret, hidden: Collection[str], connections: Mapping[str, Options]) -> Secret:
    """Return a secret whose steps look also for what hides these copies."""
    if not hidden:
        return secret
    steps = []
    for step in secret.steps:
        more = [_check(copy, own_places(secret, copy, connections)) for copy in step.copies if copy.id in hidden]
        steps.append(replace(step, verify=(*step.verify, *more)))
    return replace(secret, steps=tuple(steps))


def own_places(secret: Secret, copy: Copy, connections: Mapping[str, Options]) -> dict[str, list[str]]:
    """Return where else the system of a copy has the secret: the keys of each place, by its identity."""

    def system(one: Copy) -> tuple[str, Any]:
        return one.type, connections[one.store].get("url")

    found: dict[str, list[str]] = {}
    for one in secret.copies:
        if system(one) == system(copy):
            place = registry.find("stores", one.type).place(one.container)
            found.setdefault(place, []).extend(one.keys)
    return found


def _check(copy: Copy, own: Mapping[str, Collection[str]]) -> CheckSpec:
    options = {
        "label": copy.label,
        "store": copy.type,
        "container": copy.container,
        "keys": list(copy.keys),
        "ignored": list(copy.ignored or ()),
        "own": own,
    }
    return CheckSpec("shadows", copy.store, options, host=copy.host)
