# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take existing values under management; documented in plugins/modules/rotation_adopt.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..module_utils._core.errors import ConfigurationError
from ..plugin_utils._ansible.options import RUN_OPTIONS, parse_options
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Record what is there; rotate nothing."""

    _supports_check_mode = True
    looks = True
    undone = "NOTHING WAS ADOPTED"
    options: ClassVar[Mapping[str, Any]] = {
        "only": {"type": "raw", "required": True},
        "adopt": RUN_OPTIONS["adopt"],
        "forget": RUN_OPTIONS["forget"],
        "reason": RUN_OPTIONS["reason"],
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        if options["forget"]:
            raise ConfigurationError(
                "rotate_forget: adopting overwrites nothing, and forgets nothing",
                hint="Give both rotate_adopt and rotate_forget to the run that rotates",
            )
        return session.adopt(parse_options(options), check=bool(self._task.check_mode))
