# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KV documents as the thin modules manage them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..._core.errors import ConfigurationError
from ..._core.module_runner import Resource, State
from ..._core.schema_check import refuse_misfits
from ..._core.stored import StoredSecrets
from .access import connect, container
from .store import VaultSecrets


class ListedSecrets(Resource):
    """The keys of one document."""

    def read(self) -> State:
        where = container(self.params)
        refuse_misfits(VaultSecrets.schema, where)
        if problems := VaultSecrets.validate(where, ()):
            raise ConfigurationError("; ".join(problems))
        vault = connect(self.params)
        found = VaultSecrets(vault, clock=vault.clock).outline(where)
        return {"secrets": [{"name": name} for name in found.pop("names")], **found}


class Secrets(StoredSecrets):
    """Named keys of one document, and what is noted beside them."""

    store: VaultSecrets

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params, VaultSecrets, container(params))
        vault = connect(params)
        self.store = VaultSecrets(vault, clock=vault.clock)
        noted = (params["custom_metadata"] or {}) if self.present else {}
        self._noted = {name: None if value is None else _text(value) for name, value in noted.items()}

    def read(self) -> State:
        before = super().read()
        return {**before, "custom_metadata": self.store.custom_metadata(self.container)} if self._noted else before

    def wanted(self, before: State) -> State:
        return {**super().wanted(before), **self._with_notes(before)}

    def apply(self, before: State) -> State:
        after = {**super().apply(before), **self._with_notes(before)}
        if self._noted and after["custom_metadata"] != before["custom_metadata"]:
            self.store.annotate(self.container, self._noted)
        return after

    def result(self, state: State) -> Mapping[str, Any]:
        noted = {"custom_metadata": state["custom_metadata"]} if self._noted else {}
        return {**super().result(state), **noted}

    def _with_notes(self, before: State) -> dict[str, Any]:
        if not self._noted:
            return {}
        merged = {**before["custom_metadata"], **self._noted}
        return {"custom_metadata": {name: value for name, value in merged.items() if value is not None}}


def _text(value: Any) -> str:
    """Return custom metadata as text; YAML makes numbers and booleans of some."""
    return value if isinstance(value, str) else json.dumps(value)
