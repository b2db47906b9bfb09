# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell apart what a name of the map leads to now, and what it led to before.

The ledger knows a copy by its connection's name, and a consumer by its own. Where such a name has come to lead to
another place, it is another name to the ledger, with a number: what was there before has left the map, and what is
there now is new.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from .model import FORMERLY, Copy, Secret, SecretMap, Step

Known = Mapping[str, Sequence[str]]
"""``connection <name>`` or ``consumer <name>`` -> every place that it has led to, the first one first."""
Moved = Mapping[str, int]
"""The same names -> which of these places it leads to, where that is not the first; one more for another."""


def moves(secret_map: SecretMap, known: Known, recorded: Callable[[], Iterable[str]]) -> dict[str, int]:
    """Number what leads elsewhere. ``recorded`` are the ledger's names: where nothing is recorded, nothing was."""
    found, recorded = {}, cache(recorded)
    for key, places in secret_map.places.items():
        before = known.get(key, ())
        number = next((index for index, place in enumerate(before) if place in places), len(before))
        if number == len(before) > 0 and not _is_recorded(alias(key, number - 1), recorded()):
            number -= 1
        if number:
            found[key] = number
    return found


def alias(key: str, number: int) -> str:
    """Return the ledger's name of what a name leads to."""
    name = key.partition(" ")[2]
    return f"{name}@{number + 1}" if number else name


def _is_recorded(name: str, recorded: Iterable[str]) -> bool:
    return any(one == name or one.startswith(f"{name}:") for one in recorded)


def led_to(secret_map: SecretMap, known: Known, secrets: Collection[Secret]) -> dict[str, list[str]]:
    """Return what the ledger is to know of the names that these secrets of a map use."""
    stores = {f"connection {copy.store}" for secret in secrets for copy in secret.copies}
    consumers = {name for secret in secrets for name in secret.consumers}
    after = {}
    for key, places in secret_map.places.items():
        number, before = secret_map.moved.get(key, 0), list(known.get(key, ()))
        is_used = key in stores or (key.startswith("consumer") and alias(key, number) in consumers)
        if is_used and before[number : number + 1] != [places[0]]:
            after[key] = [*before[:number], places[0], *before[number + 1 :]]
    return after


def renamed(secret_map: SecretMap, moved: Moved, known: Known) -> SecretMap:
    """Return the map with the ledger's names; what the ledger does not know is for a person to confirm."""
    if not moved:
        return secret_map
    new = {key for key, number in moved.items() if number == len(known.get(key, ()))}
    consumers = {name: alias(f"consumer {name}", moved.get(f"consumer {name}", 0)) for name in secret_map.consumers}

    def problems(secret: Secret) -> tuple[str, ...]:
        return tuple(_problem(key, known[key][-1], secret_map.places[key][0]) for key in _keys(secret) if key in new)

    secrets = {
        name: replace(one, steps=tuple(_step(step, moved, consumers) for step in one.steps), moved=problems(one))
        for name, one in secret_map.secrets.items()
    }
    named = {consumers[name]: replace(one, name=consumers[name]) for name, one in secret_map.consumers.items()}
    return replace(secret_map, secrets=secrets, consumers=named, moved=moved)


def _keys(secret: Secret) -> list[str]:
    stores = dict.fromkeys(f"connection {copy.store}" for copy in secret.copies)
    return [*stores, *(f"consumer {name}" for name in secret.consumers)]


def _problem(key: str, before: str, now: str) -> str:
    same = f"; if it is the same system, say so there: {FORMERLY}: ['{before}']" if key.startswith("connection") else ""
    what = f"{key} led to {before}, and leads to {now}, so that what was there has left the map"
    return f"{what}. If that is meant, name the secret in rotate_only{same}"


def _step(step: Step, moved: Moved, consumers: Mapping[str, str]) -> Step:
    return replace(
        step,
        copies=tuple(_copy(copy, moved) for copy in step.copies),
        reload=tuple(consumers[name] for name in step.reload),
        groups=tuple(tuple(consumers[name] for name in group) for group in step.groups),
    )


def _copy(copy: Copy, moved: Moved) -> Copy:
    key = f"connection {copy.store}"
    return replace(copy, id=alias(key, moved.get(key, 0)) + copy.id.removeprefix(copy.store))
