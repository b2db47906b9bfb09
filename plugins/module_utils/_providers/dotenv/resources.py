# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage keys of dotenv files for the module ``dotenv_secret``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core.errors import NotFoundError
from ..._core.module_runner import State
from ..._core.stored import StoredSecrets
from .store import READERS, DotenvConnection, DotenvFile

FILE: dict[str, dict[str, Any]] = {
    "path": {"type": "str", "required": True},
    "create": {"type": "bool", "default": False},
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "readers": {"type": "list", "elements": "str", "choices": list(READERS)},
}


class Secrets(StoredSecrets):
    """Manage keys of one file on the host of the task."""

    def __init__(self, params: Mapping[str, Any], host: str, connection: DotenvConnection) -> None:
        container = {"host": host, **{name: params[name] for name in FILE}, "mode": _octal(params["mode"])}
        super().__init__(params, DotenvFile, container)
        self.store = DotenvFile(connection, clock=connection.clock)

    def read(self) -> State:
        """Read the keys; where none is to be there, the file may be missing."""
        try:
            return super().read()
        except NotFoundError:
            if self.present and self.names:
                raise
            return {"secrets": {}}


def _octal(mode: Any) -> str | None:
    """Write a numeric mode in octal: YAML reads 0640 as 416. An unquoted 640 becomes a mode that is refused."""
    return f"{mode:04o}" if isinstance(mode, int) else mode
