# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies: what their keys are to hold, which keys are ours, and what is said of them."""

from __future__ import annotations

from ....module_utils._core import registry
from ....module_utils._core.credential import Credential, SecretValue
from ....module_utils._core.outside_text import argument
from ....module_utils._core.templates import Template
from ..secret_map.model import Copy, Secret
from .state import Mark


def fields_of(secret: Secret, credential: Credential) -> dict[str, SecretValue]:
    """The credential's own fields, and what the map derives from them with ``let``."""
    fields = dict(credential.fields)
    for name, text in secret.let.items():
        fields[name] = Template.parse(text).render(fields)
    return fields


def render(secret: Secret, copy: Copy, credential: Credential) -> dict[str, SecretValue]:
    """What a copy's keys are to hold."""
    fields = fields_of(secret, credential)
    return {key: Template.parse(text).render(fields) for key, text in copy.keys.items()}


def watched(copy: Copy, mark: Mark | None) -> list[str]:
    """The keys of a copy that are ours: what the map gives it now, and what was written to it before."""
    before = mark.keys if mark else None
    return list({**(before or {}), **copy.keys})


def changed_by_hand(copy: Copy) -> str:
    return f"{copy.label} was changed by somebody else since this ledger last saw it"


def forget_hint(*copies: Copy) -> str:
    names = argument(",".join(copy.id for copy in copies))
    return f"If what is there may be overwritten, run again with -e rotate_forget={names}"


def unfit_values(secret: Secret, credential: Credential) -> list[str]:
    """Why some store could not keep what its copy is to hold."""
    return [
        f"{copy.label}: {problem}"
        for copy in secret.copies
        for problem in registry.find("stores", copy.type).reject_values(
            copy.container, render(secret, copy, credential)
        )
    ]
