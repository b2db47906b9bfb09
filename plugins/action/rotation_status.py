# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the state of the secrets; documented in plugins/modules/rotation_status.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.extra_vars import names_in
from ..plugin_utils._ansible.options import RUN_OPTIONS, parse_options
from ..plugin_utils._ansible.shell import RotationAction
from ..plugin_utils._engine.session import Session


class ActionModule(RotationAction):
    """Ask the providers and print the state of each secret; change nothing."""

    _supports_check_mode = True
    looks = True
    options: ClassVar[Mapping[str, Any]] = {
        "only": RUN_OPTIONS["only"],
        "where": RUN_OPTIONS["where"],
        "fail_on": {"type": "raw"},
    }

    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return session.status(parse_options(options), names_in(options.get("fail_on"), "status_fail_on"))
