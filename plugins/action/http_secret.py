# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guard the modules that take a credential; meta/runtime.yml routes all of them to this action."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action.normal import ActionModule as Normal

from ..module_utils._core.errors import ConfigurationError
from ..plugin_utils._ansible import environment
from ..plugin_utils._ansible.on_host import keeps_remote_files
from ..plugin_utils._ansible.shell import guarded


class ActionModule(Normal):
    """Run the module as core does, unless core would keep its arguments in a file on the host."""

    _supports_async = False
    """Core keeps the result of such a task, a new token too, in a file that everybody on the host may read."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module behind the guard; core's own errors pass, since they say what is wrong with the host."""
        return guarded(lambda: self._run(tmp, task_vars), passing=(AnsibleError,))

    def _run(self, tmp: str | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        if keeps_remote_files():
            raise ConfigurationError(
                "ANSIBLE_KEEP_REMOTE_FILES would leave this task's credentials in a file on its host; nothing was done",
                hint="Unset it, and run again",
            )
        references = environment.References(task_vars or {}, self._templar.template)
        with environment.without(references.of_ledger()):  # a module may want to look up its system's own variables
            result: dict[str, Any] = super().run(tmp, task_vars)
        return result
