# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``secret_*`` variables of a play as plain Python: tags taken off, templates expanded where they are asked for.

Handing a large map to core's own templating costs minutes; here only strings that hold a template are templated, and
each text once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from ....module_utils._core import masking
from . import each, schema
from .errors import MapError, Path, ValidationErrors, describe_type

_DEEPEST = 40
"""YAML anchors can make a list that holds itself."""


class Expander:
    """Turns values into lists, string-keyed dicts and scalars of exactly these types, which any serializer takes.

    ``template`` takes one string that holds a template of Ansible's, or one object that is no plain value; without it,
    strings stay as they are. ``${field}`` always does: it is the engine's.
    """

    def __init__(self, errors: ValidationErrors, template: Callable[[Any], Any] | None = None) -> None:
        self._errors = errors
        self._template = template
        self._expanded: dict[tuple[type, str], tuple[Any, str]] = {}

    def expand(self, value: Any, path: Path) -> Any:
        """Return the plain value; None where an error was found."""
        if isinstance(value, str):
            return self._string(value, path)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return int(value) if isinstance(value, int) else float(value)
        if isinstance(value, date):  # YAML makes one of 2026-08-01
            return value.isoformat()
        if isinstance(value, Mapping | list | tuple):
            return self._container(value, path)
        if self._template is None:
            return self._errors.add(path, f"a value of type {type(value).__name__} has no place here")
        return self._plain(*self._templated(value), path)  # such as what Ansible Vault has encrypted

    def known(self, value: Any) -> Any:
        """Return what a template was expanded to before; of any other, and of what is no string, its own text alone."""
        text = str.__str__(value) if isinstance(value, str) else ""
        return self._expanded.get((type(value), text), (text, ""))[0]

    def _string(self, value: str, path: Path) -> Any:
        text = str.__str__(value)
        if self._template is None or ("{{" not in text and "{%" not in text):
            return text
        key = (type(value), text)  # a string that is no trusted template has another type
        if key not in self._expanded:
            self._expanded[key] = self._templated(value)
        return self._plain(*self._expanded[key], path)

    def _container(self, value: Any, path: Path) -> Any:
        if len(path) > _DEEPEST:
            return self._errors.add(path, "nested too deeply, or holds itself")
        if not isinstance(value, Mapping):
            return [self.expand(item, (*path, index)) for index, item in enumerate(value)]
        found = {}
        for key, item in value.items():
            if isinstance(key, str):
                name = str.__str__(key)
                found[name] = self.expand(item, (*path, name))
            else:
                self._errors.add(path, f"a key is {_kind(key)}, not a string", "put it in quotes")
        return found

    def _templated(self, value: Any) -> tuple[Any, str]:
        """Return what the template makes of a value, or None and why it failed."""
        try:
            return (self._template(value) if self._template else value), ""
        except Exception as error:  # noqa: BLE001 - core's errors are many, and none may hide the other errors
            lines = masking.scrub(str(error)).splitlines()
            return None, next(filter(None, lines), type(error).__name__)

    def _plain(self, result: Any, failure: str, path: Path) -> Any:
        if failure:
            return self._errors.add(path, "the template failed", failure)
        return Expander(self._errors).expand(result, path)


