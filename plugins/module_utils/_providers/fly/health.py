# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine's own description says of its health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Machine = Mapping[str, Any]

_RUNNING = ("started", "starting", "restarting", "replacing", "updating")
_GONE = ("destroying", "destroyed")
_ENDED = ("stopped", "suspended", "failed", *_GONE)


def runs(machine: Machine) -> bool:
    return machine["state"] in _RUNNING


def has_ended(machine: Machine) -> bool:
    return machine["state"] in _ENDED


def is_gone(machine: Machine) -> bool:
    return machine["state"] in _GONE


def failing(machine: Machine) -> list[str]:
    """List the checks that do not pass, by name and status; their output may say anything."""
    checks = machine.get("checks") or ()
    return [f"{check.get('name')} is {check.get('status')}" for check in checks if check.get("status") != "passing"]


def is_healthy(machine: Machine) -> bool:
    return machine["state"] == "started" and not failing(machine)


def ailments(machine: Machine) -> list[str]:
    """Say why a machine cannot be updated or is not well; a stopped one is well."""
    found = []
    if machine.get("host_status") == "unreachable":
        found.append("its host is unreachable")
    if runs(machine):
        found += [f"it is {machine['state']}"] * (machine["state"] != "started")
        found += [f"check {check}" for check in failing(machine)]
    return [f"machine {machine['id']}: {what}" for what in found]
