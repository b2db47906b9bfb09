# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a person's word that a credential has ended; documented in plugins/modules/rotation_attest.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.options import RUN_OPTIONS, parse_options
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Record who says so, and when."""

    _supports_check_mode = True
    looks = True
    undone = "NOTHING WAS ATTESTED"
    options: ClassVar[Mapping[str, Any]] = {
        "secret": {"type": "str", "required": True},
        "credential": {"type": "str", "default": ""},
        "reason": RUN_OPTIONS["reason"],
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        wanted = parse_options({**options, "only": [options["secret"]]})
        return session.attest(wanted, str(options["credential"]), check=bool(self._task.check_mode))
