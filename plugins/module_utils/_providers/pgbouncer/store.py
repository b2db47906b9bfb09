# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep copies in the file that PgBouncer's ``auth_file`` names: a key is a role, its value a verifier or a password.

Source: PgBouncer's documentation of the authentication file, pgbouncer.org/config.html, and its ``load_auth_file``.
"""

from __future__ import annotations

from ..._core.contracts import Limits, Options, Schema
from ..._core.host_files import OPTIONS, HostFileStore
from ..._core.hosts import HostConnection

_LONGEST_NAME = 63
"""Bytes of a role's name, as PostgreSQL has it."""


class UserListConnection(HostConnection):
    """Reach the inventory host on which Ansible runs the task."""


class UserList(HostFileStore):
    what = "userlist of PgBouncer"
    format = (__package__ or "", "on_host_program.py")
    limits = Limits(value_bytes=2047)
    """What PgBouncer reads; at a longer value it stops reading the file."""
    schema = Schema(properties=OPTIONS, required=("host", "path"))
    connection: UserListConnection

    @classmethod
    def name_problem(cls, key: str) -> str:
        if "\0" in key or not 0 < len(key.encode()) <= _LONGEST_NAME:
            return f"the name of a role has 1 to {_LONGEST_NAME} bytes, none of them NUL"
        return ""

    @classmethod
    def value_problem(cls, container: Options, value: str) -> str:
        return "a line cannot hold a NUL character" if "\0" in value else ""
