# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that a report prints, read and run as by a person who knows nothing else."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any

from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.options import parse_options

_OPTION = re.compile(r"-e (?:'[^']*'|\"[^\"]*\"|[^\s'\"]+(?:'[^']*')?)+")
_HEAD = re.compile(r"[A-Z][A-Z ]+  (\S+)")
_NAMED = re.compile(r"rotate_only=(\w+)")
_REASONS = ("HELD  ", "CUTOVER INCOMPLETE  ", "  - ")


def way_on(lines: Iterable[str]) -> dict[str, Any] | None:
    """The options of the next run: those of each command to go on, and those that the reasons name; None: no run."""
    lines = list(lines)
    if asked := [line for line in lines if line.lstrip().startswith("then:") and "rotate_approve=" in line]:
        return _options(asked)
    named = [line for line in lines if line.startswith(_REASONS) or "; name it with -e " in line]
    return _options([*_goings(lines), *named])


def _goings(lines: Iterable[str]) -> list[str]:
    """The last command to go on of each secret, unless more is said of it later."""
    found: dict[str, str] = {}
    for line in lines:
        if head := _HEAD.match(line):
            found.pop(head[1], None)
        if line.lstrip().startswith("go on:") and (named := _NAMED.search(line)):
            found[named[1]] = line
    return list(found.values())


def way_back(lines: Iterable[str]) -> dict[str, Any] | None:
    return _options([line for line in lines if line.lstrip().startswith("go back:  ansible-playbook")])


def _options(lines: list[str]) -> dict[str, Any] | None:
    given: dict[str, Any] = {}
    for option in (found for line in lines for found in _OPTION.findall(line)):
        text = shlex.split(option)[1]
        name, _equals, value = text.partition("=")
        [(name, values)] = json.loads(text).items() if text.startswith("{") else [(name, value.split(","))]
        known = given.setdefault(name.removeprefix("rotate_"), [])
        known += [one for one in values if one not in known]
    if not given:
        return None
    texts = {name: given[name][-1] for name in given.keys() & {"force", "resume", "reason"}}
    options = vars(parse_options({**given, **texts, "force": texts.get("force") == "true"}))
    told = ("only", "force", "rollback", "only_revoke", "forget", "confirm", "approve", "environments", "reason")
    return {name: options[name] for name in told}
