# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at copies: those of one connection together, as far as their store answers for several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ....module_utils._core import guard, registry
from ....module_utils._core.contracts import Evidence
from ....module_utils._core.errors import RotorError, StoppedError
from ..secret_map.model import Copy
from .systems import Systems

T = TypeVar("T")


def bundles(items: Iterable[T], copy_of: Callable[[T], Copy | None]) -> list[list[T]]:
    """Group items that look at copies of one connection, at most as many as its store takes; others stay alone."""
    alone: list[list[T]] = []
    together: dict[str, list[tuple[Copy, T]]] = {}
    for item in items:
        copy = copy_of(item)
        if copy and not copy.host and registry.find("stores", copy.type).looks_at_once > 1:
            together.setdefault(copy.store, []).append((copy, item))
        else:
            alone.append([item])
    for of_store in together.values():
        most = registry.find("stores", of_store[0][0].type).looks_at_once
        of_store.sort(key=lambda pair: pair[0].id)  # what shares a container is not asked of twice
        alone += [[item for _copy, item in of_store[at : at + most]] for at in range(0, len(of_store), most)]
    return alone


def observe(systems: Systems, looks: Sequence[tuple[Copy, Sequence[str]]]) -> list[Evidence | RotorError]:
    """Return the evidence of each copy of one bundle, or the error that stands in its place."""
    try:
        store = systems.store(looks[0][0])
        return store.observe_all([(copy.container, keys) for copy, keys in looks])
    except StoppedError:
        raise
    except BaseException as error:  # noqa: BLE001 - it is about these copies alone
        return [guard.as_rotor_error(error)] * len(looks)
