# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one entry of each item of ``for_each``: of a copy, of a consumer, of a connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import Path, ValidationErrors

OPTION, FIRST = "for_each", "first"
PLACE = "<each>"
"""What stands for the item, in any text of the entry."""
_ITEM = r"[\w.:@-]+"


@dataclass(frozen=True)
class Group:
    """What the name of a consumer with ``for_each`` stands for."""

    names: Sequence[Any]
    first: int = 0
    """How many are reloaded first, and have to be well before all others are, at once; 0: one after the other."""


def spread(name: str, entry: Any, path: Path, errors: ValidationErrors) -> dict[str, Any]:
    """Return a consumer or a connection of each item under a name of its own, such as ``workspaces eu``."""
    return {f"{name} {item}": filled for item, filled in _filled(entry, path, errors)}


def pop_first(entry: dict[str, Any], path: Path, errors: ValidationErrors) -> int:
    """Take out of a consumer with ``for_each`` how many of them go first; 0 where it does not say."""
    first = entry.pop(FIRST, 0)
    if isinstance(first, int) and not isinstance(first, bool) and first >= 0:
        return first
    errors.add((*path, FIRST), "is no number of those that go first", "1 is usual")
    return 0


def spread_secret(entry: Any, path: Path, groups: Mapping[str, Group], errors: ValidationErrors) -> None:
    """Put a copy of each item, and the consumers that a name in ``reload`` stands for, into a secret's plain entry."""
    for step, where in steps(entry, path):
        if isinstance(step.get("copies"), list):
            step["copies"] = list(_spread_copies(step["copies"], (*where, "copies"), errors))
        if isinstance(step.get("reload"), list):
            step["reload"] = [one for turn in step["reload"] for one in _turns(turn, groups)]


def steps(entry: Any, path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield each mapping of a secret's plain entry that may have copies, with its path; its own is the first."""
    if not isinstance(entry, dict):
        return
    rollout = entry.get("rollout")
    numbered = list(enumerate(rollout)) if isinstance(rollout, list) else []
    found = [(entry, path), (entry.get("accept"), (*path, "accept"))]
    found += [(step, (*path, "rollout", index)) for index, step in numbered]
    yield from ((step, where) for step, where in found if isinstance(step, dict))


def _spread_copies(copies: list[Any], path: Path, errors: ValidationErrors) -> Iterator[Any]:
    for index, copy in enumerate(copies):
        if isinstance(copy, dict) and OPTION in copy:
            yield from (filled for _item, filled in _filled(copy, (*path, index), errors))
        else:
            yield copy


def _turns(turn: Any, groups: Mapping[str, Group]) -> Sequence[Any]:
    """Return the turns in which what a name stands for is reloaded; those of names in a list go at once."""
    members = [_group(name, groups) for name in (turn if isinstance(turn, list) else [turn])]
    if not isinstance(turn, list) and not members[0].first:
        return members[0].names
    ahead = [one for group in members for one in group.names[: group.first]]
    rest = [one for group in members for one in group.names[group.first :]]
    return [part for part in (ahead, rest) if part] or [turn]


def _group(name: Any, groups: Mapping[str, Group]) -> Group:
    return groups.get(name, Group([name])) if isinstance(name, str) else Group([name])


def _filled(entry: Mapping[str, Any], path: Path, errors: ValidationErrors) -> list[tuple[str, Any]]:
    """Return each item with its entry; none where the list is wrong, or the entries would be the same."""
    rest = {option: value for option, value in entry.items() if option != OPTION}
    items, where = entry[OPTION], (*path, OPTION)
    if not isinstance(items, list) or not items:
        errors.add(where, "is no list with an item in it", "give a list, such as that of an inventory group's hosts")
        return []
    names = [str(item) for item in items]
    wrong = [index for index, name in enumerate(names) if not re.fullmatch(_ITEM, name, re.ASCII)]
    for index in wrong:
        errors.add((*where, index), "is no item", "letters, digits, _ . : @ and - are")
    if len(set(names)) < len(names):
        errors.add(where, "has the same item twice")
    if _put(rest, "") == rest:
        errors.add(where, f"{PLACE} stands nowhere beside it, so that all would be the same")
    return [] if wrong else [(name, _put(rest, name)) for name in names]


def _put(node: Any, item: str) -> Any:
    """Put an item in its place, in every text and in the names of options such as keys."""
    if isinstance(node, str):
        return node.replace(PLACE, item)
    if isinstance(node, dict):
        return {_put(key, item): _put(value, item) for key, value in node.items()}
    return [_put(value, item) for value in node] if isinstance(node, list) else node
