# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advance a planned rotation; documented in plugins/modules/rotation_advance.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.decide.state import Phase
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Make the effects of a run up to the end of a phase; never in check mode."""

    _supports_check_mode = False
    options: ClassVar[Mapping[str, Any]] = {
        "run": {"type": "str", "required": True},
        "until": {"type": "str", "required": True, "choices": [phase.name.lower() for phase in Phase]},
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return session.advance(str(options["run"]), Phase[str(options["until"]).upper()])