class TaskVariables:
    """The variables of one task, expanded when they are asked for, and no more than is asked for."""

    def __init__(self, task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> None:
        self._vars = task_vars
        self._sections: dict[str, Mapping[str, Any]] = {}
        self._groups: dict[str, each.Group] = {}
        """What the name of a consumer with ``for_each`` stands for."""
        self._entries: dict[tuple[str, str], Any] = {}
        self._errors = ValidationErrors()
        self._expander = Expander(self._errors, template)

    @property
    def ledger(self) -> Any:
        """Expand ``secret_ledger``; None where it is not set."""
        ledger = self._expander.expand(self._vars.get("secret_ledger"), ("secret_ledger",))
        self._errors.raise_if_any()
        return ledger

    def names(self) -> list[str]:
        """List every secret's name, and expand nothing below."""
        if self._vars.get("secret_map") is None:
            where = "define it in the inventory, in group_vars/all.yml for instance"
            but = "group_vars beside a playbook count for its own plays, and not for what it imports from a collection"
            raise MapError([f"secret_map: is not defined; {where} ({but})"])
        return list(self._section("secret_map"))

    def connection_names(self) -> list[str]:
        """List every connection's name, and expand nothing below."""
        return list(self._section("secret_connections"))

    def select(self, names: list[str]) -> Mapping[str, Any]:
        """Expand ``secret_map`` with these secrets, and the ``secret_consumers`` and ``secret_connections`` they use.

        Whatever the secrets do not use is there by its name alone (None), for suggestions. Credentials stand only in
        ``secret_connections``; the rest may be kept.
        """
        secrets = {name: self._entry("secret_map", name) for name in names}
        consumers = self._used("secret_consumers", set(_named(secrets, "reload")))
        used = _named([secrets, consumers], "store", "connection", "connections")
        connections = {**dict.fromkeys(self._section("secret_connections")), **self._connections(used)}
        self._errors.raise_if_any()
        return {"secret_map": secrets, "secret_consumers": consumers, "secret_connections": connections}

    def others(self, names: Collection[str]) -> Mapping[str, Any]:
        """Return all secrets but these, for what two of them claim: with no template expanded that has not been.

        To expand a large map takes longer than a run of one secret. What is wrong with it is left out without a word.
        """
        silent, entries = ValidationErrors(), self._section("secret_map")
        expander, found = Expander(silent, self._expander.known), {}
        for name in entries.keys() - names:
            path = ("secret_map", name)
            found[name] = expander.expand(_claiming(entries[name]), path)
            each.spread_secret(found[name], path, {}, silent)
        return found

    def connections(self, names: list[str]) -> Mapping[str, Any]:
        """Expand these ``secret_connections``, as far as they are there."""
        found = self._connections(names)
        self._errors.raise_if_any()
        return found

    def _connections(self, names: Iterable[str]) -> dict[str, Any]:
        """Expand connections as far as they are there, and those in whose stores their credentials are."""
        there, found, left = self._section("secret_connections"), dict[str, Any](), set(names)
        while left := (left & there.keys()) - found.keys():
            found |= {name: self._entry("secret_connections", name) for name in there if name in left}
            left = set(_named(found, "store"))
        return found

    def _used(self, variable: str, names: set[str]) -> dict[str, Any]:
        return {name: self._entry(variable, name) if name in names else None for name in self._section(variable)}

    def _entry(self, variable: str, name: str) -> Any:
        key = (variable, name)
        if key not in self._entries:
            found = self._entries[key] = self._expander.expand(self._section(variable)[name], key)
            if variable == "secret_map":
                self._section("secret_consumers")  # fills the groups
                each.spread_secret(found, key, self._groups, self._errors)
        return self._entries[key]

    def _spread(self, variable: str, entries: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the entries, with one of each item in the place of one that has ``for_each``."""
        found: dict[str, Any] = {}
        for name, entry in entries.items():
            if variable == "secret_map" or not (isinstance(entry, Mapping) and each.OPTION in entry):
                found[name] = entry
                continue
            path = (variable, name)
            plain = self._expander.expand(entry, path)
            grouped = variable == "secret_consumers" and schema.goes_first_by_group(plain.get("type"))
            first = each.pop_first(plain, path, self._errors) if grouped else 0
            several = each.spread(name, plain, path, self._errors)
            for taken in several.keys() & (entries.keys() | found.keys()):
                self._errors.add((variable, taken), f"is what {each.OPTION} of {name} makes, too")
            found |= several
            if variable == "secret_consumers":
                self._groups[name] = each.Group(list(several), first)
        return found

    def _section(self, variable: str) -> Mapping[str, Any]:
        """Return the entries of a variable as they are; one that is a single template is expanded as a whole."""
        if variable not in self._sections:
            before, raw = len(self._errors), self._vars.get(variable)
            entries = self._expander.expand(raw, (variable,)) if isinstance(raw, str) else raw
            found = section(variable, entries, self._errors, optional=raw is None)
            if len(self._errors) > before:
                self._errors.raise_if_any()
            self._sections[variable] = self._spread(variable, found)
        return self._sections[variable]


def _claiming(entry: Any) -> Any:
    """Cut a secret down to what names keys and a credential."""
    if not isinstance(entry, Mapping):
        return entry
    found = {name: entry[name] for name in ("issuer", "copies", "accept", "rollout") if name in entry}
    if isinstance(found.get("rollout"), list):
        copies = [step.get("copies") if isinstance(step, Mapping) else None for step in found["rollout"]]
        found["rollout"] = [{"copies": one} for one in copies]
    return found


def section(variable: str, raw: Any, errors: ValidationErrors, *, optional: bool = False) -> dict[str, Any]:
    """Return the entries of a variable by their names; what is no mapping of names is an error."""
    if not isinstance(raw, Mapping):
        if raw is not None or not optional:
            errors.add((variable,), f"expected a mapping of names, not {describe_type(raw)}")
        return {}
    for key in (key for key in raw if not isinstance(key, str)):
        errors.add((variable,), f"a name is {_kind(key)}, not a string", "put it in quotes")
    return {str.__str__(key): entry for key, entry in raw.items() if isinstance(key, str)}


def leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Walk through lists and dicts, and yield everything else with its path."""
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(child, (*path, key))
    else:
        yield path, node


def _named(node: Any, *options: str) -> Iterator[str]:
    """Find every name under one of these options, wherever they stand."""
    for path, leaf in leaves(node):
        if isinstance(leaf, str) and next((key for key in reversed(path) if isinstance(key, str)), "") in options:
            yield leaf


def _kind(key: Any) -> str:
    return {bool: "true or false", type(None): "empty", int: "a number", float: "a number"}.get(type(key), "no text")
