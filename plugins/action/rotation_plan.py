# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans a rotation; documented in plugins/modules/rotation_plan.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.options import RUN_OPTIONS, parse_options
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Plan, print the plan, and keep it for the actions that follow."""

    _supports_check_mode = True
    options: ClassVar[Mapping[str, Any]] = RUN_OPTIONS

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return session.plan(parse_options(options), check=self._task.check_mode)
