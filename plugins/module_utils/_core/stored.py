# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of one container as a thin module manages them: any :class:`Store` becomes a :class:`Resource`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .contracts import Evidence, Options, Store
from .credential import SecretValue
from .errors import ConfigurationError
from .module_runner import Resource, State, unverified
from .schema_check import refuse_misfits

SECRETS: dict[str, dict[str, Any]] = {
    "name": {"type": "str"},
    "value": {"type": "str", "no_log": True},
    "secrets": {
        "type": "list",
        "elements": "dict",
        "no_log": False,
        "options": {"name": {"type": "str", "required": True}, "value": {"type": "str", "no_log": True}},
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
"""The options of a module that manages one secret (``name``, ``value``) or several (``secrets``)."""
RULES: dict[str, Any] = {
    "required_one_of": [("name", "secrets")],
    "mutually_exclusive": [("name", "secrets"), ("value", "secrets")],
    "supports_check_mode": True,
}


class StoredSecrets(Resource):
    """Named secrets of one container, ``present`` with these values or ``absent``."""

    store: Store

    def __init__(self, params: Mapping[str, Any], kind: type[Store], container: Options) -> None:
        """A subclass sets ``self.store`` afterwards: what is wrong with the options is said before anything is sent."""
        super().__init__(params)
        refuse_misfits(kind.schema, container)
        self.note = unverified(kind)
        self.container = container
        self.present = params["state"] == "present"
        items = [params] if params["secrets"] is None else params["secrets"]
        given = {item["name"]: item.get("value") for item in items}
        self.names = list(given)
        problems = kind.validate(container, self.names)
        counted = Counter(item["name"] for item in items)
        problems += [f"{name}: it is named {count} times" for name, count in counted.items() if count > 1]
        if self.present:
            problems += [f"{name}: its value is missing or empty" for name, value in given.items() if not value]
        self.values = self._values(given, problems) if self.present else {}
        problems += kind.reject_values(container, self.values)
        if problems:
            raise ConfigurationError(f"{kind.label(container)}: {'; '.join(problems)}")
        self._seen: Evidence = {"keys": {}}

    @staticmethod
    def _values(given: Mapping[str, Any], problems: list[str]) -> dict[str, SecretValue]:
        values: dict[str, SecretValue] = {}
        for name, value in given.items():
            try:
                values |= {name: SecretValue(value)} if value else {}
            except ValueError as error:
                problems.append(f"{name}: {error}")
        return values

    def read(self) -> State:
        self._seen = self.store.observe(self.container, self.names)
        if self.present and not self._is_known():
            self.remark("Values cannot be read here: whether these differ from what is set cannot be known.")
        return {"secrets": self._seen["keys"]}

    def wanted(self, before: State) -> State:
        if not self.present:
            return {"secrets": {}}
        if not self._is_known():
            return {"secrets": {name: {"written": True} for name in self.names}}
        wanted = {name: {"fingerprint": self.store.fingerprint(value)} for name, value in self.values.items()}
        return {"secrets": {name: self._kept(name, facts) for name, facts in wanted.items()}}

    def apply(self, before: State) -> State:
        if not self.present:
            self._seen = self.store.delete(self.container, list(before["secrets"]))
            return {"secrets": {}}
        known = {} if self._is_known() else {"written": True}
        self._seen = self.store.write(self.container, self.values, self._seen)
        return {"secrets": {name: {**facts, **known} for name, facts in self._seen["keys"].items()}}

    def result(self, state: State) -> Mapping[str, Any]:
        return {"secrets": [{"name": name, **facts} for name, facts in state["secrets"].items()]}

    def remark(self, what: str) -> None:
        """Note what else a check mode cannot know."""
        self.note = f"{what} {self.note}".strip()

    def _is_known(self) -> bool:
        """Return whether every value that is there could be read, so that it can be compared."""
        return self.store.readable and all("fingerprint" in facts for facts in self._seen["keys"].values())

    def _kept(self, name: str, facts: Evidence) -> Evidence:
        """Return the state of a secret that holds this very value already; its other facts stay as they are."""
        there = self._seen["keys"].get(name, {})
        return there if there.get("fingerprint") == facts["fingerprint"] else facts


def as_text(value: Any) -> Any:
    """Write a number or a boolean as JSON spells it: YAML makes those of some texts. Anything else stays as it is."""
    return json.dumps(value) if isinstance(value, (bool, int, float)) else value
