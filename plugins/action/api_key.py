# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes or revokes a key of any API that makes, lists and revokes keys; documented in plugins/modules/api_key.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from ..module_utils._core.module_runner import converge
from ..plugin_utils._ansible.issued_keys import ACCESS, KEY, Key
from ..plugin_utils._ansible.shell import guarded, validated


class ActionModule(ActionBase):
    """Runs on the controller, where every issuer is at hand."""

    _supports_check_mode = True
    _supports_async = False
    options: ClassVar[Mapping[str, Any]] = {**ACCESS, **KEY}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(guarded(self._act))
        return result

    def _act(self) -> dict[str, Any]:
        options = validated(self, self.options)
        return converge(Key(options), check_mode=self._task.check_mode, diff=self._task.diff)
