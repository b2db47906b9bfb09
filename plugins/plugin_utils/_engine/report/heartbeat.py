# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document that shows from outside that a run has ended, and how: time, counts and states, and never a value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from ....module_utils._core.errors import ConfigurationError

_OPTIONS = ("host", "connection", "path")


def heartbeat(plan: Mapping[str, Any], progress: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Build the document from the results of the plan and of its last advance, if there was one.

    A play may hold several runs: what it has registered of an earlier one is not of this one.
    """
    progress = progress if progress.get("run") == plan.get("run") else {}
    planned = [one for one in plan.get("secrets", ()) if one.get("problems")]
    states = {one["name"]: "not_begun" for one in planned} | dict(progress.get("states", {}))
    begun, over = bool(plan.get("go")), bool(progress.get("over"))
    failed = bool(plan.get("stuck") or planned or progress.get("failed")) or (begun and not over)
    counts = {"not_begun": len(planned)} if planned else {}
    return {
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "run": plan.get("run"),
        "failed": failed,
        "counts": {"secrets": plan.get("counts", {}).get("all", 0), **counts, **progress.get("counts", {})},
        "states": states,
    }


def check_place(place: Mapping[str, Any], hosts: Collection[str] | None, connections: Collection[str]) -> None:
    """ConfigurationError for every mistake in where a report is to go."""
    wrong = [f"unknown option {name}" for name in place if name not in _OPTIONS]
    named = [option for option in ("host", "connection") if place.get(option)]
    if len(named) != 1:
        wrong.append("give either host or connection")
    if not str(place.get("path", "")).startswith("/"):
        wrong.append("path has to begin with a slash")
    for option, known in (("host", hosts), ("connection", connections)):
        name = str(place.get(option) or "")
        if name and known is not None and name not in (*known, *(["localhost"] if option == "host" else [])):
            near = get_close_matches(name, known, 1)
            wrong.append(f"there is no {option} {name}{f'; did you mean {near[0]}?' if near else ''}")
    if wrong:
        raise ConfigurationError(f"rotate_report_to: {'; '.join(wrong)}", hint="Such as {host: app1, path: /var/…}")
