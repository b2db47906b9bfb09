# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export stored values to a file or a command; documented in plugins/modules/export.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..module_utils._core.module_runner import converge
from ..plugin_utils._ansible.exported import OPTIONS, RULES, ExportedFile, collect, run
from ..plugin_utils._ansible.on_host import TaskHost
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Read on the controller, and hand the values to the task's host through standard input."""

    _supports_check_mode = True
    options: ClassVar[Mapping[str, Any]] = OPTIONS
    rules = RULES

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        values = collect(session, options["from"])
        host = TaskHost(self, self.task_vars)
        check = bool(self._task.check_mode)
        if options["path"]:
            file = ExportedFile(options, values, host, self.clock)
            return converge(file, check_mode=check, diff=self._task.diff)
        return run(host, options["command"], options["chdir"], values, check=check)
