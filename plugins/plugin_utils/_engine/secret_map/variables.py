# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``secret_*`` variables of a play, expanded when they are asked for, and no more than is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import MapError, Mistakes
from .expand import Walker
from .schema_errors import describe_type

_CONNECTED_BY = ("store", "connection")


class TaskVariables:
    """``template`` takes one string that holds a template of Ansible's. All that is returned is plain and JSON-able."""

    def __init__(self, task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> None:
        self._vars = task_vars
        self._sections: dict[str, Mapping[str, Any]] = {}
        self._expanded: dict[tuple[str, str], Any] = {}
        self._mistakes = Mistakes()
        self._walker = Walker(template, self._mistakes)

    @property
    def ledger(self) -> Any:
        """``secret_ledger``; None where it is not set."""
        ledger = self._walker.expand(self._vars.get("secret_ledger"), ("secret_ledger",))
        self._mistakes.refuse()
        return ledger

    def names(self) -> list[str]:
        """Every secret's name; nothing below is expanded."""
        if self._vars.get("secret_map") is None:
            raise MapError(
                ["secret_map: is not defined; define it in the inventory, in group_vars/all.yml for instance"]
            )
        return list(self._section("secret_map"))

    def select(self, names: list[str]) -> Mapping[str, Any]:
        """``secret_map`` with these secrets, ``secret_consumers`` and ``secret_connections`` with what they use.

        Whatever they do not use is there by its name alone (None), for suggestions. Credentials stand only in
        ``secret_connections``; the rest may be kept.
        """
        secrets = {name: self._entry("secret_map", name) for name in names}
        consumers = self._used("secret_consumers", set(_named(secrets, ("reload",))))
        connections = self._used("secret_connections", set(_named([secrets, consumers], _CONNECTED_BY)))
        self._mistakes.refuse()
        return {"secret_map": secrets, "secret_consumers": consumers, "secret_connections": connections}

    def connections(self, names: list[str]) -> Mapping[str, Any]:
        """These ``secret_connections``, as far as they are there."""
        there = self._section("secret_connections")
        found = {name: self._entry("secret_connections", name) for name in names if name in there}
        self._mistakes.refuse()
        return found

    def _used(self, variable: str, names: set[str]) -> dict[str, Any]:
        return {name: self._entry(variable, name) if name in names else None for name in self._section(variable)}

    def _entry(self, variable: str, name: str) -> Any:
        key = (variable, name)
        if key not in self._expanded:
            self._expanded[key] = self._walker.expand(self._section(variable)[name], key)
        return self._expanded[key]

    def _section(self, variable: str) -> Mapping[str, Any]:
        if variable not in self._sections:
            raw = self._vars.get(variable)
            self._sections[variable] = self._open(variable, {} if raw is None else raw)
        return self._sections[variable]

    def _open(self, variable: str, raw: Any) -> dict[str, Any]:
        """Its entries, as they are; a variable that is one template has to be expanded as a whole."""
        before = len(self._mistakes)
        if isinstance(raw, str):
            raw = self._walker.expand(raw, (variable,))
        if not isinstance(raw, Mapping):
            self._mistakes.add((variable,), f"expected a mapping of names, not {describe_type(raw)}")
        elif not all(isinstance(name, str) for name in raw):
            self._mistakes.add((variable,), "a name is no string", "put it in quotes")
        if len(self._mistakes) > before:
            self._mistakes.refuse()
        return {str.__str__(name): entry for name, entry in raw.items()}


def _named(node: Any, options: tuple[str, ...]) -> Iterator[str]:
    """Every name under one of these options, wherever they stand."""
    if isinstance(node, dict):
        for option, value in node.items():
            if option in options:
                yield from (name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str))
            else:
                yield from _named(value, options)
    elif isinstance(node, list):
        for item in node:
            yield from _named(item, options)
