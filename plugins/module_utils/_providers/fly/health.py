# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine's own description says of its health. Source: fly.io/docs/machines/machine-states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Machine = Mapping[str, Any]

_RUNNING = ("started", "starting", "restarting", "replacing", "updating")
_GONE = ("destroying", "destroyed")
_FAILED = ("failed", "launch_failed")
_ENDED = ("stopped", "suspended", *_FAILED, *_GONE)


def runs(machine: Machine) -> bool:
    return machine["state"] in _RUNNING


def has_ended(machine: Machine) -> bool:
    return machine["state"] in _ENDED


def has_failed(machine: Machine) -> bool:
    """Return whether an error keeps a machine from starting; one that is stopped starts when it is asked to."""
    return machine["state"] in _FAILED


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
    if has_failed(machine):
        found.append("it has failed, and does not start")
    if runs(machine):
        found += [f"it is {machine['state']}"] * (machine["state"] != "started")
        found += [f"check {check}" for check in failing(machine)]
    return [f"machine {machine['id']}: {what}" for what in found]
