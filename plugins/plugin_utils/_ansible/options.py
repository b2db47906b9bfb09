# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the role's ``rotate_*`` variables: which secrets to rotate, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from ...module_utils._core.errors import ConfigurationError
from .._engine.decide.approval import Yes
from .._engine.decide.selection import RunOptions
from .._engine.secret_map.errors import suggest
from .extra_vars import is_blank, names_in
from .invocation import arguments, variables_of_playbooks
from .phases import HOOKS

RUN_OPTIONS = {
    "only": {"type": "raw"},
    "where": {"type": "dict"},
    "environments": {"type": "raw"},
    "force": {"type": "bool", "default": False},
    "resume": {"type": "str", "choices": ["forward", "rollback", "roll_out", "revoke"], "default": "forward"},
    "confirm": {"type": "raw"},
    "approve": {"type": "raw"},
    "reason": {"type": "str", "default": ""},
    "adopt": {"type": "dict"},
    "forget": {"type": "raw"},
    "max_failures": {"type": "int", "default": 1},
    "report_to": {"type": "dict"},
    "hooks": {"type": "dict", "options": {name: {"type": "path"} for name in HOOKS}},
}

_EXAMPLES = {
    "report_to": {"host": "HOST", "path": "FILE"},
    "where": {"store": "NAME"},
    "adopt": {"SECRET": "ID"},
    "hooks": {"before_revoke": "FILE"},
    "from": {"store": "NAME", "key": "KEY"},
}
VARIABLES = tuple(f"rotate_{name}" for name in RUN_OPTIONS)


SECRET_VARIABLES = ("secret_map", "secret_connections", "secret_consumers", "secret_ledger")


def check_unknown_options(names: Collection[str], addressed: Collection[str] = (), extra: Collection[str] = ()) -> None:
    """Raise ConfigurationError for a misspelt variable of ours: ``rotate_ony`` would rotate all that is due.

    A name like one of the ``secret_*`` is misspelt only where that one is not defined, and one like those of our other
    playbooks only where it was given by ``-e``: ``extra``. Whoever runs a playbook of ours addressed the variables of
    the command line to us: they need not be like any.
    """
    of_playbooks = variables_of_playbooks()
    own = {
        "rotate_plan",
        "rotate_progress",
        "rotate_work",
        "rotate_phase",
        "rotate_part",
        *VARIABLES,
        *SECRET_VARIABLES,
        *of_playbooks,
    }
    missing = [name for name in SECRET_VARIABLES if name not in names]
    prefixes = {name.partition("_")[0] for name in of_playbooks}
    for name in sorted(set(names) - own):
        prefix, _underscore, rest = name.partition("_")
        known = VARIABLES if name.startswith("rotate") else missing if name.startswith("secret") else ()
        near = get_close_matches(name, known or (of_playbooks if name in extra else ()), 1, 0.85)
        if name in addressed and prefix in prefixes and f"rotate_{rest}" in VARIABLES:
            near = [f"rotate_{rest}"]
        if near or (name.startswith("rotate_") and name in addressed):
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(VARIABLES)}"
            raise ConfigurationError(f"{name} is no variable of rotor.secrets", hint=hint)


def in_words_of_the_role(error: ConfigurationError, action: str) -> ConfigurationError:
    """Name our playbooks' variable in an error of core's about an argument of the action, and how it is written."""
    message, variables = error.message, arguments().get(action.rpartition(".")[2], {})
    if unknown := re.match(r"Unsupported parameters for .* module: hooks\.(\w+)", message):
        return ConfigurationError(
            f"rotate_hooks.{unknown[1]}: unknown hook", hint=f"In rotate_hooks: {suggest(unknown[1], HOOKS)}"
        )
    if missing := re.fullmatch(r"missing required arguments: (.+)", message):
        names = [variables[option] for option in missing[1].split(", ") if option in variables]
        hint = f"Give {' '.join(f'-e {name}=…' for name in names)}" if names else ""
        return ConfigurationError(": ".join([*filter(None, [", ".join(names)]), message]), hint=hint)
    named = re.search(r"argument '(\w+)'|value of (\w+)", message)
    option = (named[1] or named[2]) if named else "hooks" if message.startswith("dictionary requested") else ""
    if option not in variables:
        return error
    example = json.dumps({variables[option]: _EXAMPLES[option]}) if option in _EXAMPLES else ""
    hint = f"On the command line, it is written as -e '{example}'" if example else ""
    return ConfigurationError(f"{variables[option]}: {message}", hint=hint)


def parse_options(options: Mapping[str, Any]) -> RunOptions:
    """Return the engine's RunOptions: plain Python, names with commas as lists."""
    if int(options.get("max_failures", 1)) < 0:
        raise ConfigurationError("rotate_max_failures is below 0", hint="0 stops minting at the first that is held")
    return RunOptions(
        only=names_in(options.get("only"), "rotate_only"),
        where=_plain(options.get("where"), "rotate_where"),
        environments=names_in(options.get("environments"), "rotate_environments"),
        force=bool(options.get("force")),
        rollback=options.get("resume") == "rollback",
        only_revoke=options.get("resume") == "revoke",
        only_roll_out=options.get("resume") == "roll_out",
        confirm=names_in(options.get("confirm"), "rotate_confirm"),
        approve=_approvals(names_in(options.get("approve"), "rotate_approve")),
        reason=str(options.get("reason") or ""),
        adopt=_plain(options.get("adopt"), "rotate_adopt"),
        forget=names_in(options.get("forget"), "rotate_forget"),
        max_failures=int(options.get("max_failures", 1)),
    )


def _approvals(texts: Collection[str]) -> tuple[Yes, ...]:
    """Parse what a person says yes to, each as ``NAME:RUN``; ConfigurationError names all that are not."""
    parts = [text.rpartition(":") for text in dict.fromkeys(texts)]
    if wrong := [name + colon + run for name, colon, run in parts if not (name and run)]:
        hint = "Give what a run has asked for, as NAME:RUN"
        raise ConfigurationError(f"rotate_approve: not the name of a secret and a run: {', '.join(wrong)}", hint=hint)
    return tuple(Yes(name, run) for name, _colon, run in parts)


def _plain(value: Any, option: str) -> dict[str, str] | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{option} is not a mapping of names")
    return {str(key): str(entry) for key, entry in value.items() if not is_blank(entry)}
