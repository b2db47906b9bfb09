# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a value that a person has made; documented in plugins/modules/rotation_deposit.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.deposited import Source, refuse_variables
from ..plugin_utils._ansible.options import RUN_OPTIONS, parse_options
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Seal the value in the ledger; it is in no variable, argument or result."""

    _supports_check_mode = True
    looks = True
    undone = "NOTHING WAS DEPOSITED"
    options: ClassVar[Mapping[str, Any]] = {
        "secret": {"type": "str", "required": True},
        "file": {"type": "str"},
        "from": {"type": "dict"},
        "confirm": RUN_OPTIONS["confirm"],
        "forget": RUN_OPTIONS["forget"],
        "reason": RUN_OPTIONS["reason"],
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        check = bool(self._task.check_mode)
        wanted = parse_options({**options, "only": [options["secret"]]})
        refuse_variables(self.task_vars)
        session.made_by_person(wanted)
        source = Source(self.task_vars, options, session, self.clock, check=check)
        result = session.deposit(wanted, source.read, check=check)
        for line in source.left_over if result["changed"] and not check else ():
            self.say(line)
        return result
