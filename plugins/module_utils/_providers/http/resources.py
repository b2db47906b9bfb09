# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a JSON API as the thin module manages them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core.errors import ConfigurationError
from ..._core.module_runner import State
from ..._core.stored import StoredSecrets
from .access import connect, container
from .store import HttpSecrets

_TAKEN = {"name", "written"}
"""What the result has of each secret beside its evidence."""


class Secrets(StoredSecrets):
    """Named secrets; their values are not read, so that every write is a change."""

    store: HttpSecrets

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params, HttpSecrets, container(params))
        if taken := _TAKEN & {*(params["read"] or {"evidence": {}})["evidence"]}:
            raise ConfigurationError(f"read.evidence: {', '.join(taken)} is in the result anyway", hint="Rename it")
        api = connect(params)
        self.store = HttpSecrets(api, clock=api.clock)

    def read(self) -> State:
        before = super().read()
        if self.present or self.params["read"]:
            return before
        self.remark("Nothing can be read here: whether these are there cannot be known.")
        return {"secrets": {name: {} for name in self.names}}
