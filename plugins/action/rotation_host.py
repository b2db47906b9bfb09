# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do a rotation's work on an inventory host; documented in plugins/modules/rotation_host.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.on_host import TaskHost
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Run the work on the delegated host; a value reaches the host through standard input only."""

    _supports_check_mode = False
    options: ClassVar[Mapping[str, Any]] = {
        "run": {"type": "str", "required": True},
        "work": {"type": "list", "elements": "int", "required": True},
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        host = TaskHost(self, self.task_vars)
        return session.host_work(str(options["run"]), options["work"], host.name, host)
