# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify the ledger's audit trail; documented in plugins/modules/ledger_verify.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Verify the chain of the audit trail and print the result; change nothing."""

    _supports_check_mode = True
    options: ClassVar[Mapping[str, Any]] = {name: {"type": "str", "default": ""} for name in ("head", "secret")}

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return session.verify(options["head"], options["secret"])
