# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do one piece of a rotation's work on an inventory host; documented in plugins/modules/rotation_host.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..module_utils._core.errors import ConfigurationError, RotorError
from ..plugin_utils._ansible.on_host import TaskHost
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Run the work on the delegated host; a value reaches the host through standard input only."""

    _supports_check_mode = False
    options: ClassVar[Mapping[str, Any]] = {"id": {"type": "int", "required": True}}

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        work = session.host_work(int(options["id"]))
        here = self._task.delegate_to or "localhost"
        if here != work.host:
            raise ConfigurationError(f"the {work.what} is for host {work.host}, not for {here}")
        try:
            self.say(f"  {work.perform(TaskHost(self, self.task_vars))}")
        except RotorError as error:  # recorded: the next advance holds the secret, and says where everything is
            self.say(f"  {work.what}: {error}")
            return {"changed": False, "done": False}
        return {"changed": True, "done": True}
