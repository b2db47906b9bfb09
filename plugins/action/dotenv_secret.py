# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage keys of a dotenv file on the task's host; documented in plugins/modules/dotenv_secret.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils._core.clock import Clock
from ..module_utils._core.errors import UnavailableError
from ..module_utils._core.module_runner import converge
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.dotenv.resources import FILE, Secrets
from ..module_utils._providers.dotenv.store import DotenvConnection
from ..plugin_utils._ansible.on_host import TaskHost
from ..plugin_utils._ansible.shell import guarded, validated

_RULES = {rule: value for rule, value in RULES.items() if rule != "supports_check_mode"}


class ActionModule(ActionBase):
    """Manage the file from the controller, so that a value reaches the host through standard input only."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(guarded(lambda: self._act(task_vars or {}), unreachable=(UnavailableError,)))
        return result

    def _act(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        options = validated(self, {**FILE, **SECRETS}, **_RULES)
        connection = DotenvConnection({}, clock=Clock())
        host = connection.host = TaskHost(self, task_vars)
        secrets = Secrets(options, host.name, connection)
        return converge(secrets, check_mode=self._task.check_mode, diff=self._task.diff)
