# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin or end a freeze of the ledger's secrets; documented in plugins/modules/rotation_freeze.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Record who has frozen the secrets, why, and until when."""

    _supports_check_mode = True
    looks = True
    undone = "NOTHING WAS FROZEN OR THAWED"
    options: ClassVar[Mapping[str, Any]] = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "reason": {"type": "str", "default": ""},
        "end": {"type": "str", "default": ""},
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        check = bool(self._task.check_mode)
        if options["state"] == "absent":
            return session.thaw(options["reason"], check=check)
        return session.freeze(options["reason"], options["end"], check=check)
