# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write that a run has ended, and how; documented in plugins/modules/rotation_report.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.on_host import TaskHost
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Write a file on the delegated host, or send a PUT; a failure is told, and fails nothing."""

    _supports_check_mode = True
    options: ClassVar[Mapping[str, Any]] = {
        "to": {"type": "dict", "required": True},
        "plan": {"type": "dict", "required": True},
        "progress": {"type": "dict"},
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._task.check_mode:
            return {"changed": False, "reported": False}
        return session.report(options["to"], options["plan"], options["progress"] or {}, TaskHost(self, self.task_vars))
