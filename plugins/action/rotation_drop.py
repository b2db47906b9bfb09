# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop an identity that has left the map; documented in plugins/modules/rotation_drop.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.options import RUN_OPTIONS
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Tell what ends with it, and drop it where a person has confirmed that."""

    _supports_check_mode = True
    looks = True
    undone = "NOTHING WAS DROPPED"
    options: ClassVar[Mapping[str, Any]] = {
        "secret": {"type": "str", "required": True},
        "identity": {"type": "str", "required": True},
        "confirm": {"type": "str", "default": ""},
        "reason": RUN_OPTIONS["reason"],
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        named = (options[name] for name in ("secret", "identity", "confirm", "reason"))
        return session.drop(*named, check=bool(self._task.check_mode))
