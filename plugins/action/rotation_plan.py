# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a rotation; documented in plugins/modules/rotation_plan.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..module_utils._core.errors import ConfigurationError
from ..plugin_utils._ansible.invocation import leaving_out, playbooks
from ..plugin_utils._ansible.options import RUN_OPTIONS, parse_options
from ..plugin_utils._ansible.phases import REPORTED, find_hooks, phases
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Plan a run, print the plan, and keep it in the ledger for the actions that follow."""

    _supports_check_mode = True
    options: ClassVar[Mapping[str, Any]] = RUN_OPTIONS

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(self.task_vars.get("ansible_play_hosts_all", ())) > 1:
            raise ConfigurationError(
                "rotor.secrets serves a whole inventory at once, and this play has several hosts",
                hint="Rotate in a play of its own, on localhost",
            )
        if options["report_to"]:
            session.check_report(options["report_to"])
        hooks = find_hooks(options["hooks"], playbooks(), self._loader.load_from_file)
        check = bool(self._task.check_mode)
        left_out = "" if check else leaving_out(self._task.tags)
        plan = session.plan(parse_options(options), check=check or bool(left_out))
        if left_out:
            self.say(f"NOTHING WAS ROTATED  {left_out} leaves it out; run it again without")
        looks = check or bool(left_out)
        parts = phases(hooks, hosts=plan["hosts"]) if plan["go"] and not looks else []
        if options["report_to"] and not looks:
            plan, parts = {**plan, "failed": False, "stuck": plan.get("msg", ""), "parts": parts}, [REPORTED]
        return {**plan, "changed": check and plan["go"], "phases": parts}
