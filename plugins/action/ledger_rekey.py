# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seal the ledger with a new key; documented in plugins/modules/ledger_rekey.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Seal every value anew in one transaction of the ledger; nothing outside the ledger changes."""

    _supports_check_mode = True
    undone = "NOTHING WAS SEALED ANEW"
    options: ClassVar[Mapping[str, Any]] = {"reason": {"type": "str", "default": ""}}

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return session.rekey(options["reason"], check=self._task.check_mode)
