# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the role's ``rotate_*`` variables: which secrets to rotate, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ...module_utils._core.errors import ConfigurationError
from .._engine.decide.selection import RunOptions
from .._engine.session import is_blank, names_in
from .phases import HOOKS

RUN_OPTIONS = {
    "only": {"type": "raw"},
    "where": {"type": "dict"},
    "environments": {"type": "raw"},
    "force": {"type": "bool", "default": False},
    "resume": {"type": "str", "choices": ["forward", "rollback"], "default": "forward"},
    "confirm": {"type": "raw"},
    "reason": {"type": "str", "default": ""},
    "adopt": {"type": "dict"},
    "forget": {"type": "raw"},
    "max_failures": {"type": "int", "default": 1},
    "hooks": {"type": "dict", "options": {name: {"type": "path"} for name in HOOKS}},
}

VARIABLES = tuple(f"rotate_{name}" for name in RUN_OPTIONS)


def check_unknown_options(names: Iterable[str]) -> None:
    """Raise ConfigurationError for a misspelt variable of the role: ``rotate_ony`` would rotate all that is due."""
    own = ("rotate_plan", "rotate_progress", "rotate_work", "rotate_phase", *VARIABLES)
    for name in names:
        near = get_close_matches(name, VARIABLES, 1, 0.85) if name.startswith("rotate") and name not in own else []
        if near:
            raise ConfigurationError(f"{name} is no variable of this role", hint=f"Did you mean {near[0]}?")


def parse_options(options: Mapping[str, Any]) -> RunOptions:
    """Return the engine's RunOptions: plain Python, names with commas as lists."""
    return RunOptions(
        only=names_in(options.get("only"), "rotate_only"),
        where=_plain(options.get("where"), "rotate_where"),
        environments=names_in(options.get("environments"), "rotate_environments"),
        force=bool(options.get("force")),
        rollback=options.get("resume") == "rollback",
        confirm=names_in(options.get("confirm"), "rotate_confirm"),
        reason=str(options.get("reason") or ""),
        adopt=_plain(options.get("adopt"), "rotate_adopt"),
        forget=names_in(options.get("forget"), "rotate_forget"),
        max_failures=int(options.get("max_failures", 1)),
    )


def _plain(value: Any, option: str) -> dict[str, str] | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{option} is not a mapping of names")
    return {str(key): str(entry) for key, entry in value.items() if not is_blank(entry)}
