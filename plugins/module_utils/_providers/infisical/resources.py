# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's secrets as the thin modules manage them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core.module_runner import Resource, State
from ..._core.schema_check import refuse_misfits
from ..._core.stored import StoredSecrets
from .access import connect, container
from .store import InfisicalSecrets


class ListedSecrets(Resource):
    """All secrets of one folder."""

    def read(self) -> State:
        where = container(self.params)
        refuse_misfits(InfisicalSecrets.schema, where)
        infisical = connect(self.params)
        return {"secrets": InfisicalSecrets(infisical, clock=infisical.clock).listed(where)}


class Secrets(StoredSecrets):
    """Named secrets of one folder."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params, InfisicalSecrets, container(params))
        infisical = connect(params)
        self.store = InfisicalSecrets(infisical, clock=infisical.clock)
