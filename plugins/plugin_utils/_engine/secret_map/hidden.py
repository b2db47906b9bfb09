# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds to a secret the checks that nothing hides its copies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .model import CheckSpec, Copy, Secret


def checking(secret: Secret, hidden: Collection[str]) -> Secret:
    """Return a secret whose steps look also for what hides these copies."""
    if not hidden:
        return secret
    own = own_places(secret)
    steps = [
        replace(step, verify=(*step.verify, *(_check(copy, own) for copy in step.copies if copy.id in hidden)))
        for step in secret.steps
    ]
    return replace(secret, steps=tuple(steps))


def own_places(secret: Secret) -> dict[str, list[str]]:
    """Return the identities of a secret's containers, by their connection."""
    found: dict[str, list[str]] = {}
    for copy in secret.copies:
        found.setdefault(copy.store, []).append(copy.id.removeprefix(f"{copy.store}:"))
    return found


def _check(copy: Copy, own: dict[str, list[str]]) -> CheckSpec:
    options = {
        "label": copy.label,
        "store": copy.type,
        "container": copy.container,
        "keys": list(copy.keys),
        "ignored": list(copy.ignored or ()),
        "own": own[copy.store],
    }
    return CheckSpec("shadows", copy.store, options, host=copy.host)
